-- Seals: signed proof of what the audit log held, so that nobody can change it unseen, whoever owns the database. The
-- format is in docs/audit-format.md.

-- What follows acts as the maintenance role, so that the command needs no login of its own.
DO $$ BEGIN EXECUTE format('GRANT holdfast_maintenance TO %I', current_user); END $$;

-- Rows are sealed in the order of epoch, transaction and id.
ALTER TABLE http_audit_log ADD COLUMN epoch integer NOT NULL DEFAULT 1;
ALTER TABLE http_audit_log ADD CONSTRAINT http_audit_log_epoch_check CHECK (epoch > 0) NOT VALID;
COMMENT ON COLUMN http_audit_log.epoch IS 'Which run of transaction numbers: a restored or upgraded cluster may begin lower, and gets the next epoch.';
CREATE INDEX http_audit_log_by_transaction ON http_audit_log (epoch, transaction_id);
CREATE INDEX http_audit_log_in_order ON http_audit_log (tenant_id, epoch, transaction_id, id);

CREATE FUNCTION audit_epoch() RETURNS integer LANGUAGE sql STABLE
    RETURN (SELECT pg_get_expr(d.adbin, d.adrelid)::integer FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
             WHERE d.adrelid = 'public.http_audit_log'::regclass AND a.attname = 'epoch');
COMMENT ON FUNCTION audit_epoch() IS 'The epoch that new rows get.';

CREATE FUNCTION begin_audit_epoch() RETURNS integer LANGUAGE plpgsql AS $$
DECLARE following integer := audit_epoch() + 1;
BEGIN
    -- The lock waits for all who write rows of the old epoch, and those after get the new one.
    EXECUTE format('ALTER TABLE http_audit_log ALTER COLUMN epoch SET DEFAULT %s', following);
    RETURN following;
END $$;
COMMENT ON FUNCTION begin_audit_epoch() IS 'To be called by the owner, before anything writes, in a cluster that a database was restored to. The old epoch''s rows are sealed to its end first.';

CREATE FUNCTION audit_horizon() RETURNS TABLE (epoch integer, transaction_id xid8) LANGUAGE sql STABLE AS $$
    SELECT audit_epoch(), pg_snapshot_xmin(pg_current_snapshot())
$$;
COMMENT ON FUNCTION audit_horizon() IS 'The first transaction that may not have ended: rows before it are complete, however late they committed.';

