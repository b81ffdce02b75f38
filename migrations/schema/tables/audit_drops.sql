-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE audit_drops (
    partition text NOT NULL,
    from_at timestamp with time zone NOT NULL,
    before_at timestamp with time zone NOT NULL,
    rows bigint NOT NULL,
    seal_number bigint NOT NULL,
    CONSTRAINT audit_drops_pkey PRIMARY KEY (partition),
    CONSTRAINT audit_drops_partition_check CHECK ((partition ~ '^http_audit_log_[0-9]{4}_[0-9]{2}$'::text)),
    CONSTRAINT audit_drops_seal_number_fkey FOREIGN KEY (seal_number) REFERENCES audit_seals(number)
);
GRANT SELECT ON audit_drops TO holdfast_admin;
GRANT SELECT ON audit_drops TO holdfast_backup;
GRANT INSERT, SELECT ON audit_drops TO holdfast_maintenance;
COMMENT ON TABLE audit_drops IS 'Expired months. Each is named in a seal before it is dropped, so that its absence is accounted for.';
COMMENT ON COLUMN audit_drops.partition IS 'The partition.';
COMMENT ON COLUMN audit_drops.from_at IS 'Start of the month: rows at or after this time.';
COMMENT ON COLUMN audit_drops.before_at IS 'End of the month: rows before this time.';
COMMENT ON COLUMN audit_drops.rows IS 'Number of rows that it had.';
COMMENT ON COLUMN audit_drops.seal_number IS 'The seal that names it.';
