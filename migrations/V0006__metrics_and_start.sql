-- Counters of all instances, and what an instance asks for when it connects.

CREATE TABLE metric_instances (
    instance uuid NOT NULL,
    epoch integer NOT NULL,
    function text NOT NULL,
    started_at timestamptz NOT NULL,
    reported_at timestamptz NOT NULL,
    series jsonb NOT NULL,
    PRIMARY KEY (instance, epoch)
);
CREATE INDEX metric_instances_by_age ON metric_instances (reported_at);
COMMENT ON TABLE metric_instances IS 'Each instance''s counters, in a row of its own, so that none waits for another. /metrics adds them up. The nil instance holds what those that are gone had counted.';
COMMENT ON COLUMN metric_instances.instance IS 'The instance; new at each start.';
COMMENT ON COLUMN metric_instances.epoch IS 'Begins anew, from zero, when an instance wakes after an hour or more: its earlier row may be folded by then.';
COMMENT ON COLUMN metric_instances.function IS 'Which function it runs; local when it runs all.';
COMMENT ON COLUMN metric_instances.started_at IS 'When it started.';
COMMENT ON COLUMN metric_instances.reported_at IS 'When it last sent its counters.';
COMMENT ON COLUMN metric_instances.series IS 'Series by name and labels, with their values since the epoch began.';

CREATE FUNCTION report_metrics(p_instance uuid, p_epoch integer, p_function text, p_started_at timestamptz, p_now timestamptz, p_series jsonb)
RETURNS void LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    INSERT INTO metric_instances VALUES (p_instance, p_epoch, p_function, p_started_at, p_now, p_series)
    ON CONFLICT (instance, epoch) DO UPDATE SET reported_at = excluded.reported_at, series = excluded.series;
END;
COMMENT ON FUNCTION report_metrics(uuid, integer, text, timestamptz, timestamptz, jsonb) IS 'Stores an instance''s counters as they stand.';

CREATE FUNCTION fold_metrics(p_now timestamptz) RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE folded jsonb;
BEGIN
    -- One at a time: two scrapes must not fold the same rows.
    IF NOT pg_try_advisory_xact_lock(hashtext('holdfast.fold_metrics'))
        OR NOT EXISTS (SELECT FROM metric_instances WHERE reported_at < p_now - interval '2 hours' AND instance <> '00000000-0000-0000-0000-000000000000') THEN
        RETURN;
    END IF;
    WITH gone AS (
        DELETE FROM metric_instances WHERE reported_at < p_now - interval '2 hours' OR instance = '00000000-0000-0000-0000-000000000000' RETURNING series
    ), total AS (
        SELECT s.key, sum(s.value::float8) AS value FROM gone, jsonb_each_text(gone.series) AS s GROUP BY s.key
    )
    SELECT coalesce(jsonb_object_agg(key, value), '{}') INTO folded FROM total;
    INSERT INTO metric_instances VALUES ('00000000-0000-0000-0000-000000000000', 0, 'gone', p_now, p_now, folded);
END $$;
COMMENT ON FUNCTION fold_metrics(timestamptz) IS 'Adds the rows of instances that have been silent for two hours into the one row of those that are gone.';

CREATE FUNCTION start_instance()
RETURNS TABLE (schema_version integer, signing_keys jsonb, cursor_key bytea) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT (SELECT max(version) FROM refinery_schema_history),
           (SELECT coalesce(jsonb_agg(jsonb_build_object('kid', k.kid, 'x', k.x, 'y', k.y, 'expires_at', k.expires_at)), '[]') FROM signing_keys k),
           (SELECT key FROM deployment_keys WHERE purpose = 'cursor')
$$;
COMMENT ON FUNCTION start_instance() IS 'What an instance must know before its first request: the schema''s version, the public signing keys, the cursor key.';

GRANT SELECT, INSERT, UPDATE, DELETE ON metric_instances TO holdfast_gate;
GRANT SELECT ON refinery_schema_history, signing_keys, deployment_keys TO holdfast_gate;
ALTER FUNCTION report_metrics(uuid, integer, text, timestamptz, timestamptz, jsonb) OWNER TO holdfast_gate;
ALTER FUNCTION fold_metrics(timestamptz) OWNER TO holdfast_gate;
ALTER FUNCTION start_instance() OWNER TO holdfast_gate;
GRANT EXECUTE ON FUNCTION report_metrics(uuid, integer, text, timestamptz, timestamptz, jsonb), start_instance() TO holdfast_app, holdfast_metrics, holdfast_maintenance;
GRANT EXECUTE ON FUNCTION fold_metrics(timestamptz) TO holdfast_metrics;
GRANT SELECT ON metric_instances TO holdfast_metrics, holdfast_backup;
GRANT SELECT ON refinery_schema_history TO holdfast_app, holdfast_metrics, holdfast_backup, holdfast_maintenance;

REVOKE CREATE ON SCHEMA public FROM holdfast_gate;
