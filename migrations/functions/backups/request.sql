CREATE OR REPLACE FUNCTION request_backup(p_id uuid, p_now timestamptz) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NOT is_platform_operator() THEN
        RETURN reject('forbidden');
    END IF;
    INSERT INTO backup_runs (id, kind, state, requested_at)
    VALUES (p_id, 'backup', 'requested', p_now)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN reject('conflict');
    END IF;
    RETURN NULL;
END $$;

COMMENT ON FUNCTION request_backup IS
    'Requests a backup, which the backup function creates on its next run. Conflicts while one is requested already.';
ALTER FUNCTION request_backup OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION request_backup TO holdfast_admin;
