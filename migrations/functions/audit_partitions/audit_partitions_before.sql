CREATE OR REPLACE FUNCTION audit_partitions_before(p_before timestamptz)
RETURNS TABLE (partition text, from_at timestamptz, before_at timestamptz, rows bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    FOR partition IN
        SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'public.http_audit_log'::regclass
           AND c.relname ~ '^http_audit_log_[0-9]{4}_[0-9]{2}$'
         ORDER BY 1
    LOOP
        from_at := to_date(right(partition, 7), 'YYYY_MM')::timestamp AT TIME ZONE 'UTC';
        before_at := (to_date(right(partition, 7), 'YYYY_MM') + interval '1 month') AT TIME ZONE 'UTC';
        CONTINUE WHEN before_at > p_before;
        EXECUTE format('SELECT count(*) FROM public.%I', partition) INTO rows;
        RETURN NEXT;
    END LOOP;
END $$;

COMMENT ON FUNCTION audit_partitions_before IS 'The months that had ended by then, with the number of their rows.';
GRANT EXECUTE ON FUNCTION audit_partitions_before TO holdfast_maintenance;
