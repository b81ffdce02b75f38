CREATE OR REPLACE FUNCTION audit_state_leaves() RETURNS TABLE (leaves bytea, ordinal bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT coalesce(string_agg(sha256('\x00'::bytea || uuid_send(s.tenant_id) || int8send(s.total) || s.head), ''::bytea
                    ORDER BY s.tenant_id), ''::bytea),
           count(*) FILTER (WHERE s.tenant_id < current_tenant())
      FROM audit_states() s
$$;

COMMENT ON FUNCTION audit_state_leaves IS
    'The leaves of the newest seal''s state tree, which reveal nothing of the tenants behind them, and the index of '
    'the tenant''s own.';
ALTER FUNCTION audit_state_leaves OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION audit_state_leaves TO holdfast_admin;
