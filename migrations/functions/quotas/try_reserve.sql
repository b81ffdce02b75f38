CREATE OR REPLACE FUNCTION try_reserve_quota(p_kind text, p_count bigint DEFAULT 1) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- Setting a quota counts what is in use. It waits for the transactions that hold this lock, and they for it.
    PERFORM FROM tenants WHERE id = current_tenant() FOR KEY SHARE;
    UPDATE tenant_quotas SET used = used + p_count
     WHERE tenant_id = current_tenant() AND kind = p_kind AND used + p_count <= max_count;
    RETURN FOUND OR p_count <= 0
        OR (current_tenant() IS NOT NULL
            AND NOT EXISTS (SELECT FROM tenant_quotas WHERE tenant_id = current_tenant() AND kind = p_kind));
END $$;

COMMENT ON FUNCTION try_reserve_quota IS
    'Reserves so many of what the tenant may hold. False, and nothing reserved, where fewer are left or the request '
    'was rejected.';
ALTER FUNCTION try_reserve_quota OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION try_reserve_quota TO holdfast_auth, holdfast_accounts, holdfast_admin;
