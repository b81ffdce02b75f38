CREATE OR REPLACE FUNCTION release_quota(p_kind text, p_count bigint DEFAULT 1) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF current_tenant() IS NOT NULL THEN
        PERFORM FROM tenants WHERE id = current_tenant() FOR KEY SHARE;
        UPDATE tenant_quotas SET used = greatest(used - p_count, 0)
         WHERE tenant_id = current_tenant() AND kind = p_kind;
    END IF;
    RETURN NULL;
END $$;

COMMENT ON FUNCTION release_quota IS
    'Releases so many that were reserved or are no longer held. Returns NULL: no rejection.';
ALTER FUNCTION release_quota OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION release_quota TO holdfast_auth, holdfast_accounts, holdfast_admin;
