-- Sealing happens before the request's transaction, so before it acts in a tenant. What this returns is useless without
-- the key that unwraps it.
CREATE OR REPLACE FUNCTION active_vault_key(p_tenant uuid, p_purpose text)
RETURNS TABLE (key_version integer, provider text, provider_key text, wrapped bytea)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT k.version, k.provider, k.provider_key, k.wrapped FROM vault_keys k
     WHERE k.tenant_id = p_tenant AND k.purpose = p_purpose AND k.state = 'active'
$$;

COMMENT ON FUNCTION active_vault_key IS
    'The wrapped data key that seals this tenant''s values of a purpose; no row while there is none.';
ALTER FUNCTION active_vault_key OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION active_vault_key TO holdfast_auth, holdfast_accounts, holdfast_admin, holdfast_maintenance;
