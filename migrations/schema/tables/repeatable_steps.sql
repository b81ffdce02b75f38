-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE repeatable_steps (
    name text NOT NULL,
    checksum bytea NOT NULL,
    applied_at timestamp with time zone NOT NULL,
    CONSTRAINT repeatable_steps_pkey PRIMARY KEY (name),
    CONSTRAINT repeatable_steps_checksum_check CHECK ((octet_length(checksum) = 32))
);
GRANT SELECT ON repeatable_steps TO holdfast_backup;
COMMENT ON TABLE repeatable_steps IS 'SQL functions as they were applied from migrations/functions: a step is applied again where its checksum differs.';
COMMENT ON COLUMN repeatable_steps.name IS 'Path of the file below migrations/functions, without the ending.';
COMMENT ON COLUMN repeatable_steps.checksum IS 'SHA-256 of the file.';
COMMENT ON COLUMN repeatable_steps.applied_at IS 'Time at which it was applied.';
