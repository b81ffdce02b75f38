CREATE OR REPLACE FUNCTION rotate_vault_key(
    p_tenant uuid,
    p_version integer,
    p_provider text,
    p_provider_key text,
    p_wrapped bytea,
    p_now timestamptz
) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NOT is_operator() OR p_tenant <> current_tenant() THEN
        RETURN reject('forbidden');
    END IF;
    -- Of simultaneous rotations one gets the version that it expects, and the others conflict.
    PERFORM pg_advisory_xact_lock(hashtextextended('holdfast.vault_keys ' || p_tenant, 0));
    IF p_version <> (SELECT coalesce(max(version), 0) + 1 FROM vault_keys WHERE tenant_id = p_tenant) THEN
        RETURN reject('conflict');
    END IF;
    UPDATE vault_keys SET state = 'retiring', retired_at = p_now WHERE tenant_id = p_tenant AND state = 'active';
    INSERT INTO vault_keys (tenant_id, version, wrapped, provider, provider_key, created_at)
    VALUES (p_tenant, p_version, p_wrapped, p_provider, p_provider_key, p_now);
    RETURN NULL;
END $$;

COMMENT ON FUNCTION rotate_vault_key IS
    'Stores a tenant''s new data key as the version expected; the one before it only opens from now on. Conflicts '
    'where another rotation was first.';
ALTER FUNCTION rotate_vault_key OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION rotate_vault_key TO holdfast_app;
