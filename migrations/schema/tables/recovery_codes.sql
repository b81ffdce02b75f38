-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE recovery_codes (
    user_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    hash bytea NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, hash),
    CONSTRAINT recovery_codes_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT recovery_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES totp_secrets(user_id) ON DELETE CASCADE
);
ALTER TABLE recovery_codes ENABLE ROW LEVEL SECURITY;
ALTER TABLE recovery_codes FORCE ROW LEVEL SECURITY;
CREATE POLICY backup ON recovery_codes FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON recovery_codes FOR ALL TO holdfast_definer USING (true);
CREATE POLICY own_tenant ON recovery_codes FOR ALL TO holdfast_admin, holdfast_auth USING ((tenant_id = ( SELECT current_tenant() AS current_tenant)));
CREATE POLICY owner ON recovery_codes FOR ALL TO owner USING (true);
GRANT DELETE ON recovery_codes TO holdfast_admin;
GRANT SELECT (tenant_id, user_id) ON recovery_codes TO holdfast_admin;
GRANT DELETE, SELECT ON recovery_codes TO holdfast_auth;
GRANT INSERT (hash, tenant_id, user_id) ON recovery_codes TO holdfast_auth;
GRANT UPDATE (used_at) ON recovery_codes TO holdfast_auth;
GRANT SELECT ON recovery_codes TO holdfast_backup;
GRANT SELECT, UPDATE ON recovery_codes TO holdfast_definer;
COMMENT ON TABLE recovery_codes IS 'Recovery codes: each replaces the authenticator app once.';
COMMENT ON COLUMN recovery_codes.user_id IS 'The user.';
COMMENT ON COLUMN recovery_codes.tenant_id IS 'The user''s tenant.';
COMMENT ON COLUMN recovery_codes.hash IS 'SHA-256 of the code, which holds 80 random bits.';
COMMENT ON COLUMN recovery_codes.used_at IS 'Time of use.';
