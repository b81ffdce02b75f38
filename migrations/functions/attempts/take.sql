CREATE OR REPLACE FUNCTION take_attempt(p_kinds text[], p_keys bytea[], p_now timestamptz) RETURNS integer
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    wait integer;
BEGIN
    -- Locked in the order given, which is the same for all: simultaneous attempts queue, and none passes uncounted.
    FOR i IN 1 .. cardinality(p_kinds) LOOP
        wait := attempt_wait(p_kinds[i], p_keys[i], p_now);
        IF wait IS NOT NULL THEN
            RETURN wait;
        END IF;
    END LOOP;
    UPDATE attempts AS a
       SET level = greatest(0, a.level - l.per_hour * greatest(0, extract(epoch FROM p_now - a.counted_at)) / 3600) + 1,
           counted_at = p_now
      FROM unnest(p_kinds, p_keys) AS subject (kind, key) CROSS JOIN LATERAL attempt_limit(subject.kind) AS l
     WHERE a.key = subject.key;
    RETURN NULL;
END $$;

COMMENT ON FUNCTION take_attempt IS
    'Counts an attempt against all of these subjects before it is evaluated. Returns the seconds to wait, and counts '
    'nothing, where one of them has too many; NULL where the attempt may be evaluated.';
GRANT EXECUTE ON FUNCTION take_attempt TO holdfast_definer;