CREATE TABLE audit_keys (
    kid text PRIMARY KEY,
    x text NOT NULL,
    y text NOT NULL,
    provider_key text,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE audit_keys IS 'The public halves (P-256) of all keys that ever sealed. The private halves are in KMS, or locally in a key file.';
COMMENT ON COLUMN audit_keys.kid IS 'The key''s RFC 7638 thumbprint.';
COMMENT ON COLUMN audit_keys.x IS 'The public point''s x, base64url.';
COMMENT ON COLUMN audit_keys.y IS 'The public point''s y, base64url.';
COMMENT ON COLUMN audit_keys.provider_key IS 'The KMS key''s ARN; NULL for a key in a file.';
COMMENT ON COLUMN audit_keys.created_at IS 'When it first sealed.';

CREATE TABLE audit_seals (
    number bigint PRIMARY KEY CHECK (number > 0),
    epoch integer NOT NULL,
    from_transaction xid8 NOT NULL,
    to_transaction xid8 NOT NULL,
    rows bigint NOT NULL,
    sealed_at timestamptz NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    kid text NOT NULL REFERENCES audit_keys (kid),
    document text NOT NULL
);
COMMENT ON TABLE audit_seals IS 'The seals, each naming the one before it. What counts is the document; the columns repeat it.';
COMMENT ON COLUMN audit_seals.number IS 'From 1, without a gap.';
COMMENT ON COLUMN audit_seals.epoch IS 'The epoch of the transactions.';
COMMENT ON COLUMN audit_seals.from_transaction IS 'The first transaction that it seals.';
COMMENT ON COLUMN audit_seals.to_transaction IS 'The first transaction that it does not seal any more.';
COMMENT ON COLUMN audit_seals.rows IS 'How many rows, of all tenants.';
COMMENT ON COLUMN audit_seals.sealed_at IS 'When.';
COMMENT ON COLUMN audit_seals.hash IS 'The digest by which the next seal names it.';
COMMENT ON COLUMN audit_seals.kid IS 'The key that signed it.';
COMMENT ON COLUMN audit_seals.document IS 'The seal itself: a compact JWS.';

CREATE TABLE audit_batches (
    tenant_id uuid NOT NULL,
    seal_number bigint NOT NULL REFERENCES audit_seals (number),
    count bigint NOT NULL CHECK (count > 0),
    total bigint NOT NULL,
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    head bytea NOT NULL CHECK (octet_length(head) = 32),
    entries bytea NOT NULL CHECK (octet_length(entries) = count * 48),
    place_index bigint NOT NULL,
    place_size bigint NOT NULL,
    place_path bytea NOT NULL,
    PRIMARY KEY (tenant_id, seal_number)
);
CREATE INDEX audit_batches_of_seal ON audit_batches (seal_number);
-- Digests do not compress.
ALTER TABLE audit_batches ALTER COLUMN entries SET STORAGE EXTERNAL;
COMMENT ON TABLE audit_batches IS 'A tenant''s new rows in a seal.';
COMMENT ON COLUMN audit_batches.tenant_id IS 'Whose rows.';
COMMENT ON COLUMN audit_batches.seal_number IS 'The seal.';
COMMENT ON COLUMN audit_batches.count IS 'How many rows.';
COMMENT ON COLUMN audit_batches.total IS 'How many rows of the tenant were ever sealed, these included.';
COMMENT ON COLUMN audit_batches.root IS 'The root of the tree over the entries.';
COMMENT ON COLUMN audit_batches.head IS 'The head of the tenant''s chain of batches.';
COMMENT ON COLUMN audit_batches.entries IS 'The rows in order: 16 bytes of id and 32 of digest each.';
COMMENT ON COLUMN audit_batches.place_index IS 'The tenant''s number in the seal''s state tree.';
COMMENT ON COLUMN audit_batches.place_size IS 'How many tenants that tree has.';
COMMENT ON COLUMN audit_batches.place_path IS 'The inclusion proof there, 32 bytes a step, the lowest first.';

CREATE TABLE audit_deliveries (
    seal_number bigint PRIMARY KEY REFERENCES audit_seals (number),
    place text NOT NULL,
    delivered_at timestamptz NOT NULL
);
COMMENT ON TABLE audit_deliveries IS 'Which seals have been written where the database''s owner cannot change them.';
COMMENT ON COLUMN audit_deliveries.seal_number IS 'The seal.';
COMMENT ON COLUMN audit_deliveries.place IS 'Where: an object in S3, or a file.';
COMMENT ON COLUMN audit_deliveries.delivered_at IS 'When.';

CREATE TABLE audit_drops (
    partition text PRIMARY KEY CHECK (partition ~ '^http_audit_log_[0-9]{4}_[0-9]{2}$'),
    from_at timestamptz NOT NULL,
    before_at timestamptz NOT NULL,
    rows bigint NOT NULL,
    seal_number bigint NOT NULL REFERENCES audit_seals (number)
);
COMMENT ON TABLE audit_drops IS 'The months that have served their time. Each is named in a seal before it is dropped: what is missing of it is missing rightly.';
COMMENT ON COLUMN audit_drops.partition IS 'The partition.';
COMMENT ON COLUMN audit_drops.from_at IS 'Its rows are at or after this time,';
COMMENT ON COLUMN audit_drops.before_at IS 'and before this one.';
COMMENT ON COLUMN audit_drops.rows IS 'How many rows it had.';
COMMENT ON COLUMN audit_drops.seal_number IS 'The seal that names it.';

ALTER TABLE audit_batches ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_batches FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON audit_batches FOR SELECT TO holdfast_app USING (tenant_id = (SELECT current_tenant()));
CREATE POLICY gate ON audit_batches FOR SELECT TO holdfast_gate USING (true);
CREATE POLICY backup ON audit_batches FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY seal ON audit_batches TO holdfast_maintenance USING (true) WITH CHECK (true);
-- Nobody may change or remove anything of these; only maintenance may add.
GRANT SELECT, INSERT ON audit_keys, audit_seals, audit_batches, audit_deliveries, audit_drops TO holdfast_maintenance;
GRANT SELECT ON audit_keys, audit_seals, audit_batches, audit_drops TO holdfast_app;
GRANT SELECT ON audit_batches TO holdfast_gate;
GRANT SELECT ON audit_keys, audit_seals, audit_batches, audit_deliveries, audit_drops TO holdfast_backup;

CREATE FUNCTION audit_states() RETURNS TABLE (tenant_id uuid, total bigint, head bytea) LANGUAGE sql STABLE AS $$
    -- From one tenant to the next by the index: batches are many, tenants few.
    WITH RECURSIVE tenant (id) AS (
        (SELECT b.tenant_id FROM audit_batches b ORDER BY b.tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT b.tenant_id FROM audit_batches b WHERE b.tenant_id > tenant.id ORDER BY b.tenant_id LIMIT 1) FROM tenant WHERE tenant.id IS NOT NULL
    )
    SELECT newest.* FROM tenant CROSS JOIN LATERAL
        (SELECT b.tenant_id, b.total, b.head FROM audit_batches b WHERE b.tenant_id = tenant.id ORDER BY b.seal_number DESC LIMIT 1) newest
     ORDER BY newest.tenant_id
$$;
COMMENT ON FUNCTION audit_states() IS 'Where every tenant''s chain stands at the newest seal.';

CREATE FUNCTION audit_state_leaves() RETURNS TABLE (leaves bytea, ordinal bigint) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT coalesce(string_agg(sha256('\x00'::bytea || uuid_send(s.tenant_id) || int8send(s.total) || s.head), ''::bytea ORDER BY s.tenant_id), ''::bytea),
           count(*) FILTER (WHERE s.tenant_id < current_tenant())
      FROM audit_states() s
$$;
COMMENT ON FUNCTION audit_state_leaves() IS 'The leaves of the newest seal''s state tree, which tell nothing of the tenants behind them, and the number of the tenant''s own.';

CREATE FUNCTION audit_page(p_after bigint) RETURNS TABLE (first bigint, last bigint) LANGUAGE sql STABLE AS $$
    SELECT min(page.number), max(page.number) FROM (
        SELECT s.number, s.epoch = first_value(s.epoch) OVER (ORDER BY s.number) AS same,
               sum(coalesce(b.count, 0)) OVER (ORDER BY s.number) - coalesce(b.count, 0) AS before
          FROM (SELECT number, epoch FROM audit_seals WHERE number > p_after ORDER BY number LIMIT 200) s
          LEFT JOIN audit_batches b ON b.tenant_id = current_tenant() AND b.seal_number = s.number) page
     WHERE page.same AND page.before < 10000
$$;
COMMENT ON FUNCTION audit_page(bigint) IS 'The seals after this one that are looked at together: of one epoch, at most 200, and no more once the tenant has 10000 rows in them.';

CREATE OR REPLACE FUNCTION create_audit_partitions(months integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE first date; made integer := 0; this timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
BEGIN
    FOR first IN SELECT generate_series(this, this + make_interval(months => least(months, 24)), '1 month')::date LOOP
        IF to_regclass(format('public.http_audit_log_%s', to_char(first, 'YYYY_MM'))) IS NULL THEN
            EXECUTE format('CREATE TABLE public.%I PARTITION OF http_audit_log FOR VALUES FROM (%L) TO (%L)', 'http_audit_log_' || to_char(first, 'YYYY_MM'),
                first::timestamp AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC');
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;

CREATE FUNCTION audit_partitions_before(p_before timestamptz) RETURNS TABLE (partition text, from_at timestamptz, before_at timestamptz, rows bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    FOR partition IN SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                      WHERE i.inhparent = 'public.http_audit_log'::regclass AND c.relname ~ '^http_audit_log_[0-9]{4}_[0-9]{2}$' ORDER BY 1 LOOP
        from_at := to_date(right(partition, 7), 'YYYY_MM')::timestamp AT TIME ZONE 'UTC';
        before_at := (to_date(right(partition, 7), 'YYYY_MM') + interval '1 month') AT TIME ZONE 'UTC';
        CONTINUE WHEN before_at > p_before;
        EXECUTE format('SELECT count(*) FROM public.%I', partition) INTO rows;
        RETURN NEXT;
    END LOOP;
END $$;
COMMENT ON FUNCTION audit_partitions_before(timestamptz) IS 'The months that had ended by then, with the number of their rows.';

CREATE FUNCTION drop_audit_partition(p_partition text) RETURNS bigint LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '3s' AS $$
DECLARE d audit_drops; newest audit_seals; held bigint; others bigint;
BEGIN
    SELECT * INTO d FROM audit_drops WHERE partition = p_partition;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no seal names % as dropped', p_partition;
    ELSIF d.before_at > now() - interval '90 days' THEN
        RAISE EXCEPTION '% is younger than 90 days', p_partition;
    ELSIF NOT EXISTS (SELECT FROM audit_deliveries WHERE seal_number = d.seal_number) THEN
        RAISE EXCEPTION 'the seal that names % is nowhere but here', p_partition;
    END IF;
    PERFORM FROM pg_inherits WHERE inhrelid = to_regclass('public.' || quote_ident(p_partition)) AND inhparent = 'public.http_audit_log'::regclass;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    EXECUTE format('LOCK TABLE public.%I IN ACCESS EXCLUSIVE MODE', p_partition);
    SELECT * INTO newest FROM audit_seals ORDER BY number DESC LIMIT 1;
    EXECUTE format('SELECT count(*), count(*) FILTER (WHERE (epoch, transaction_id) >= ($1, $2) OR at < $3 OR at >= $4) FROM public.%I', p_partition)
       INTO held, others USING newest.epoch, newest.to_transaction, d.from_at, d.before_at;
    IF others > 0 OR held <> d.rows THEN
        RAISE EXCEPTION '% has % rows, % of them unsealed or of another month; the seal names %', p_partition, held, others, d.rows;
    END IF;
    EXECUTE format('DROP TABLE public.%I', p_partition);
    RETURN held;
END $$;
COMMENT ON FUNCTION drop_audit_partition(text) IS 'Drops a month that a seal names as dropped, once that seal is stored elsewhere and every row of it is sealed; never one that ended less than 90 days ago. NULL where it is gone already.';

-- Roles other than the owner reach the tables that these read.
GRANT CREATE ON SCHEMA public TO holdfast_gate;
ALTER FUNCTION audit_state_leaves() OWNER TO holdfast_gate;
REVOKE CREATE ON SCHEMA public FROM holdfast_gate;
GRANT EXECUTE ON FUNCTION audit_epoch(), audit_horizon(), audit_page(bigint), audit_state_leaves() TO holdfast_app;
GRANT EXECUTE ON FUNCTION audit_states() TO holdfast_maintenance, holdfast_gate;
GRANT EXECUTE ON FUNCTION audit_epoch(), audit_horizon(), create_audit_partitions(integer), audit_partitions_before(timestamptz), drop_audit_partition(text)
    TO holdfast_maintenance;
