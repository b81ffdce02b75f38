CREATE OR REPLACE FUNCTION create_vault_key(
    p_tenant uuid,
    p_purpose text,
    p_provider text,
    p_provider_key text,
    p_wrapped bytea,
    p_now timestamptz
) RETURNS TABLE (key_version integer, provider text, provider_key text, wrapped bytea)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- Of instances that race, one inserts; the others wait for it here, insert nothing and find its key below.
    INSERT INTO vault_keys (tenant_id, purpose, version, wrapped, provider, provider_key, created_at)
    SELECT p_tenant, p_purpose, coalesce(max(k.version), 0) + 1, p_wrapped, p_provider, p_provider_key, p_now
      FROM vault_keys k WHERE k.tenant_id = p_tenant AND k.purpose = p_purpose
    HAVING request_rejection() IS NULL
    ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT * FROM active_vault_key(p_tenant, p_purpose);
END $$;

COMMENT ON FUNCTION create_vault_key IS
    'Stores a tenant''s data key of a purpose unless it has an active one, and returns the active one: the caller''s, or '
    'the one that was there first.';
ALTER FUNCTION create_vault_key OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION create_vault_key TO holdfast_auth, holdfast_accounts, holdfast_admin, holdfast_maintenance;
