-- Operations: metrics, migrations, schema checks, backups and restore drills.

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
COMMENT ON TABLE metric_instances IS
    'Counters of each instance, in a row of its own, so that none waits for another. /metrics adds them up. The nil '
    'instance holds the totals of instances that are gone.';
COMMENT ON COLUMN metric_instances.instance IS 'The instance; new at each start.';
COMMENT ON COLUMN metric_instances.epoch IS
    'Restarts from zero when an instance wakes after an hour or more: its earlier row may be folded by then.';
COMMENT ON COLUMN metric_instances.function IS 'The function that it runs.';
COMMENT ON COLUMN metric_instances.started_at IS 'Start of the instance.';
COMMENT ON COLUMN metric_instances.reported_at IS 'Time of its last report.';
COMMENT ON COLUMN metric_instances.series IS 'Values by series name and labels, since the epoch began.';
GRANT SELECT ON metric_instances TO holdfast_backup, holdfast_maintenance, holdfast_metrics;
GRANT DELETE, INSERT, SELECT, UPDATE ON metric_instances TO holdfast_definer;

CREATE TABLE repeatable_steps (
    name text PRIMARY KEY,
    checksum bytea NOT NULL CHECK (octet_length(checksum) = 32),
    applied_at timestamptz NOT NULL
);
COMMENT ON TABLE repeatable_steps IS
    'SQL functions as they were applied from migrations/functions: a step is applied again where its checksum '
    'differs.';
COMMENT ON COLUMN repeatable_steps.name IS 'Path of the file below migrations/functions, without the ending.';
COMMENT ON COLUMN repeatable_steps.checksum IS 'SHA-256 of the file.';
COMMENT ON COLUMN repeatable_steps.applied_at IS 'Time at which it was applied.';
GRANT SELECT ON repeatable_steps TO holdfast_backup;

CREATE TABLE migration_failures (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    version integer NOT NULL,
    error text NOT NULL CHECK (char_length(error) BETWEEN 1 AND 2000)
);
COMMENT ON TABLE migration_failures IS
    'Failed migrations. Nothing of a failed step was kept; a later run that passes it settles it.';
COMMENT ON COLUMN migration_failures.id IS 'UUIDv7.';
COMMENT ON COLUMN migration_failures.at IS 'Time of the failure.';
COMMENT ON COLUMN migration_failures.version IS 'Version of the schema, before and after.';
COMMENT ON COLUMN migration_failures.error IS 'Error message, in one line.';
GRANT SELECT ON migration_failures TO holdfast_admin, holdfast_backup, holdfast_maintenance, holdfast_metrics;

CREATE TABLE schema_checks (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    version integer NOT NULL,
    differences integer NOT NULL CHECK (differences >= 0),
    first text
);
CREATE INDEX schema_checks_newest ON schema_checks (at DESC);
COMMENT ON TABLE schema_checks IS 'Comparisons of the live schema with the expected one, by the maintenance function.';
COMMENT ON COLUMN schema_checks.id IS 'UUIDv7.';
COMMENT ON COLUMN schema_checks.at IS 'Time of the check.';
COMMENT ON COLUMN schema_checks.version IS 'Version of the schema.';
COMMENT ON COLUMN schema_checks.differences IS 'Number of objects that differ.';
COMMENT ON COLUMN schema_checks.first IS 'The first of them.';
GRANT SELECT ON schema_checks TO holdfast_admin, holdfast_backup, holdfast_metrics;
GRANT DELETE, INSERT, SELECT ON schema_checks TO holdfast_maintenance;

CREATE TABLE backup_runs (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('backup', 'drill')),
    state text NOT NULL CHECK (state IN ('requested', 'running', 'succeeded', 'failed')),
    requested_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    object_key text,
    schema_version integer,
    size_bytes bigint,
    compressed_bytes bigint,
    sha256 text CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    server_version text,
    row_counts jsonb,
    canary text CHECK (canary IN ('opened', 'none')),
    error text,
    CHECK ((started_at IS NULL) = (state = 'requested')),
    CHECK ((finished_at IS NULL) = (state IN ('requested', 'running'))),
    CHECK ((error IS NULL) = (state <> 'failed'))
);
CREATE UNIQUE INDEX backup_runs_requested ON backup_runs (kind) WHERE state = 'requested';
CREATE INDEX backup_runs_succeeded ON backup_runs (kind, finished_at DESC) WHERE state = 'succeeded';
COMMENT ON TABLE backup_runs IS
    'Backups and restore drills, one row per run. Operators read them; only the functions in migrations/functions '
    'write them.';
