CREATE OR REPLACE FUNCTION release_quota(p_kind text, p_count bigint DEFAULT 1) RETURNS text
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    PERFORM FROM tenants WHERE id = current_tenant() FOR KEY SHARE;
    UPDATE tenant_quotas SET used = greatest(used - p_count, 0) WHERE tenant_id = current_tenant() AND kind = p_kind;
    RETURN NULL;
END $$;

COMMENT ON FUNCTION release_quota IS
    'Releases so many that were reserved or are no longer held. Returns NULL: no rejection.';
GRANT EXECUTE ON FUNCTION release_quota TO holdfast_app;
