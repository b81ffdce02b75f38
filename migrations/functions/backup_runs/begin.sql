CREATE OR REPLACE FUNCTION begin_backup_run(p_id uuid, p_kind text, p_now timestamptz)
RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    begun uuid;
BEGIN
    UPDATE backup_runs SET state = 'failed', finished_at = p_now,
           error = 'it ended without a word: stopped, out of time, or cut off from the database'
     WHERE kind = p_kind AND state = 'running';
    UPDATE backup_runs SET state = 'running', started_at = p_now
     WHERE kind = p_kind AND state = 'requested' RETURNING id INTO begun;
    IF begun IS NULL THEN
        INSERT INTO backup_runs (id, kind, state, requested_at, started_at)
        VALUES (p_id, p_kind, 'running', p_now, p_now) RETURNING id INTO begun;
    END IF;
    RETURN begun;
END $$;

COMMENT ON FUNCTION begin_backup_run IS
    'Begins a run, the requested one where there is one. The caller holds the kind''s lock: a run that still seems '
    'to be running has ended.';
ALTER FUNCTION begin_backup_run OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION begin_backup_run TO holdfast_backup;
