CREATE OR REPLACE FUNCTION audit_states() RETURNS TABLE (tenant_id uuid, total bigint, head bytea)
LANGUAGE sql STABLE
AS $$
    -- From one tenant to the next by the index: batches are many, tenants few.
    WITH RECURSIVE tenant (id) AS (
        (SELECT b.tenant_id FROM audit_batches b ORDER BY b.tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT b.tenant_id FROM audit_batches b WHERE b.tenant_id > tenant.id ORDER BY b.tenant_id LIMIT 1)
          FROM tenant WHERE tenant.id IS NOT NULL
    )
    SELECT newest.* FROM tenant CROSS JOIN LATERAL (
        SELECT b.tenant_id, b.total, b.head FROM audit_batches b
         WHERE b.tenant_id = tenant.id
         ORDER BY b.seal_number DESC LIMIT 1
    ) newest
     ORDER BY newest.tenant_id
$$;

COMMENT ON FUNCTION audit_states IS 'The state of every tenant''s chain at the newest seal.';
GRANT EXECUTE ON FUNCTION audit_states TO holdfast_maintenance, holdfast_definer;
