CREATE OR REPLACE FUNCTION is_active_vault_key(p_purpose text, p_version integer) RETURNS boolean
LANGUAGE sql STABLE
RETURN EXISTS (
    SELECT FROM vault_keys
     WHERE tenant_id = current_tenant() AND purpose = p_purpose AND version = p_version AND state = 'active'
);

COMMENT ON FUNCTION is_active_vault_key IS
    'True where the tenant''s values of this purpose are sealed under this version of its data key now.';
GRANT EXECUTE ON FUNCTION is_active_vault_key TO holdfast_accounts;
