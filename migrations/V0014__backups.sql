-- Backups and restore drills: what became of each, the canary that proves the vault's keys, and all that the backup role
-- must read.
GRANT CREATE ON SCHEMA public TO holdfast_gate;

-- The commands act as the backup role, so that they need no login of their own.
DO $$ BEGIN EXECUTE format('GRANT holdfast_backup TO %I', current_user); END $$;

-- A dump reads each partition by its own name, and whatever later versions bring. What it may not read is no backup.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO holdfast_backup;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO holdfast_backup;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO holdfast_backup;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON SEQUENCES TO holdfast_backup;

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
    client_version text,
    row_counts jsonb,
    canary text CHECK (canary IN ('opened', 'none')),
    error text,
    CHECK ((started_at IS NULL) = (state = 'requested')),
    CHECK ((finished_at IS NULL) = (state IN ('requested', 'running'))),
    CHECK ((error IS NULL) = (state <> 'failed'))
);
CREATE UNIQUE INDEX backup_runs_requested ON backup_runs (kind) WHERE state = 'requested';
CREATE INDEX backup_runs_succeeded ON backup_runs (kind, finished_at DESC) WHERE state = 'succeeded';
COMMENT ON TABLE backup_runs IS 'Backups and restore drills, one row a run. Operators see them; only the functions below write them.';
COMMENT ON COLUMN backup_runs.id IS 'UUIDv7 of the run.';
COMMENT ON COLUMN backup_runs.kind IS 'backup, or drill: a restore of the newest backup into a scratch database.';
COMMENT ON COLUMN backup_runs.state IS 'requested waits for the backup function; running ends as succeeded or failed.';
COMMENT ON COLUMN backup_runs.requested_at IS 'When it was asked for; of a scheduled run, when it started.';
COMMENT ON COLUMN backup_runs.started_at IS 'When it started.';
COMMENT ON COLUMN backup_runs.finished_at IS 'When it ended, or was found to have ended without a word.';
COMMENT ON COLUMN backup_runs.object_key IS 'The dump that was written, or restored.';
COMMENT ON COLUMN backup_runs.schema_version IS 'The schema''s version in the dump.';
COMMENT ON COLUMN backup_runs.size_bytes IS 'The size of the database on its server.';
COMMENT ON COLUMN backup_runs.compressed_bytes IS 'The size of the dump.';
COMMENT ON COLUMN backup_runs.sha256 IS 'SHA-256 of the dump, in hexadecimal digits.';
COMMENT ON COLUMN backup_runs.server_version IS 'PostgreSQL that was dumped; of a drill, that it was restored to.';
COMMENT ON COLUMN backup_runs.client_version IS 'pg_dump, or of a drill pg_restore.';
COMMENT ON COLUMN backup_runs.row_counts IS 'How many rows of each table are in the dump; of a drill, were found again.';
COMMENT ON COLUMN backup_runs.canary IS 'Of a drill: opened, or none where the backup function has no vault key.';
COMMENT ON COLUMN backup_runs.error IS 'Why it failed, in one line.';

CREATE TABLE vault_canary (
    id integer PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    provider text NOT NULL CHECK (provider IN ('local', 'kms')),
    provider_key text NOT NULL CHECK (char_length(provider_key) BETWEEN 1 AND 2048),
    wrapped bytea NOT NULL CHECK (octet_length(wrapped) BETWEEN 1 AND 6144),
    sealed bytea NOT NULL,
    sealed_at timestamptz NOT NULL
);
COMMENT ON TABLE vault_canary IS 'A value of known plaintext, sealed anew before each backup under a data key of its own: where it opens in a restored database, the key that wraps data keys is at hand.';
COMMENT ON COLUMN vault_canary.id IS 'Always 1: there is one canary.';
COMMENT ON COLUMN vault_canary.provider IS 'What unwraps its data key: kms, or local for SECRET_ENCRYPTION_KEY.';
COMMENT ON COLUMN vault_canary.provider_key IS 'Which of the provider''s keys wrapped it.';
COMMENT ON COLUMN vault_canary.wrapped IS 'Its data key as the provider wrapped it for the platform.';
COMMENT ON COLUMN vault_canary.sealed IS 'The canary.';
COMMENT ON COLUMN vault_canary.sealed_at IS 'When.';

ALTER TABLE backup_runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE backup_runs FORCE ROW LEVEL SECURITY;
ALTER TABLE vault_canary ENABLE ROW LEVEL SECURITY;
ALTER TABLE vault_canary FORCE ROW LEVEL SECURITY;
CREATE POLICY platform ON backup_runs FOR SELECT TO holdfast_app USING ((SELECT current_tenant()) = '00000000-0000-0000-0000-000000000000');
CREATE POLICY metrics ON backup_runs FOR SELECT TO holdfast_metrics USING (true);
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['backup_runs', 'vault_canary'] LOOP
        EXECUTE format('CREATE POLICY gate ON %I TO holdfast_gate USING (true)', name);
        EXECUTE format('CREATE POLICY owner ON %I FOR SELECT TO %I USING (true)', name, current_user);
        EXECUTE format('CREATE POLICY backup ON %I FOR SELECT TO holdfast_backup USING (true)', name);
    END LOOP;
