CREATE OR REPLACE FUNCTION restore_secret_version(
    p_account uuid,
    p_name text,
    p_version bigint,
    p_versions bigint[],
    p_key_version integer,
    p_binding_key bytea,
    p_keep bigint,
    p_now timestamptz
) RETURNS TABLE (
    name text,
    version bigint,
    created_at timestamptz,
    updated_at timestamptz,
    key_version integer,
    sealed bytea,
    binding_tag bytea,
    is_text boolean,
    provider text,
    provider_key text,
    wrapped bytea
)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    s secrets;
    old secret_versions;
BEGIN
    IF NOT lock_account(p_account) THEN
        RETURN;
    END IF;
    SELECT * INTO s FROM secrets f
     WHERE f.tenant_id = current_tenant() AND f.account_id = p_account AND f.name = p_name AND f.deleted_at IS NULL
       FOR UPDATE;
    SELECT * INTO old FROM secret_versions v
     WHERE v.tenant_id = s.tenant_id AND v.account_id = s.account_id AND v.name = s.name AND v.version = p_version;
    IF NOT FOUND THEN
        PERFORM reject('not_found');
        RETURN;
    ELSIF s.version <> ALL (p_versions) THEN
        PERFORM reject('precondition_failed');
        RETURN;
    ELSIF old.key_version = p_key_version AND is_active_vault_key('secret', p_key_version) THEN
        s := add_secret_version(s, old.sealed, p_key_version, p_binding_key, old.is_text, p_version, p_keep, p_now);
        RETURN QUERY SELECT s.name, s.version, s.created_at, s.updated_at, p_key_version,
            NULL::bytea, NULL::bytea, NULL::boolean, NULL::text, NULL::text, NULL::bytea;
        RETURN;
    END IF;
    -- Sealed under another data key than the caller's: the caller opens this and puts it as a new value.
    PERFORM set_config('holdfast.again', 'on', true);
    RETURN QUERY SELECT s.name, p_version, s.created_at, s.updated_at, old.key_version, old.sealed, old.binding_tag,
            old.is_text, k.provider, k.provider_key, k.wrapped
        FROM vault_keys k WHERE k.tenant_id = old.tenant_id AND k.purpose = 'secret' AND k.version = old.key_version;
END $$;

COMMENT ON FUNCTION restore_secret_version IS
    'Makes an earlier value of a secret its newest version. Where that is sealed under another data key than the '
    'caller''s active one, nothing is done, and the sealed value is returned to be sealed again.';
GRANT EXECUTE ON FUNCTION restore_secret_version TO holdfast_accounts;
