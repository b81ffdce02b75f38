-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE secret_versions (
    tenant_id uuid NOT NULL,
    account_id uuid NOT NULL,
    name text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    sealed bytea NOT NULL,
    key_version integer NOT NULL,
    binding_tag bytea NOT NULL,
    is_text boolean NOT NULL,
    restored_from bigint,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT secret_versions_pkey PRIMARY KEY (tenant_id, account_id, name, version),
    CONSTRAINT secret_versions_binding_tag_check CHECK ((octet_length(binding_tag) = 32)),
    CONSTRAINT secret_versions_name_check CHECK ((octet_length(name) <= 128)),
    CONSTRAINT secret_versions_sealed_check CHECK ((octet_length(sealed) <= 131072)),
    CONSTRAINT secret_versions_version_check CHECK ((version > 0)),
    CONSTRAINT secret_versions_tenant_id_account_id_name_fkey FOREIGN KEY (tenant_id, account_id, name) REFERENCES secrets(tenant_id, account_id, name) ON DELETE CASCADE
);
ALTER TABLE secret_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE secret_versions FORCE ROW LEVEL SECURITY;
CREATE POLICY backup ON secret_versions FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY own_tenant ON secret_versions FOR ALL TO holdfast_accounts USING ((tenant_id = ( SELECT current_tenant() AS current_tenant)));
CREATE POLICY rotation ON secret_versions FOR ALL TO holdfast_maintenance USING (true);
GRANT DELETE, INSERT, SELECT ON secret_versions TO holdfast_accounts;
GRANT SELECT ON secret_versions TO holdfast_backup;
GRANT SELECT ON secret_versions TO holdfast_maintenance;
GRANT UPDATE (binding_tag, key_version, sealed) ON secret_versions TO holdfast_maintenance;
COMMENT ON TABLE secret_versions IS 'Current and former values of secrets, sealed (docs/vault-format.md).';
COMMENT ON COLUMN secret_versions.tenant_id IS 'The account''s tenant.';
COMMENT ON COLUMN secret_versions.account_id IS 'The account.';
COMMENT ON COLUMN secret_versions.name IS 'The secret''s name.';
COMMENT ON COLUMN secret_versions.version IS 'Number of the value, from 1, without a gap.';
COMMENT ON COLUMN secret_versions.sealed IS 'The value, sealed for its tenant, account and name.';
COMMENT ON COLUMN secret_versions.key_version IS 'Version of the tenant''s data key for secrets that opens it and that derived the binding tag.';
COMMENT ON COLUMN secret_versions.binding_tag IS 'Version binding tag: SHA-256 of a key that is not stored here, of the sealed value''s SHA-256, and of the version.';
COMMENT ON COLUMN secret_versions.is_text IS 'True where the value was given as text, and is returned as text.';
COMMENT ON COLUMN secret_versions.restored_from IS 'The version whose value it repeats, where it was created by a restore.';
COMMENT ON COLUMN secret_versions.created_at IS 'Creation time.';
