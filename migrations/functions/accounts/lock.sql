CREATE OR REPLACE FUNCTION lock_account(p_account uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    found_status text;
BEGIN
    SELECT status INTO found_status FROM accounts
     WHERE tenant_id = current_tenant() AND id = p_account AND deleted_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        PERFORM reject('not_found');
    ELSIF found_status <> 'active' THEN
        PERFORM reject('conflict');
    END IF;
    RETURN current_tenant() IS NOT NULL;
END $$;

COMMENT ON FUNCTION lock_account IS
    'Locks an account against changes in this transaction. False, and the request rejected, where it is missing or '
    'suspended.';
GRANT EXECUTE ON FUNCTION lock_account TO holdfast_accounts;
