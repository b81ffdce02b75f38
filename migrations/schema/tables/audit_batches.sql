-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE audit_batches (
    tenant_id uuid NOT NULL,
    seal_number bigint NOT NULL,
    count bigint NOT NULL,
    total bigint NOT NULL,
    root bytea NOT NULL,
    head bytea NOT NULL,
    entries bytea NOT NULL,
    state_index bigint NOT NULL,
    state_size bigint NOT NULL,
    state_path bytea NOT NULL,
    CONSTRAINT audit_batches_pkey PRIMARY KEY (tenant_id, seal_number),
    CONSTRAINT audit_batches_check CHECK ((octet_length(entries) = (count * 48))),
    CONSTRAINT audit_batches_count_check CHECK ((count > 0)),
    CONSTRAINT audit_batches_head_check CHECK ((octet_length(head) = 32)),
    CONSTRAINT audit_batches_root_check CHECK ((octet_length(root) = 32)),
    CONSTRAINT audit_batches_seal_number_fkey FOREIGN KEY (seal_number) REFERENCES audit_seals(number)
);
CREATE INDEX audit_batches_of_seal ON audit_batches USING btree (seal_number);
ALTER TABLE audit_batches ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_batches FORCE ROW LEVEL SECURITY;
CREATE POLICY backup ON audit_batches FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON audit_batches FOR SELECT TO holdfast_definer USING (true);
CREATE POLICY own_tenant ON audit_batches FOR SELECT TO holdfast_admin USING ((tenant_id = ( SELECT current_tenant() AS current_tenant)));
CREATE POLICY seal ON audit_batches FOR ALL TO holdfast_maintenance USING (true);
GRANT SELECT ON audit_batches TO holdfast_admin;
GRANT SELECT ON audit_batches TO holdfast_backup;
GRANT SELECT ON audit_batches TO holdfast_definer;
GRANT INSERT, SELECT ON audit_batches TO holdfast_maintenance;
COMMENT ON TABLE audit_batches IS 'New rows of a tenant in a seal.';
COMMENT ON COLUMN audit_batches.tenant_id IS 'The tenant.';
COMMENT ON COLUMN audit_batches.seal_number IS 'The seal.';
COMMENT ON COLUMN audit_batches.count IS 'Number of rows.';
COMMENT ON COLUMN audit_batches.total IS 'Number of the tenant''s rows ever sealed, these included.';
COMMENT ON COLUMN audit_batches.root IS 'Merkle root over the entries.';
COMMENT ON COLUMN audit_batches.head IS 'Head of the tenant''s hash chain of batches.';
COMMENT ON COLUMN audit_batches.entries IS 'The rows in order: 16 bytes of id and 32 of digest each.';
COMMENT ON COLUMN audit_batches.state_index IS 'Index of the tenant in the seal''s state tree.';
COMMENT ON COLUMN audit_batches.state_size IS 'Number of tenants in that tree.';
COMMENT ON COLUMN audit_batches.state_path IS 'Inclusion proof in that tree, 32 bytes per step, from the leaf up.';
