-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE audit_seals (
    number bigint NOT NULL,
    epoch integer NOT NULL,
    from_transaction xid8 NOT NULL,
    to_transaction xid8 NOT NULL,
    rows bigint NOT NULL,
    sealed_at timestamp with time zone NOT NULL,
    hash bytea NOT NULL,
    kid text NOT NULL,
    document text NOT NULL,
    CONSTRAINT audit_seals_pkey PRIMARY KEY (number),
    CONSTRAINT audit_seals_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT audit_seals_number_check CHECK ((number > 0)),
    CONSTRAINT audit_seals_kid_fkey FOREIGN KEY (kid) REFERENCES audit_keys(kid)
);
GRANT SELECT ON audit_seals TO holdfast_admin;
GRANT SELECT ON audit_seals TO holdfast_backup;
GRANT INSERT, SELECT ON audit_seals TO holdfast_maintenance;
GRANT SELECT ON audit_seals TO holdfast_metrics;
COMMENT ON TABLE audit_seals IS 'Seals, each naming the one before it. The document is authoritative; the columns repeat it.';
COMMENT ON COLUMN audit_seals.number IS 'Number from 1, without a gap.';
COMMENT ON COLUMN audit_seals.epoch IS 'Epoch of the transactions.';
COMMENT ON COLUMN audit_seals.from_transaction IS 'First transaction that it seals.';
COMMENT ON COLUMN audit_seals.to_transaction IS 'First transaction after those that it seals.';
COMMENT ON COLUMN audit_seals.rows IS 'Number of rows, of all tenants.';
COMMENT ON COLUMN audit_seals.sealed_at IS 'Time of sealing.';
COMMENT ON COLUMN audit_seals.hash IS 'Digest by which the next seal names it.';
COMMENT ON COLUMN audit_seals.kid IS 'The key that signed it.';
COMMENT ON COLUMN audit_seals.document IS 'The seal: a compact JWS (RFC 7515).';
