CREATE OR REPLACE FUNCTION report_metrics(
    p_instance uuid,
    p_epoch integer,
    p_function text,
    p_started_at timestamptz,
    p_now timestamptz,
    p_series jsonb
) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    INSERT INTO metric_instances VALUES (p_instance, p_epoch, p_function, p_started_at, p_now, p_series)
    ON CONFLICT (instance, epoch) DO UPDATE SET reported_at = excluded.reported_at, series = excluded.series;
END;

COMMENT ON FUNCTION report_metrics IS 'Stores an instance''s counters.';
ALTER FUNCTION report_metrics OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION report_metrics
    TO holdfast_auth, holdfast_accounts, holdfast_admin, holdfast_metrics, holdfast_maintenance;
