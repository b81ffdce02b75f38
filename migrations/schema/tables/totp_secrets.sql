-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE totp_secrets (
    user_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    sealed bytea NOT NULL,
    key_version integer NOT NULL,
    created_at timestamp with time zone NOT NULL,
    confirmed_at timestamp with time zone,
    last_step bigint NOT NULL DEFAULT 0,
    CONSTRAINT totp_secrets_pkey PRIMARY KEY (user_id),
    CONSTRAINT totp_secrets_sealed_check CHECK ((octet_length(sealed) <= 1024)),
    CONSTRAINT totp_secrets_user_id_tenant_id_fkey FOREIGN KEY (user_id, tenant_id) REFERENCES users(id, tenant_id) ON DELETE CASCADE
);
ALTER TABLE totp_secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE totp_secrets FORCE ROW LEVEL SECURITY;
CREATE POLICY backup ON totp_secrets FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON totp_secrets FOR ALL TO holdfast_definer USING (true);
CREATE POLICY own_tenant ON totp_secrets FOR ALL TO holdfast_admin, holdfast_auth USING ((tenant_id = ( SELECT current_tenant() AS current_tenant)));
CREATE POLICY owner ON totp_secrets FOR ALL TO owner USING (true);
CREATE POLICY rotation ON totp_secrets FOR ALL TO holdfast_maintenance USING (true);
GRANT DELETE ON totp_secrets TO holdfast_admin;
GRANT SELECT (confirmed_at, tenant_id, user_id) ON totp_secrets TO holdfast_admin;
GRANT DELETE, SELECT ON totp_secrets TO holdfast_auth;
GRANT INSERT (tenant_id, user_id) ON totp_secrets TO holdfast_auth;
GRANT INSERT, UPDATE (created_at, key_version, sealed) ON totp_secrets TO holdfast_auth;
GRANT UPDATE (confirmed_at, last_step) ON totp_secrets TO holdfast_auth;
GRANT SELECT ON totp_secrets TO holdfast_backup;
GRANT SELECT, UPDATE ON totp_secrets TO holdfast_definer;
GRANT SELECT ON totp_secrets TO holdfast_maintenance;
GRANT UPDATE (key_version, sealed) ON totp_secrets TO holdfast_maintenance;
COMMENT ON TABLE totp_secrets IS 'TOTP secrets (RFC 6238) of users, sealed by the vault.';
COMMENT ON COLUMN totp_secrets.user_id IS 'The user.';
COMMENT ON COLUMN totp_secrets.tenant_id IS 'The user''s tenant.';
COMMENT ON COLUMN totp_secrets.sealed IS 'The secret, sealed under the tenant''s data key for TOTP secrets.';
COMMENT ON COLUMN totp_secrets.key_version IS 'Version of that data key.';
COMMENT ON COLUMN totp_secrets.created_at IS 'Time of enrolment.';
COMMENT ON COLUMN totp_secrets.confirmed_at IS 'Time of the first correct code; until then sign-in does not ask for codes.';
COMMENT ON COLUMN totp_secrets.last_step IS 'Time step of the last code used: neither it nor an older one works again.';
