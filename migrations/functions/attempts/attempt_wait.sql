CREATE OR REPLACE FUNCTION attempt_wait(p_kind text, p_key bytea, p_now timestamptz) RETURNS integer
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    a attempts;
    l record;
    delay double precision;
    seconds double precision;
BEGIN
    -- The row exists before it is locked, so that first attempts at the same time wait for each other too.
    INSERT INTO attempts (key, level, counted_at) VALUES (p_key, 0, p_now) ON CONFLICT DO NOTHING;
    SELECT * INTO a FROM attempts WHERE key = p_key FOR UPDATE;
    SELECT * INTO l FROM attempt_limit(p_kind);
    IF a.level <= l.free - 1 THEN
        RETURN NULL;
    ELSIF l.longest_delay IS NULL THEN
        delay := (a.level - (l.free - 1)) / l.per_hour * 3600;
    ELSE
        delay := least(l.longest_delay, 2 ^ least(greatest(a.level - l.free, 0), 20));
    END IF;
    seconds := delay - extract(epoch FROM p_now - a.counted_at);
    -- The clocks of two instances differ: none makes a caller wait longer than the delay.
    RETURN CASE WHEN seconds > 0 THEN ceil(least(seconds, delay))::integer END;
END $$;

COMMENT ON FUNCTION attempt_wait IS
    'Locks a subject''s attempts for this transaction. Returns the seconds to wait before the next one; NULL for none.';
GRANT EXECUTE ON FUNCTION attempt_wait TO holdfast_definer;
