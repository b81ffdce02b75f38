-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE schema_checks (
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    version integer NOT NULL,
    differences integer NOT NULL,
    first text,
    CONSTRAINT schema_checks_pkey PRIMARY KEY (id),
    CONSTRAINT schema_checks_differences_check CHECK ((differences >= 0))
);
CREATE INDEX schema_checks_newest ON schema_checks USING btree (at DESC);
GRANT SELECT ON schema_checks TO holdfast_admin;
GRANT SELECT ON schema_checks TO holdfast_backup;
GRANT DELETE, INSERT, SELECT ON schema_checks TO holdfast_maintenance;
GRANT SELECT ON schema_checks TO holdfast_metrics;
COMMENT ON TABLE schema_checks IS 'Comparisons of the live schema with the expected one, by the maintenance function.';
COMMENT ON COLUMN schema_checks.id IS 'UUIDv7.';
COMMENT ON COLUMN schema_checks.at IS 'Time of the check.';
COMMENT ON COLUMN schema_checks.version IS 'Version of the schema.';
COMMENT ON COLUMN schema_checks.differences IS 'Number of objects that differ.';
COMMENT ON COLUMN schema_checks.first IS 'The first of them.';
