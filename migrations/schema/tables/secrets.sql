-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE secrets (
    tenant_id uuid NOT NULL,
    account_id uuid NOT NULL,
    name text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT secrets_pkey PRIMARY KEY (tenant_id, account_id, name),
    CONSTRAINT secrets_name_check CHECK ((name ~ '^[A-Za-z][A-Za-z0-9_.-]{0,127}$'::text)),
    CONSTRAINT secrets_version_check CHECK ((version >= 0)),
    CONSTRAINT secrets_account_id_tenant_id_fkey FOREIGN KEY (account_id, tenant_id) REFERENCES accounts(id, tenant_id) ON DELETE CASCADE
);
ALTER TABLE secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE secrets FORCE ROW LEVEL SECURITY;
CREATE POLICY backup ON secrets FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON secrets FOR SELECT TO holdfast_definer USING ((tenant_id = ( SELECT current_tenant() AS current_tenant)));
CREATE POLICY own_tenant ON secrets FOR ALL TO holdfast_accounts USING ((tenant_id = ( SELECT current_tenant() AS current_tenant)));
GRANT DELETE, INSERT, SELECT ON secrets TO holdfast_accounts;
GRANT UPDATE (created_at, deleted_at, updated_at, version) ON secrets TO holdfast_accounts;
GRANT SELECT ON secrets TO holdfast_backup;
GRANT SELECT (account_id, deleted_at, tenant_id) ON secrets TO holdfast_definer;
COMMENT ON TABLE secrets IS 'Names of an account''s secrets. A deleted one keeps its version counter and nothing else, so that no version number ever means two values.';
COMMENT ON COLUMN secrets.tenant_id IS 'The account''s tenant.';
COMMENT ON COLUMN secrets.account_id IS 'The account.';
COMMENT ON COLUMN secrets.name IS 'Unique within the account.';
COMMENT ON COLUMN secrets.version IS 'Newest version; the ETag.';
COMMENT ON COLUMN secrets.created_at IS 'Creation time; where a deleted secret was put again, the time of that.';
COMMENT ON COLUMN secrets.updated_at IS 'Creation time of its newest version.';
COMMENT ON COLUMN secrets.deleted_at IS 'Time of deletion; its values are gone.';
