CREATE OR REPLACE FUNCTION give_back_attempt(p_keys bytea[]) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    -- In the order in which they are taken.
    FOR i IN 1 .. cardinality(p_keys) LOOP
        UPDATE attempts SET level = greatest(0, level - 1) WHERE key = p_keys[i];
    END LOOP;
END $$;

COMMENT ON FUNCTION give_back_attempt IS 'Takes an attempt that succeeded off the count of these subjects again.';
GRANT EXECUTE ON FUNCTION give_back_attempt TO holdfast_definer;
