CREATE OR REPLACE FUNCTION create_audit_partitions(p_months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    month date;
    created integer := 0;
    this_month timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
BEGIN
    FOR month IN
        SELECT generate_series(this_month, this_month + make_interval(months => least(p_months, 24)), '1 month')::date
    LOOP
        IF to_regclass(format('public.http_audit_log_%s', to_char(month, 'YYYY_MM'))) IS NULL THEN
            EXECUTE format('CREATE TABLE public.%I PARTITION OF http_audit_log FOR VALUES FROM (%L) TO (%L)',
                'http_audit_log_' || to_char(month, 'YYYY_MM'),
                month::timestamp AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
            created := created + 1;
        END IF;
    END LOOP;
    RETURN created;
END $$;

COMMENT ON FUNCTION create_audit_partitions IS
    'Creates the partitions of this month and of so many months ahead (24 at most); returns how many were missing.';
GRANT EXECUTE ON FUNCTION create_audit_partitions TO holdfast_maintenance;
