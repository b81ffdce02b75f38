-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE migration_failures (
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    version integer NOT NULL,
    error text NOT NULL,
    CONSTRAINT migration_failures_pkey PRIMARY KEY (id),
    CONSTRAINT migration_failures_error_check CHECK (((char_length(error) >= 1) AND (char_length(error) <= 2000)))
);
GRANT SELECT ON migration_failures TO holdfast_admin;
GRANT SELECT ON migration_failures TO holdfast_backup;
GRANT SELECT ON migration_failures TO holdfast_maintenance;
GRANT SELECT ON migration_failures TO holdfast_metrics;
COMMENT ON TABLE migration_failures IS 'Failed migrations. Nothing of a failed step was kept; a later run that passes it settles it.';
COMMENT ON COLUMN migration_failures.id IS 'UUIDv7.';
COMMENT ON COLUMN migration_failures.at IS 'Time of the failure.';
COMMENT ON COLUMN migration_failures.version IS 'Version of the schema, before and after.';
COMMENT ON COLUMN migration_failures.error IS 'Error message, in one line.';
