CREATE OR REPLACE FUNCTION attempt_limit(p_kind text)
RETURNS TABLE (free integer, per_hour double precision, longest_delay integer)
LANGUAGE sql IMMUTABLE
AS $$
    SELECT l.free, l.per_hour, l.longest_delay
      FROM (VALUES
        -- An address, at users who are not known there. People share addresses: its attempts are many, and soon free.
        ('address', 50, 600.0, NULL),
        -- A user, from all addresses where the user is not known: in any 24 hours at most 20 + 80.
        ('user', 20, 80 / 24.0, NULL),
        -- A user from one address.
        ('pair', 5, 6.0, 900),
        -- The same where the user is known: whatever others do there, the wait is short.
        ('known_pair', 5, 6.0, 30),
        -- A signed-in user: one session, and all of the user's sessions together.
        ('session', 5, 6.0, 30),
        ('signed_in', 20, 80 / 24.0, NULL)
      ) AS l (kind, free, per_hour, longest_delay)
     WHERE l.kind = p_kind
$$;

COMMENT ON FUNCTION attempt_limit IS
    'Limits of a kind of subject: attempts without a delay, attempts by which the level falls in an hour, and the '
    'longest delay in seconds. Beyond the free attempts each doubles the delay; where there is no longest delay, '
    'each waits until the level has fallen below the limit.';
GRANT EXECUTE ON FUNCTION attempt_limit TO holdfast_definer;
