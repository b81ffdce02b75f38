-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE refinery_schema_history (
    version integer NOT NULL,
    name character varying(255),
    applied_on character varying(255),
    checksum character varying(255),
    CONSTRAINT refinery_schema_history_pkey PRIMARY KEY (version)
);
GRANT SELECT ON refinery_schema_history TO holdfast_admin;
GRANT SELECT ON refinery_schema_history TO holdfast_backup;
GRANT SELECT ON refinery_schema_history TO holdfast_definer;
GRANT SELECT ON refinery_schema_history TO holdfast_maintenance;
GRANT SELECT ON refinery_schema_history TO holdfast_metrics;
COMMENT ON TABLE refinery_schema_history IS '';
COMMENT ON COLUMN refinery_schema_history.version IS '';
COMMENT ON COLUMN refinery_schema_history.name IS '';
COMMENT ON COLUMN refinery_schema_history.applied_on IS '';
COMMENT ON COLUMN refinery_schema_history.checksum IS '';
