CREATE OR REPLACE FUNCTION drop_audit_partition(p_partition text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
SET lock_timeout = '3s'
AS $$
DECLARE
    d audit_drops;
    newest audit_seals;
    row_count bigint;
    others bigint;
BEGIN
    SELECT * INTO d FROM audit_drops WHERE partition = p_partition;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no seal names % as dropped', p_partition;
    ELSIF d.before_at > now() - interval '90 days' THEN
        RAISE EXCEPTION '% is younger than 90 days', p_partition;
    ELSIF NOT EXISTS (SELECT FROM audit_deliveries WHERE seal_number = d.seal_number) THEN
        RAISE EXCEPTION 'the seal that names % is nowhere but here', p_partition;
    END IF;
    PERFORM FROM pg_inherits
      WHERE inhrelid = to_regclass('public.' || quote_ident(p_partition))
        AND inhparent = 'public.http_audit_log'::regclass;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    EXECUTE format('LOCK TABLE public.%I IN ACCESS EXCLUSIVE MODE', p_partition);
    SELECT * INTO newest FROM audit_seals ORDER BY number DESC LIMIT 1;
    EXECUTE format(
        'SELECT count(*), count(*) FILTER (WHERE (epoch, transaction_id) >= ($1, $2) OR at < $3 OR at >= $4) '
        'FROM public.%I', p_partition)
        INTO row_count, others USING newest.epoch, newest.to_transaction, d.from_at, d.before_at;
    IF others > 0 OR row_count <> d.rows THEN
        RAISE EXCEPTION '% has % rows, % of them unsealed or of another month; the seal names %',
            p_partition, row_count, others, d.rows;
    END IF;
    EXECUTE format('DROP TABLE public.%I', p_partition);
    RETURN row_count;
END $$;

COMMENT ON FUNCTION drop_audit_partition IS
    'Drops an expired month that a seal names as dropped, once that seal is stored elsewhere and every row of it is '
    'sealed; never one that ended less than 90 days ago. NULL where it is gone already.';
GRANT EXECUTE ON FUNCTION drop_audit_partition TO holdfast_maintenance;
