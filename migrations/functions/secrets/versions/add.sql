CREATE OR REPLACE FUNCTION add_secret_version(
    p_secret secrets,
    p_sealed bytea,
    p_key_version integer,
    p_binding_key bytea,
    p_is_text boolean,
    p_restored_from bigint,
    p_keep bigint,
    p_now timestamptz
) RETURNS secrets
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    p_secret.version := p_secret.version + 1;
    p_secret.updated_at := p_now;
    IF p_secret.deleted_at IS NOT NULL THEN
        p_secret.created_at := p_now;
        p_secret.deleted_at := NULL;
    END IF;
    UPDATE secrets s SET version = p_secret.version, created_at = p_secret.created_at, updated_at = p_now,
           deleted_at = NULL
     WHERE s.tenant_id = p_secret.tenant_id AND s.account_id = p_secret.account_id AND s.name = p_secret.name;
    INSERT INTO secret_versions (tenant_id, account_id, name, version, sealed, key_version, binding_tag, is_text,
        restored_from, created_at)
    VALUES (p_secret.tenant_id, p_secret.account_id, p_secret.name, p_secret.version, p_sealed, p_key_version,
        sha256(p_binding_key || sha256(p_sealed) || int8send(p_secret.version)), p_is_text, p_restored_from, p_now);
    DELETE FROM secret_versions v
     WHERE v.tenant_id = p_secret.tenant_id AND v.account_id = p_secret.account_id AND v.name = p_secret.name
       AND v.version <= p_secret.version - p_keep;
    RETURN p_secret;
END $$;

COMMENT ON FUNCTION add_secret_version IS
    'Gives a secret its next version, with the tag that binds the value to it, and deletes versions older than the '
    'newest p_keep.';
GRANT EXECUTE ON FUNCTION add_secret_version TO holdfast_accounts;