END $$;
GRANT SELECT ON backup_runs TO holdfast_app, holdfast_metrics;
GRANT SELECT, INSERT, UPDATE ON backup_runs, vault_canary TO holdfast_gate;

-- What the backup role may write it writes through these, and nothing else.

CREATE FUNCTION request_backup(p_id uuid, p_now timestamptz) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT is_platform_operator() THEN
        RETURN reject('forbidden');
    END IF;
    INSERT INTO backup_runs (id, kind, state, requested_at) VALUES (p_id, 'backup', 'requested', p_now) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN reject('conflict');
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION request_backup(uuid, timestamptz) IS 'Asks for a backup, which the backup function makes at its next look; a conflict while one is asked for already.';

CREATE FUNCTION begin_backup_run(p_id uuid, p_kind text, p_client_version text, p_now timestamptz) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE taken uuid;
BEGIN
    UPDATE backup_runs SET state = 'failed', finished_at = p_now, error = 'it ended without a word: stopped, out of time, or cut off from the database'
     WHERE kind = p_kind AND state = 'running';
    UPDATE backup_runs SET state = 'running', started_at = p_now, client_version = p_client_version
     WHERE kind = p_kind AND state = 'requested' RETURNING id INTO taken;
    IF taken IS NULL THEN
        INSERT INTO backup_runs (id, kind, state, requested_at, started_at, client_version) VALUES (p_id, p_kind, 'running', p_now, p_now, p_client_version)
        RETURNING id INTO taken;
    END IF;
    RETURN taken;
END $$;
COMMENT ON FUNCTION begin_backup_run(uuid, text, text, timestamptz) IS 'Begins a run, the requested one where there is one. Its caller holds the kind''s lock: a run that still seems to go on has ended.';

CREATE FUNCTION finish_backup_run(p_id uuid, p_error text, p_result jsonb, p_now timestamptz) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    UPDATE backup_runs SET state = CASE WHEN p_error IS NULL THEN 'succeeded' ELSE 'failed' END, finished_at = p_now, error = p_error,
           object_key = p_result ->> 'object_key', schema_version = (p_result ->> 'schema_version')::integer,
           size_bytes = (p_result ->> 'size_bytes')::bigint, compressed_bytes = (p_result ->> 'compressed_bytes')::bigint,
           sha256 = p_result ->> 'sha256', server_version = p_result ->> 'server_version',
           row_counts = p_result -> 'row_counts', canary = p_result ->> 'canary'
     WHERE id = p_id AND state = 'running';
END;
COMMENT ON FUNCTION finish_backup_run(uuid, text, jsonb, timestamptz) IS 'Ends a run that goes on: succeeded without an error, else failed.';

CREATE FUNCTION keep_canary(p_provider text, p_provider_key text, p_wrapped bytea, p_sealed bytea, p_now timestamptz) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    INSERT INTO vault_canary (provider, provider_key, wrapped, sealed, sealed_at) VALUES (p_provider, p_provider_key, p_wrapped, p_sealed, p_now)
    ON CONFLICT (id) DO UPDATE SET provider = excluded.provider, provider_key = excluded.provider_key, wrapped = excluded.wrapped,
        sealed = excluded.sealed, sealed_at = excluded.sealed_at;
END;
COMMENT ON FUNCTION keep_canary(text, text, bytea, bytea, timestamptz) IS 'Puts a new canary in the place of the one before.';

ALTER FUNCTION request_backup(uuid, timestamptz) OWNER TO holdfast_gate;
ALTER FUNCTION begin_backup_run(uuid, text, text, timestamptz) OWNER TO holdfast_gate;
ALTER FUNCTION finish_backup_run(uuid, text, jsonb, timestamptz) OWNER TO holdfast_gate;
ALTER FUNCTION keep_canary(text, text, bytea, bytea, timestamptz) OWNER TO holdfast_gate;
GRANT EXECUTE ON FUNCTION is_platform_operator() TO holdfast_gate;
GRANT EXECUTE ON FUNCTION request_backup(uuid, timestamptz) TO holdfast_app;
GRANT EXECUTE ON FUNCTION begin_backup_run(uuid, text, text, timestamptz), finish_backup_run(uuid, text, jsonb, timestamptz),
    keep_canary(text, text, bytea, bytea, timestamptz) TO holdfast_backup;

REVOKE CREATE ON SCHEMA public FROM holdfast_gate;
