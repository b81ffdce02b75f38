-- What the maintenance function does besides sealing: it checks the schema, and lets go of what has served its time. And
-- what went wrong with migrations.

CREATE TABLE migration_failures (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    version integer NOT NULL,
    error text NOT NULL CHECK (char_length(error) BETWEEN 1 AND 2000)
);
COMMENT ON TABLE migration_failures IS 'Migrations that failed. Nothing of a failed step was kept; a later run that gets past it settles it.';
COMMENT ON COLUMN migration_failures.id IS 'UUIDv7.';
COMMENT ON COLUMN migration_failures.at IS 'When.';
COMMENT ON COLUMN migration_failures.version IS 'The version that the schema was at, and stayed at.';
COMMENT ON COLUMN migration_failures.error IS 'What failed, in one line.';

CREATE TABLE schema_checks (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    version integer NOT NULL,
    differences integer NOT NULL CHECK (differences >= 0),
    first text
);
CREATE INDEX schema_checks_newest ON schema_checks (at DESC);
COMMENT ON TABLE schema_checks IS 'Comparisons of the real schema with the one that the migrations make, by the maintenance function.';
COMMENT ON COLUMN schema_checks.id IS 'UUIDv7.';
COMMENT ON COLUMN schema_checks.at IS 'When.';
COMMENT ON COLUMN schema_checks.version IS 'The schema''s version.';
COMMENT ON COLUMN schema_checks.differences IS 'How many objects were not as they should be.';
COMMENT ON COLUMN schema_checks.first IS 'The first of them.';

GRANT SELECT ON migration_failures, schema_checks TO holdfast_app, holdfast_metrics, holdfast_maintenance, holdfast_backup;
GRANT INSERT ON schema_checks TO holdfast_maintenance;
GRANT DELETE ON schema_checks TO holdfast_maintenance;

-- Retention. Deleted accounts and kept answers have their policies from the beginning.
CREATE POLICY retention ON sessions TO holdfast_maintenance USING (true);
GRANT SELECT, DELETE ON sessions, login_throttles TO holdfast_maintenance;

-- For the metrics of operations.
GRANT SELECT ON audit_seals TO holdfast_metrics;
