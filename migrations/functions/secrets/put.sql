-- Locks the account (against its suspension or deletion), then the secret, so that writers of one secret queue and each
-- sees what the one before it has done.
CREATE OR REPLACE FUNCTION put_secret(
    p_account uuid,
    p_name text,
    p_versions bigint[],
    p_exists boolean,
    p_sealed bytea,
    p_key_version integer,
    p_binding_key bytea,
    p_is_text boolean,
    p_restored_from bigint,
    p_keep bigint,
    p_now timestamptz
) RETURNS TABLE (
    name text,
    version bigint,
    created_at timestamptz,
    updated_at timestamptz,
    key_version integer,
    created boolean
)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    s secrets;
    live boolean;
    rejection text;
BEGIN
    IF NOT lock_account(p_account) THEN
        RETURN;
    ELSIF NOT is_active_vault_key('secret', p_key_version) THEN
        -- The data key was retired since the caller looked: nothing new is sealed under it.
        PERFORM set_config('holdfast.again', 'on', true);
        RETURN;
    END IF;
    -- Of simultaneous first writers one inserts; the others wait for it here and come after it.
    INSERT INTO secrets AS n (tenant_id, account_id, name, version, created_at, updated_at, deleted_at)
    VALUES (current_tenant(), p_account, p_name, 0, p_now, p_now, p_now) ON CONFLICT DO NOTHING;
    SELECT * INTO STRICT s FROM secrets f
     WHERE f.tenant_id = current_tenant() AND f.account_id = p_account AND f.name = p_name FOR UPDATE;
    live := s.deleted_at IS NULL;
    IF (p_exists IS NOT NULL AND p_exists <> live)
        OR (p_versions IS NOT NULL AND (NOT live OR s.version <> ALL (p_versions))) THEN
        rejection := 'precondition_failed';
    ELSIF p_restored_from IS NOT NULL AND NOT live THEN
        rejection := 'not_found';
    ELSIF NOT live AND NOT try_reserve_quota('secrets') THEN
        rejection := 'quota_exceeded';
    END IF;
    IF rejection IS NOT NULL THEN
        -- A secret that was never put leaves no trace.
        DELETE FROM secrets d
         WHERE d.tenant_id = s.tenant_id AND d.account_id = s.account_id AND d.name = s.name AND d.version = 0;
        PERFORM reject(rejection);
        RETURN;
    END IF;
    s := add_secret_version(s, p_sealed, p_key_version, p_binding_key, p_is_text, p_restored_from, p_keep, p_now);
    IF NOT live THEN
        PERFORM set_config('holdfast.status', '201', true);
    END IF;
    RETURN QUERY SELECT s.name, s.version, s.created_at, s.updated_at, p_key_version, NOT live;
END $$;

COMMENT ON FUNCTION put_secret IS
    'Creates a secret or gives it a new version, where it is at one of these versions, and exists or does not, as '
    'the caller requires. No row and no rejection: the data key is no longer the active one, seal again.';
GRANT EXECUTE ON FUNCTION put_secret TO holdfast_accounts;
