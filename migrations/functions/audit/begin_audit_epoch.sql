CREATE OR REPLACE FUNCTION begin_audit_epoch() RETURNS integer
LANGUAGE plpgsql
AS $$
DECLARE
    following integer := audit_epoch() + 1;
BEGIN
    -- The lock waits for all transactions that write rows of the old epoch; those after it get the new one.
    EXECUTE format('ALTER TABLE http_audit_log ALTER COLUMN epoch SET DEFAULT %s', following);
    RETURN following;
END $$;

COMMENT ON FUNCTION begin_audit_epoch IS
    'Begins the next epoch. The owner calls it, before anything writes, in a cluster that a database was restored '
    'to. The rows of the old epoch are sealed to its end first.';
