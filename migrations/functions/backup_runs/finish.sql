CREATE OR REPLACE FUNCTION finish_backup_run(p_id uuid, p_error text, p_result jsonb, p_now timestamptz) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    UPDATE backup_runs SET
           state = CASE WHEN p_error IS NULL THEN 'succeeded' ELSE 'failed' END,
           finished_at = p_now,
           error = p_error,
           object_key = p_result ->> 'object_key',
           schema_version = (p_result ->> 'schema_version')::integer,
           size_bytes = (p_result ->> 'size_bytes')::bigint,
           compressed_bytes = (p_result ->> 'compressed_bytes')::bigint,
           sha256 = p_result ->> 'sha256',
           server_version = p_result ->> 'server_version',
           row_counts = p_result -> 'row_counts',
           canary = p_result ->> 'canary'
     WHERE id = p_id AND state = 'running';
END;

COMMENT ON FUNCTION finish_backup_run IS 'Ends a running run: succeeded without an error, else failed.';
ALTER FUNCTION finish_backup_run OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION finish_backup_run TO holdfast_backup;
