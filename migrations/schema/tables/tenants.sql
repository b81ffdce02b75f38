-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE tenants (
    id uuid NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    status text NOT NULL DEFAULT 'active'::text,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT tenants_pkey PRIMARY KEY (id),
    CONSTRAINT tenants_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
    CONSTRAINT tenants_slug_check CHECK ((slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'::text)),
    CONSTRAINT tenants_status_check CHECK ((status = ANY (ARRAY['active'::text, 'suspended'::text]))),
    CONSTRAINT tenants_slug_key UNIQUE (slug)
);
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY backup ON tenants FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON tenants FOR ALL TO holdfast_definer USING (true);
CREATE POLICY lock_own ON tenants FOR UPDATE TO holdfast_admin USING ((id = ( SELECT current_tenant() AS current_tenant))) WITH CHECK (false);
CREATE POLICY own_tenant ON tenants FOR SELECT TO holdfast_admin, holdfast_auth USING ((id = ( SELECT current_tenant() AS current_tenant)));
CREATE POLICY owner ON tenants FOR ALL TO owner USING (true);
CREATE POLICY platform ON tenants FOR ALL TO holdfast_admin USING ((( SELECT current_tenant() AS current_tenant) = '00000000-0000-0000-0000-000000000000'::uuid));
GRANT INSERT (created_at, id, slug) ON tenants TO holdfast_admin;
GRANT INSERT, UPDATE (name, status, updated_at) ON tenants TO holdfast_admin;
GRANT SELECT ON tenants TO holdfast_admin;
GRANT UPDATE (version) ON tenants TO holdfast_admin;
GRANT SELECT (id, name, slug) ON tenants TO holdfast_auth;
GRANT SELECT ON tenants TO holdfast_backup;
GRANT SELECT ON tenants TO holdfast_definer;
GRANT UPDATE (updated_at) ON tenants TO holdfast_definer;
COMMENT ON TABLE tenants IS 'The customers of this deployment. The nil UUID is the platform itself, to which operators belong.';
COMMENT ON COLUMN tenants.id IS 'UUIDv7; the nil UUID for the platform.';
COMMENT ON COLUMN tenants.slug IS 'Name given at sign-in.';
COMMENT ON COLUMN tenants.name IS 'Display name.';
COMMENT ON COLUMN tenants.status IS 'No principal of a suspended tenant is admitted.';
COMMENT ON COLUMN tenants.version IS 'Number of changes; the ETag.';
COMMENT ON COLUMN tenants.created_at IS 'Creation time.';
COMMENT ON COLUMN tenants.updated_at IS 'Time of the last change.';
