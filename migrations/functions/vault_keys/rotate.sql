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
    IF p_version <> (
        SELECT coalesce(max(version), 0) + 1 FROM vault_keys WHERE tenant_id = p_tenant AND purpose = 'secret'
    ) THEN
        RETURN reject('conflict');
    END IF;
    UPDATE vault_keys SET state = 'retiring', retired_at = p_now WHERE tenant_id = p_tenant AND state = 'active';
    INSERT INTO vault_keys (tenant_id, purpose, version, wrapped, provider, provider_key, created_at)
    VALUES (p_tenant, 'secret', p_version, p_wrapped, p_provider, p_provider_key, p_now);
    RETURN NULL;
END $$;

COMMENT ON FUNCTION rotate_vault_key IS
    'Stores the new data key of a tenant''s secrets as the version expected, and retires all that were active: they only '
    'open from now on, and the next value of another purpose creates its own. Conflicts where another rotation was first.';
ALTER FUNCTION rotate_vault_key OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION rotate_vault_key TO holdfast_admin;
