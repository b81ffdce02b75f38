-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE api_tokens (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    name text NOT NULL,
    prefix text NOT NULL,
    hash bytea NOT NULL,
    scopes text[] NOT NULL,
    created_by uuid,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    CONSTRAINT api_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT api_tokens_check CHECK (((tenant_id = '00000000-0000-0000-0000-000000000000'::uuid) = (scopes && ARRAY['metrics:read'::text]))),
    CONSTRAINT api_tokens_check1 CHECK (((tenant_id <> '00000000-0000-0000-0000-000000000000'::uuid) OR (scopes = ARRAY['metrics:read'::text]))),
    CONSTRAINT api_tokens_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT api_tokens_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 200))),
    CONSTRAINT api_tokens_prefix_check CHECK ((octet_length(prefix) <= 64)),
    CONSTRAINT api_tokens_scopes_check CHECK ((((cardinality(scopes) >= 1) AND (cardinality(scopes) <= 6)) AND (scopes <@ ARRAY['accounts:read'::text, 'accounts:write'::text, 'secrets:read'::text, 'secrets:write'::text, 'secrets:reveal'::text, 'metrics:read'::text]))),
    CONSTRAINT api_tokens_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id),
    CONSTRAINT api_tokens_hash_key UNIQUE (hash)
);
CREATE INDEX api_tokens_in_order ON api_tokens USING btree (tenant_id, id) WHERE (revoked_at IS NULL);
CREATE INDEX api_tokens_of_maker ON api_tokens USING btree (tenant_id, created_by) WHERE (revoked_at IS NULL);
ALTER TABLE api_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY backup ON api_tokens FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON api_tokens FOR ALL TO holdfast_definer USING (true);
CREATE POLICY issue ON api_tokens FOR INSERT TO holdfast_auth WITH CHECK ((tenant_id = ( SELECT current_tenant() AS current_tenant)));
CREATE POLICY own_tenant ON api_tokens FOR SELECT TO holdfast_admin, holdfast_auth USING ((tenant_id = ( SELECT current_tenant() AS current_tenant)));
CREATE POLICY owner ON api_tokens FOR ALL TO owner USING (true);
CREATE POLICY revoke ON api_tokens FOR UPDATE TO holdfast_admin, holdfast_auth USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))) WITH CHECK (((tenant_id = ( SELECT current_tenant() AS current_tenant)) AND (revoked_at IS NOT NULL)));
GRANT SELECT (created_by, tenant_id) ON api_tokens TO holdfast_admin;
GRANT SELECT, UPDATE (revoked_at) ON api_tokens TO holdfast_admin;
GRANT INSERT (created_at, created_by, expires_at, hash, id, name, prefix, scopes, tenant_id) ON api_tokens TO holdfast_auth;
GRANT SELECT ON api_tokens TO holdfast_auth;
GRANT UPDATE (revoked_at) ON api_tokens TO holdfast_auth;
GRANT SELECT ON api_tokens TO holdfast_backup;
GRANT SELECT, UPDATE ON api_tokens TO holdfast_definer;
COMMENT ON TABLE api_tokens IS 'Credentials of programs. Never administrative: their scopes cannot name an administrative permission.';
COMMENT ON COLUMN api_tokens.id IS 'UUIDv7.';
COMMENT ON COLUMN api_tokens.tenant_id IS 'Owning tenant; the nil UUID for the platform.';
COMMENT ON COLUMN api_tokens.name IS 'Purpose, in the creator''s words.';
COMMENT ON COLUMN api_tokens.prefix IS 'First characters of the token, to distinguish tokens.';
COMMENT ON COLUMN api_tokens.hash IS 'SHA-256 of the token; the token itself is never stored.';
COMMENT ON COLUMN api_tokens.scopes IS 'Permissions of the token.';
COMMENT ON COLUMN api_tokens.created_by IS 'The user who created it; NULL where the deployment''s settings did.';
COMMENT ON COLUMN api_tokens.created_at IS 'Creation time.';
COMMENT ON COLUMN api_tokens.expires_at IS 'Expiry. No token is valid for ever.';
COMMENT ON COLUMN api_tokens.last_used_at IS 'Time of the last use, to the minute.';
COMMENT ON COLUMN api_tokens.revoked_at IS 'Time of revocation.';
