CREATE OR REPLACE FUNCTION fail_sign_in(p_now timestamptz, p_user_key bytea, p_pair_key bytea, p_address_key bytea)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    -- free: failures without a delay; longest: the longest delay in seconds. An address allows more, since people share
    -- addresses; the user's own key delays least, so that nobody can lock a user out from elsewhere.
    INSERT INTO login_throttles AS t (key, failures, failed_at, blocked_until)
    SELECT k.key, 1, p_now, p_now
      FROM (VALUES (p_user_key, 10, 30), (p_pair_key, 5, 900), (p_address_key, 50, 900)) AS k (key, free, longest)
     ORDER BY k.key
    ON CONFLICT (key) DO UPDATE SET
        failures = CASE WHEN t.failed_at < p_now - interval '1 day' THEN 1 ELSE t.failures + 1 END,
        failed_at = p_now,
        blocked_until = (
            SELECT p_now + make_interval(secs =>
                       CASE WHEN t.failed_at < p_now - interval '1 day' OR t.failures + 1 < free THEN 0
                            ELSE least(longest, 2 ^ least(t.failures + 1 - free, 20)) END)
              FROM (VALUES (p_user_key, 10, 30), (p_pair_key, 5, 900), (p_address_key, 50, 900))
                   AS k (key, free, longest)
             WHERE k.key = t.key);
    RETURN reject('invalid_credentials');
END $$;

COMMENT ON FUNCTION fail_sign_in IS
    'Counts a failed sign-in by user, by address, and by both together, and rejects the request. Beyond the free '
    'failures each one doubles the delay.';
ALTER FUNCTION fail_sign_in OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION fail_sign_in TO holdfast_app;
