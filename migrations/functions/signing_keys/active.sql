CREATE OR REPLACE FUNCTION active_signing_key(p_now timestamptz) RETURNS TABLE (kid text, provider_key text)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT k.kid, k.provider_key FROM signing_keys k
     WHERE k.activates_at <= p_now AND (k.expires_at IS NULL OR k.expires_at > p_now)
     ORDER BY k.activates_at DESC, k.kid LIMIT 1
$$;

COMMENT ON FUNCTION active_signing_key IS 'The key that signs access tokens at this time.';
ALTER FUNCTION active_signing_key OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION active_signing_key TO holdfast_auth, holdfast_admin;
