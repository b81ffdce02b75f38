-- Counters of all instances, and what an instance asks for when it connects.

CREATE TABLE metric_instances (
    instance uuid PRIMARY KEY,
    function text NOT NULL,
    started_at timestamptz NOT NULL,
    reported_at timestamptz NOT NULL,
    series jsonb NOT NULL
);
COMMENT ON TABLE metric_instances IS 'Each instance''s cumulative counters, in a row of its own, so that none waits for another. /metrics adds them up.';
COMMENT ON COLUMN metric_instances.instance IS 'The instance; new at each start.';
COMMENT ON COLUMN metric_instances.function IS 'Which function it runs; local when it runs all.';
COMMENT ON COLUMN metric_instances.started_at IS 'When it started.';
COMMENT ON COLUMN metric_instances.reported_at IS 'When it last sent its counters.';
COMMENT ON COLUMN metric_instances.series IS 'Series by name and labels, with their values since the start.';

CREATE FUNCTION report_metrics(p_instance uuid, p_function text, p_started_at timestamptz, p_now timestamptz, p_series jsonb)
RETURNS void LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    INSERT INTO metric_instances VALUES (p_instance, p_function, p_started_at, p_now, p_series)
    ON CONFLICT (instance) DO UPDATE SET reported_at = excluded.reported_at, series = excluded.series;
END;
COMMENT ON FUNCTION report_metrics(uuid, text, timestamptz, timestamptz, jsonb) IS 'Stores an instance''s counters as they stand.';

CREATE FUNCTION start_instance()
RETURNS TABLE (schema_version integer, signing_keys jsonb, cursor_key bytea) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT (SELECT max(version) FROM refinery_schema_history),
           (SELECT coalesce(jsonb_agg(jsonb_build_object('kid', k.kid, 'x', k.x, 'y', k.y, 'expires_at', k.expires_at)), '[]') FROM signing_keys k),
           (SELECT key FROM deployment_keys WHERE purpose = 'cursor')
$$;
COMMENT ON FUNCTION start_instance() IS 'What an instance must know before its first request: the schema''s version, the public signing keys, the cursor key.';

GRANT SELECT, INSERT, UPDATE ON metric_instances TO holdfast_gate;
GRANT SELECT ON refinery_schema_history, signing_keys, deployment_keys TO holdfast_gate;
ALTER FUNCTION report_metrics(uuid, text, timestamptz, timestamptz, jsonb) OWNER TO holdfast_gate;
ALTER FUNCTION start_instance() OWNER TO holdfast_gate;
GRANT EXECUTE ON FUNCTION report_metrics(uuid, text, timestamptz, timestamptz, jsonb), start_instance() TO holdfast_app, holdfast_metrics, holdfast_maintenance;
GRANT SELECT ON metric_instances TO holdfast_metrics, holdfast_backup;
GRANT SELECT ON refinery_schema_history TO holdfast_app, holdfast_metrics, holdfast_backup, holdfast_maintenance;

REVOKE CREATE ON SCHEMA public FROM holdfast_gate;
