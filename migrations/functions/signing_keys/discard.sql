CREATE OR REPLACE FUNCTION discard_signing_key(p_kid text, p_x text, p_y text, p_provider_key text, p_now timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NOT is_operator() THEN
        RETURN reject('forbidden');
    END IF;
    INSERT INTO signing_keys (kid, x, y, provider_key, created_at, activates_at, expires_at, origin)
    VALUES (p_kid, p_x, p_y, p_provider_key, p_now, p_now, p_now, 'rotation')
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;

COMMENT ON FUNCTION discard_signing_key IS
    'Notes a new signing key that was not registered as expired from the start: it never signs or verifies, and is deleted '
    'as the others are.';
ALTER FUNCTION discard_signing_key OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION discard_signing_key TO holdfast_admin;
