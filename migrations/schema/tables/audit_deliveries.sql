-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE audit_deliveries (
    seal_number bigint NOT NULL,
    location text NOT NULL,
    delivered_at timestamp with time zone NOT NULL,
    CONSTRAINT audit_deliveries_pkey PRIMARY KEY (seal_number),
    CONSTRAINT audit_deliveries_seal_number_fkey FOREIGN KEY (seal_number) REFERENCES audit_seals(number)
);
GRANT SELECT ON audit_deliveries TO holdfast_backup;
GRANT INSERT, SELECT ON audit_deliveries TO holdfast_maintenance;
COMMENT ON TABLE audit_deliveries IS 'Seals that were written to a store that the database''s owner cannot change.';
COMMENT ON COLUMN audit_deliveries.seal_number IS 'The seal.';
COMMENT ON COLUMN audit_deliveries.location IS 'An object in S3, or a file.';
COMMENT ON COLUMN audit_deliveries.delivered_at IS 'Time of delivery.';
