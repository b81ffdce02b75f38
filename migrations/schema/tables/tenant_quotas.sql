-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE tenant_quotas (
    tenant_id uuid NOT NULL,
    kind text NOT NULL,
    max_count bigint NOT NULL,
    used bigint NOT NULL,
    CONSTRAINT tenant_quotas_pkey PRIMARY KEY (tenant_id, kind),
    CONSTRAINT tenant_quotas_kind_check CHECK ((kind = ANY (ARRAY['accounts'::text, 'secrets'::text, 'users'::text, 'api_tokens'::text]))),
    CONSTRAINT tenant_quotas_max_count_check CHECK ((max_count >= 0)),
    CONSTRAINT tenant_quotas_used_check CHECK ((used >= 0)),
    CONSTRAINT tenant_quotas_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id)
);
ALTER TABLE tenant_quotas ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_quotas FORCE ROW LEVEL SECURITY;
CREATE POLICY backup ON tenant_quotas FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON tenant_quotas FOR ALL TO holdfast_definer USING (true);
CREATE POLICY owner ON tenant_quotas FOR ALL TO owner USING (true);
CREATE POLICY platform ON tenant_quotas FOR SELECT TO holdfast_admin USING ((( SELECT current_tenant() AS current_tenant) = '00000000-0000-0000-0000-000000000000'::uuid));
GRANT SELECT (kind, max_count, tenant_id) ON tenant_quotas TO holdfast_admin;
GRANT SELECT ON tenant_quotas TO holdfast_backup;
GRANT DELETE, INSERT, SELECT, UPDATE ON tenant_quotas TO holdfast_definer;
COMMENT ON TABLE tenant_quotas IS 'Limits of a tenant. Counted only where there is a limit: the row lock makes the counter exact.';
COMMENT ON COLUMN tenant_quotas.tenant_id IS 'The tenant.';
COMMENT ON COLUMN tenant_quotas.kind IS 'Kind of object that is counted.';
COMMENT ON COLUMN tenant_quotas.max_count IS 'Limit.';
COMMENT ON COLUMN tenant_quotas.used IS 'Number of objects now.';
