CREATE OR REPLACE FUNCTION audit_horizon() RETURNS TABLE (epoch integer, transaction_id xid8)
LANGUAGE sql STABLE
AS $$
    SELECT audit_epoch(), pg_snapshot_xmin(pg_current_snapshot())
$$;

COMMENT ON FUNCTION audit_horizon IS
    'The first transaction that may not have ended: rows before it are complete, however late they committed.';
GRANT EXECUTE ON FUNCTION audit_horizon TO holdfast_admin, holdfast_maintenance;
