-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE metric_instances (
    instance uuid NOT NULL,
    epoch integer NOT NULL,
    function text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    reported_at timestamp with time zone NOT NULL,
    series jsonb NOT NULL,
    CONSTRAINT metric_instances_pkey PRIMARY KEY (instance, epoch)
);
CREATE INDEX metric_instances_by_age ON metric_instances USING btree (reported_at);
GRANT SELECT ON metric_instances TO holdfast_backup;
GRANT DELETE, INSERT, SELECT, UPDATE ON metric_instances TO holdfast_definer;
GRANT SELECT ON metric_instances TO holdfast_maintenance;
GRANT SELECT ON metric_instances TO holdfast_metrics;
COMMENT ON TABLE metric_instances IS 'Counters of each instance, in a row of its own, so that none waits for another. /metrics adds them up. The nil instance holds the totals of instances that are gone.';
COMMENT ON COLUMN metric_instances.instance IS 'The instance; new at each start.';
COMMENT ON COLUMN metric_instances.epoch IS 'Restarts from zero when an instance wakes after an hour or more: its earlier row may be folded by then.';
COMMENT ON COLUMN metric_instances.function IS 'The function that it runs.';
COMMENT ON COLUMN metric_instances.started_at IS 'Start of the instance.';
COMMENT ON COLUMN metric_instances.reported_at IS 'Time of its last report.';
COMMENT ON COLUMN metric_instances.series IS 'Values by series name and labels, since the epoch began.';
