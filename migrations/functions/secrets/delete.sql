CREATE OR REPLACE FUNCTION delete_secret(p_account uuid, p_name text, p_versions bigint[], p_now timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    s secrets;
BEGIN
    IF NOT lock_account(p_account) THEN
        RETURN request_rejection();
    END IF;
    SELECT * INTO s FROM secrets f
     WHERE f.tenant_id = current_tenant() AND f.account_id = p_account AND f.name = p_name AND f.deleted_at IS NULL
       FOR UPDATE;
    IF NOT FOUND THEN
        RETURN reject('not_found');
    ELSIF s.version <> ALL (p_versions) THEN
        RETURN reject('precondition_failed');
    END IF;
    DELETE FROM secret_versions v WHERE v.tenant_id = s.tenant_id AND v.account_id = s.account_id AND v.name = s.name;
    UPDATE secrets f SET deleted_at = p_now, updated_at = p_now
     WHERE f.tenant_id = s.tenant_id AND f.account_id = s.account_id AND f.name = s.name;
    RETURN release_quota('secrets');
END $$;

COMMENT ON FUNCTION delete_secret IS 'Deletes a secret with all its versions.';
GRANT EXECUTE ON FUNCTION delete_secret TO holdfast_accounts;
