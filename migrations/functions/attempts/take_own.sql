CREATE OR REPLACE FUNCTION take_own_attempt(p_now timestamptz) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    wait integer;
BEGIN
    IF current_tenant() IS NULL THEN
        RETURN NULL;
    END IF;
    wait := take_attempt(ARRAY['session', 'signed_in'], own_attempt_keys(), p_now);
    IF wait IS NULL THEN
        UPDATE sessions SET attempts = attempts + 1
         WHERE id = (current_setting('holdfast.actor')::jsonb ->> 'session_id')::uuid;
    END IF;
    RETURN wait;
END $$;

COMMENT ON FUNCTION take_own_attempt IS
    'Counts the caller''s attempt at a password or code before it is evaluated: by session, and by user whatever the '
    'session or address. Returns the seconds to wait, or NULL.';
ALTER FUNCTION take_own_attempt OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION take_own_attempt TO holdfast_auth;
