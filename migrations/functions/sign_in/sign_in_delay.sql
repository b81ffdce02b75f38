CREATE OR REPLACE FUNCTION sign_in_delay(
    p_now timestamptz,
    p_user_key bytea,
    p_pair_key bytea,
    p_address_key bytea,
    p_known_address boolean
) RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT CASE WHEN max(blocked_until) > p_now THEN ceil(extract(epoch FROM max(blocked_until) - p_now))::integer END
      FROM login_throttles
     WHERE key = p_pair_key OR key = p_address_key OR (key = p_user_key AND NOT p_known_address)
$$;

COMMENT ON FUNCTION sign_in_delay IS 'Seconds to wait before the next attempt with a password; NULL for none.';
ALTER FUNCTION sign_in_delay OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION sign_in_delay TO holdfast_app;
