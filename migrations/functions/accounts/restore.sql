CREATE OR REPLACE FUNCTION restore_account(p_id uuid, p_now timestamptz, p_retention_days integer)
RETURNS SETOF accounts
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    a accounts;
    secret_count bigint;
BEGIN
    SELECT * INTO a FROM accounts
     WHERE tenant_id = current_tenant() AND id = p_id
       AND (deleted_at IS NULL OR deleted_at > p_now - make_interval(days => p_retention_days)) FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM reject('not_found');
        RETURN;
    ELSIF a.deleted_at IS NULL THEN
        RETURN NEXT a;
        RETURN;
    END IF;
    IF EXISTS (SELECT FROM accounts o WHERE o.tenant_id = a.tenant_id AND o.name = a.name AND o.deleted_at IS NULL) THEN
        PERFORM reject('conflict');
        RETURN;
    END IF;
    -- The account and its secrets count again: all of them, or none.
    secret_count := count_secrets(p_id);
    IF NOT try_reserve_quota('accounts') THEN
        PERFORM reject('quota_exceeded');
        RETURN;
    ELSIF NOT try_reserve_quota('secrets', secret_count) THEN
        PERFORM release_quota('accounts');
        PERFORM reject('quota_exceeded');
        RETURN;
    END IF;
    UPDATE accounts SET deleted_at = NULL, updated_at = p_now, version = version + 1
     WHERE tenant_id = a.tenant_id AND id = a.id RETURNING * INTO a;
    RETURN NEXT a;
END $$;

COMMENT ON FUNCTION restore_account IS
    'Restores an account that was deleted less than p_retention_days ago, with its secrets; a live one is returned '
    'unchanged. Conflicts where its name is taken.';
GRANT EXECUTE ON FUNCTION restore_account TO holdfast_accounts;
