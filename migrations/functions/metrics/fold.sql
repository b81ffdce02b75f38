CREATE OR REPLACE FUNCTION fold_metrics(p_now timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    folded jsonb;
BEGIN
    -- One at a time: two scrapes must not fold the same rows.
    IF request_rejection() IS NOT NULL
        OR NOT pg_try_advisory_xact_lock(hashtext('holdfast.fold_metrics'))
        OR NOT EXISTS (
            SELECT FROM metric_instances
             WHERE reported_at < p_now - interval '2 hours' AND instance <> '00000000-0000-0000-0000-000000000000') THEN
        RETURN;
    END IF;
    WITH gone AS (
        DELETE FROM metric_instances
         WHERE reported_at < p_now - interval '2 hours' OR instance = '00000000-0000-0000-0000-000000000000'
        RETURNING series
    ), total AS (
        SELECT s.key, sum(s.value::float8) AS value FROM gone, jsonb_each_text(gone.series) AS s GROUP BY s.key
    )
    SELECT coalesce(jsonb_object_agg(key, value), '{}') INTO folded FROM total;
    INSERT INTO metric_instances VALUES ('00000000-0000-0000-0000-000000000000', 0, 'gone', p_now, p_now, folded);
END $$;

COMMENT ON FUNCTION fold_metrics IS
    'Adds the rows of instances that have been silent for two hours into the one row of those that are gone.';
ALTER FUNCTION fold_metrics OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION fold_metrics TO holdfast_metrics;
