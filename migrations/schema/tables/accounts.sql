-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE accounts (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    search_name text COLLATE "C" NOT NULL,
    owner text,
    status text NOT NULL DEFAULT 'active'::text,
    metadata jsonb NOT NULL DEFAULT '{}'::jsonb,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    deleted_at timestamp with time zone,
    CONSTRAINT accounts_pkey PRIMARY KEY (id),
    CONSTRAINT accounts_metadata_check CHECK (((jsonb_typeof(metadata) = 'object'::text) AND (pg_column_size(metadata) <= 262144))),
    CONSTRAINT accounts_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
    CONSTRAINT accounts_owner_check CHECK (((char_length(owner) >= 1) AND (char_length(owner) <= 200))),
    CONSTRAINT accounts_search_name_check CHECK ((char_length(search_name) <= 600)),
    CONSTRAINT accounts_status_check CHECK ((status = ANY (ARRAY['active'::text, 'suspended'::text]))),
    CONSTRAINT accounts_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT accounts_id_tenant_id_key UNIQUE (id, tenant_id)
);
CREATE INDEX accounts_by_owner ON accounts USING btree (tenant_id, owner, id) WHERE (deleted_at IS NULL);
CREATE INDEX accounts_by_prefix ON accounts USING btree (tenant_id, search_name, id) WHERE (deleted_at IS NULL);
CREATE INDEX accounts_by_status ON accounts USING btree (tenant_id, status, id) WHERE (deleted_at IS NULL);
CREATE INDEX accounts_deleted ON accounts USING btree (deleted_at) WHERE (deleted_at IS NOT NULL);
CREATE INDEX accounts_in_order ON accounts USING btree (tenant_id, id) WHERE (deleted_at IS NULL);
CREATE UNIQUE INDEX accounts_live_name ON accounts USING btree (tenant_id, name) WHERE (deleted_at IS NULL);
ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE accounts FORCE ROW LEVEL SECURITY;
CREATE POLICY backup ON accounts FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON accounts FOR SELECT TO holdfast_definer USING ((tenant_id = ( SELECT current_tenant() AS current_tenant)));
CREATE POLICY own_tenant ON accounts FOR ALL TO holdfast_accounts USING ((tenant_id = ( SELECT current_tenant() AS current_tenant)));
CREATE POLICY retention ON accounts FOR ALL TO holdfast_maintenance USING ((deleted_at IS NOT NULL));
GRANT INSERT (created_at, id, tenant_id) ON accounts TO holdfast_accounts;
GRANT INSERT, UPDATE (metadata, name, owner, search_name, updated_at) ON accounts TO holdfast_accounts;
GRANT SELECT ON accounts TO holdfast_accounts;
GRANT UPDATE (deleted_at, status, version) ON accounts TO holdfast_accounts;
GRANT SELECT ON accounts TO holdfast_backup;
GRANT SELECT (deleted_at, id, tenant_id) ON accounts TO holdfast_definer;
GRANT DELETE, SELECT ON accounts TO holdfast_maintenance;
COMMENT ON TABLE accounts IS 'The accounts of a tenant.';
COMMENT ON COLUMN accounts.id IS 'UUIDv7.';
COMMENT ON COLUMN accounts.tenant_id IS 'Owning tenant.';
COMMENT ON COLUMN accounts.name IS 'Unique among the tenant''s live accounts.';
COMMENT ON COLUMN accounts.search_name IS 'The name in lower case, for prefix search. A column instead of an index on lower(name): that function is not leakproof, so under row-level security no index condition can use it.';
COMMENT ON COLUMN accounts.owner IS 'Person or team responsible, in the tenant''s own words.';
COMMENT ON COLUMN accounts.status IS 'A suspended account rejects writes and reveals of secrets.';
COMMENT ON COLUMN accounts.metadata IS 'Up to 50 pairs of strings.';
COMMENT ON COLUMN accounts.version IS 'Number of changes; the ETag.';
COMMENT ON COLUMN accounts.created_at IS 'Creation time.';
COMMENT ON COLUMN accounts.updated_at IS 'Time of the last change.';
COMMENT ON COLUMN accounts.deleted_at IS 'Time of the soft delete; retention removes the row later.';