COMMENT ON COLUMN backup_runs.id IS 'UUIDv7 of the run.';
COMMENT ON COLUMN backup_runs.kind IS 'backup, or drill: a restore of the newest backup into a scratch database.';
COMMENT ON COLUMN backup_runs.state IS 'requested waits for the backup function; running ends as succeeded or failed.';
COMMENT ON COLUMN backup_runs.requested_at IS 'Time of the request; for a scheduled run, its start.';
COMMENT ON COLUMN backup_runs.started_at IS 'Start of the run.';
COMMENT ON COLUMN backup_runs.finished_at IS 'End of the run, or the time at which it was found to have ended.';
COMMENT ON COLUMN backup_runs.object_key IS 'The archive that was written or restored.';
COMMENT ON COLUMN backup_runs.schema_version IS 'Version of the schema in the archive.';
COMMENT ON COLUMN backup_runs.size_bytes IS 'Size of the database on its server, in bytes.';
COMMENT ON COLUMN backup_runs.compressed_bytes IS 'Size of the archive, in bytes.';
COMMENT ON COLUMN backup_runs.sha256 IS 'SHA-256 of the archive, in hexadecimal.';
COMMENT ON COLUMN backup_runs.server_version IS
    'PostgreSQL version that was backed up; for a drill, that it was restored to.';
COMMENT ON COLUMN backup_runs.row_counts IS 'Rows of each table in the archive; for a drill, found after the restore.';
COMMENT ON COLUMN backup_runs.canary IS 'For a drill: opened, or none where the backup function has no vault key.';
COMMENT ON COLUMN backup_runs.error IS 'Error message, in one line; NULL unless failed.';
ALTER TABLE backup_runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE backup_runs FORCE ROW LEVEL SECURITY;
CREATE POLICY platform ON backup_runs FOR SELECT TO holdfast_admin
    USING ((SELECT current_tenant()) = '00000000-0000-0000-0000-000000000000');
CREATE POLICY backup ON backup_runs FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON backup_runs TO holdfast_definer USING (true);
CREATE POLICY maintenance ON backup_runs FOR SELECT TO holdfast_maintenance USING (true);
CREATE POLICY metrics ON backup_runs FOR SELECT TO holdfast_metrics USING (true);
CREATE POLICY owner ON backup_runs FOR SELECT TO CURRENT_USER USING (true);
GRANT SELECT ON backup_runs TO holdfast_admin, holdfast_backup, holdfast_maintenance, holdfast_metrics;
GRANT INSERT, SELECT, UPDATE ON backup_runs TO holdfast_definer;

CREATE TABLE vault_canary (
    id integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    provider text NOT NULL CHECK (provider IN ('local', 'kms')),
    provider_key text NOT NULL CHECK (char_length(provider_key) BETWEEN 1 AND 2048),
    wrapped bytea NOT NULL CHECK (octet_length(wrapped) BETWEEN 1 AND 6144),
    sealed bytea NOT NULL,
    sealed_at timestamptz NOT NULL
);
COMMENT ON TABLE vault_canary IS
    'A value of known plaintext, sealed before each backup under a data key of its own. Where it opens in a restored '
    'database, the key that wraps data keys is available.';
COMMENT ON COLUMN vault_canary.id IS 'Always 1: there is one canary.';
COMMENT ON COLUMN vault_canary.provider IS
    'Provider that unwraps its data key: kms, or local for SECRET_ENCRYPTION_KEY.';
COMMENT ON COLUMN vault_canary.provider_key IS 'Key of the provider that wrapped it.';
COMMENT ON COLUMN vault_canary.wrapped IS 'Its data key, wrapped for the platform.';
COMMENT ON COLUMN vault_canary.sealed IS 'The sealed canary.';
COMMENT ON COLUMN vault_canary.sealed_at IS 'Time of sealing.';
ALTER TABLE vault_canary ENABLE ROW LEVEL SECURITY;
ALTER TABLE vault_canary FORCE ROW LEVEL SECURITY;
CREATE POLICY backup ON vault_canary FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON vault_canary TO holdfast_definer USING (true);
CREATE POLICY owner ON vault_canary FOR SELECT TO CURRENT_USER USING (true);
GRANT SELECT ON vault_canary TO holdfast_backup;
GRANT INSERT, SELECT, UPDATE ON vault_canary TO holdfast_definer;

GRANT SELECT ON refinery_schema_history
    TO holdfast_admin, holdfast_metrics, holdfast_backup, holdfast_maintenance, holdfast_definer;

-- A backup reads every table, and whatever later versions create.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO holdfast_backup;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO holdfast_backup;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO holdfast_backup;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON SEQUENCES TO holdfast_backup;

CREATE TABLE bootstrapped (
    kind text NOT NULL CHECK (kind IN ('tenant', 'user', 'api_token', 'signing_key')),
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 512),
    at timestamptz NOT NULL,
    PRIMARY KEY (kind, name)
);
COMMENT ON TABLE bootstrapped IS
    'What the settings of the migrate function once named. It is created at most once: what was deleted, renamed or '
    'revoked since does not return while the setting still names it.';
COMMENT ON COLUMN bootstrapped.kind IS 'Kind of object.';
COMMENT ON COLUMN bootstrapped.name IS
    'Slug of the tenant; slug, colon and name of the user; SHA-256 of the token; kid of the key.';
COMMENT ON COLUMN bootstrapped.at IS 'Time at which the setting first named it.';
GRANT SELECT ON bootstrapped TO holdfast_backup;
