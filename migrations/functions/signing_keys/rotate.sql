CREATE OR REPLACE FUNCTION rotate_signing_key(
    p_kid text,
    p_x text,
    p_y text,
    p_provider_key text,
    p_now timestamptz,
    p_activates_at timestamptz,
    p_old_expire_at timestamptz
) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NOT is_operator() THEN
        RETURN reject('forbidden');
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('holdfast.rotate_signing_key'));
    UPDATE signing_keys SET expires_at = p_old_expire_at WHERE expires_at IS NULL;
    INSERT INTO signing_keys (kid, x, y, provider_key, created_at, activates_at, origin)
    VALUES (p_kid, p_x, p_y, p_provider_key, p_now, p_activates_at, 'rotation');
    RETURN NULL;
END $$;

COMMENT ON FUNCTION rotate_signing_key IS
    'Registers a new signing key. Those before it verify until their last token has expired.';
ALTER FUNCTION rotate_signing_key OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION rotate_signing_key TO holdfast_admin;
