CREATE OR REPLACE FUNCTION give_back_own_attempt() RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF current_tenant() IS NOT NULL THEN
        UPDATE sessions SET attempts = greatest(0, attempts - 1)
         WHERE id = (current_setting('holdfast.actor')::jsonb ->> 'session_id')::uuid;
        PERFORM give_back_attempt(own_attempt_keys());
    END IF;
END $$;

COMMENT ON FUNCTION give_back_own_attempt IS
    'Takes the caller''s attempt off the count again: it succeeded, or there was nothing to evaluate.';
ALTER FUNCTION give_back_own_attempt OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION give_back_own_attempt TO holdfast_auth;
