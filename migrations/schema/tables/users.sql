-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE users (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    username text NOT NULL,
    username_key text NOT NULL,
    role text NOT NULL,
    status text NOT NULL DEFAULT 'active'::text,
    password_hash text NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_check CHECK (((role = 'operator'::text) = (tenant_id = '00000000-0000-0000-0000-000000000000'::uuid))),
    CONSTRAINT users_password_hash_check CHECK (((password_hash ~~ '$argon2id$%'::text) AND (octet_length(password_hash) <= 512))),
    CONSTRAINT users_role_check CHECK ((role = ANY (ARRAY['viewer'::text, 'editor'::text, 'admin'::text, 'operator'::text]))),
    CONSTRAINT users_status_check CHECK ((status = ANY (ARRAY['active'::text, 'suspended'::text]))),
    CONSTRAINT users_username_check CHECK (((char_length(username) >= 1) AND (char_length(username) <= 128))),
    CONSTRAINT users_username_key_check CHECK (((char_length(username_key) >= 1) AND (char_length(username_key) <= 512))),
    CONSTRAINT users_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT users_id_tenant_id_key UNIQUE (id, tenant_id)
);
CREATE UNIQUE INDEX users_by_name ON users USING btree (tenant_id, username_key);
CREATE INDEX users_in_order ON users USING btree (tenant_id, id);
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
CREATE POLICY backup ON users FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON users FOR ALL TO holdfast_definer USING (true);
CREATE POLICY own_tenant ON users FOR ALL TO holdfast_admin, holdfast_auth USING ((tenant_id = ( SELECT current_tenant() AS current_tenant)));
CREATE POLICY owner ON users FOR ALL TO owner USING (true);
GRANT DELETE ON users TO holdfast_admin;
GRANT INSERT, SELECT (created_at, id, tenant_id) ON users TO holdfast_admin;
GRANT INSERT, SELECT, UPDATE (role, status, updated_at, username, username_key) ON users TO holdfast_admin;
GRANT INSERT, UPDATE (password_hash) ON users TO holdfast_admin;
GRANT SELECT, UPDATE (version) ON users TO holdfast_admin;
GRANT SELECT (id, status, tenant_id, username) ON users TO holdfast_auth;
GRANT SELECT, UPDATE (password_hash, version) ON users TO holdfast_auth;
GRANT UPDATE (updated_at) ON users TO holdfast_auth;
GRANT SELECT ON users TO holdfast_backup;
GRANT SELECT ON users TO holdfast_definer;
GRANT UPDATE (updated_at) ON users TO holdfast_definer;
COMMENT ON TABLE users IS 'The people who sign in. Operators belong to the platform, and only they do.';
COMMENT ON COLUMN users.id IS 'UUIDv7; the JWT''s sub.';
COMMENT ON COLUMN users.tenant_id IS 'The tenant that the user belongs to.';
COMMENT ON COLUMN users.username IS 'Name given at sign-in, in NFKC.';
COMMENT ON COLUMN users.username_key IS 'The name as it is compared: normalised and case-folded by shared/src/text/username.rs, never by the database, whose locale would decide.';
COMMENT ON COLUMN users.role IS 'Role; shared/src/permission.rs maps roles to permissions.';
COMMENT ON COLUMN users.status IS 'A suspended user is rejected, with any session.';
COMMENT ON COLUMN users.password_hash IS 'Argon2id hash in PHC string format.';
COMMENT ON COLUMN users.version IS 'Number of changes; the ETag.';
COMMENT ON COLUMN users.created_at IS 'Creation time.';
COMMENT ON COLUMN users.updated_at IS 'Time of the last change.';
