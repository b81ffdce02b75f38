-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE backup_runs (
    id uuid NOT NULL,
    kind text NOT NULL,
    state text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    finished_at timestamp with time zone,
    object_key text,
    schema_version integer,
    size_bytes bigint,
    compressed_bytes bigint,
    sha256 text,
    server_version text,
    row_counts jsonb,
    canary text,
    error text,
    CONSTRAINT backup_runs_pkey PRIMARY KEY (id),
    CONSTRAINT backup_runs_canary_check CHECK ((canary = ANY (ARRAY['opened'::text, 'none'::text]))),
    CONSTRAINT backup_runs_check CHECK (((started_at IS NULL) = (state = 'requested'::text))),
    CONSTRAINT backup_runs_check1 CHECK (((finished_at IS NULL) = (state = ANY (ARRAY['requested'::text, 'running'::text])))),
    CONSTRAINT backup_runs_check2 CHECK (((error IS NULL) = (state <> 'failed'::text))),
    CONSTRAINT backup_runs_kind_check CHECK ((kind = ANY (ARRAY['backup'::text, 'drill'::text]))),
    CONSTRAINT backup_runs_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text)),
    CONSTRAINT backup_runs_state_check CHECK ((state = ANY (ARRAY['requested'::text, 'running'::text, 'succeeded'::text, 'failed'::text])))
);
CREATE UNIQUE INDEX backup_runs_requested ON backup_runs USING btree (kind) WHERE (state = 'requested'::text);
CREATE INDEX backup_runs_succeeded ON backup_runs USING btree (kind, finished_at DESC) WHERE (state = 'succeeded'::text);
ALTER TABLE backup_runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE backup_runs FORCE ROW LEVEL SECURITY;
CREATE POLICY backup ON backup_runs FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON backup_runs FOR ALL TO holdfast_definer USING (true);
CREATE POLICY maintenance ON backup_runs FOR SELECT TO holdfast_maintenance USING (true);
CREATE POLICY metrics ON backup_runs FOR SELECT TO holdfast_metrics USING (true);
CREATE POLICY owner ON backup_runs FOR SELECT TO owner USING (true);
CREATE POLICY platform ON backup_runs FOR SELECT TO holdfast_admin USING ((( SELECT current_tenant() AS current_tenant) = '00000000-0000-0000-0000-000000000000'::uuid));
GRANT SELECT ON backup_runs TO holdfast_admin;
GRANT SELECT ON backup_runs TO holdfast_backup;
GRANT INSERT, SELECT, UPDATE ON backup_runs TO holdfast_definer;
GRANT SELECT ON backup_runs TO holdfast_maintenance;
GRANT SELECT ON backup_runs TO holdfast_metrics;
COMMENT ON TABLE backup_runs IS 'Backups and restore drills, one row per run. Operators read them; only the functions in migrations/functions write them.';
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
COMMENT ON COLUMN backup_runs.server_version IS 'PostgreSQL version that was backed up; for a drill, that it was restored to.';
COMMENT ON COLUMN backup_runs.row_counts IS 'Rows of each table in the archive; for a drill, found after the restore.';
COMMENT ON COLUMN backup_runs.canary IS 'For a drill: opened, or none where the backup function has no vault key.';
COMMENT ON COLUMN backup_runs.error IS 'Error message, in one line; NULL unless failed.';
