CREATE OR REPLACE FUNCTION certify_signing_key(p_kid text, p_certificate text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    UPDATE signing_keys SET certificate = p_certificate WHERE kid = p_kid AND request_rejection() IS NULL;
END;

COMMENT ON FUNCTION certify_signing_key IS
    'Stores the certificate of a signing key. Whether it is one is decided by those who verify with the key, not here.';
ALTER FUNCTION certify_signing_key OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION certify_signing_key TO holdfast_auth;
