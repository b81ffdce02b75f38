CREATE OR REPLACE FUNCTION fail_own_attempt(p_now timestamptz) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF current_tenant() IS NOT NULL THEN
        -- Whoever knows neither password nor code after this many attempts is not the session's owner.
        UPDATE sessions SET ended_at = p_now, end_reason = 'attempts'
         WHERE id = (current_setting('holdfast.actor')::jsonb ->> 'session_id')::uuid
           AND attempts >= 10 AND ended_at IS NULL;
    END IF;
    RETURN reject('invalid_credentials');
END $$;

COMMENT ON FUNCTION fail_own_attempt IS
    'Rejects the caller''s attempt, which stays counted, and ends a session that failed ten times.';
ALTER FUNCTION fail_own_attempt OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION fail_own_attempt TO holdfast_auth;
