-- Tenants, their users, and how users and programs authenticate.

CREATE TABLE tenants (
    id uuid PRIMARY KEY,
    slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
COMMENT ON TABLE tenants IS
    'The customers of this deployment. The nil UUID is the platform itself, to which operators belong.';
COMMENT ON COLUMN tenants.id IS 'UUIDv7; the nil UUID for the platform.';
COMMENT ON COLUMN tenants.slug IS 'Name given at sign-in.';
COMMENT ON COLUMN tenants.name IS 'Display name.';
COMMENT ON COLUMN tenants.status IS 'No principal of a suspended tenant is admitted.';
COMMENT ON COLUMN tenants.version IS 'Number of changes; the ETag.';
COMMENT ON COLUMN tenants.created_at IS 'Creation time.';
COMMENT ON COLUMN tenants.updated_at IS 'Time of the last change.';
INSERT INTO tenants (id, slug, name, created_at, updated_at)
VALUES ('00000000-0000-0000-0000-000000000000', 'platform', 'Platform', now(), now());
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON tenants FOR SELECT TO holdfast_auth, holdfast_admin USING (id = (SELECT current_tenant()));
-- The platform, which only operators act in, manages all tenants.
CREATE POLICY platform ON tenants TO holdfast_admin
    USING ((SELECT current_tenant()) = '00000000-0000-0000-0000-000000000000');
-- A row is locked under the policies of an update: a tenant's transactions may lock their tenant's row, and change
-- nothing of it.
CREATE POLICY lock_own ON tenants FOR UPDATE TO holdfast_admin USING (id = (SELECT current_tenant())) WITH CHECK (false);
CREATE POLICY backup ON tenants FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON tenants TO holdfast_definer USING (true);
CREATE POLICY owner ON tenants TO CURRENT_USER USING (true);
GRANT SELECT ON tenants TO holdfast_admin, holdfast_backup, holdfast_definer;
GRANT SELECT (id, slug, name) ON tenants TO holdfast_auth;
GRANT INSERT (id, slug, name, status, created_at, updated_at) ON tenants TO holdfast_admin;
GRANT UPDATE (name, status, version, updated_at) ON tenants TO holdfast_admin;
-- Row locks need the right to change some column.
GRANT UPDATE (updated_at) ON tenants TO holdfast_definer;

CREATE TABLE tenant_quotas (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    kind text NOT NULL CHECK (kind IN ('accounts', 'secrets', 'users', 'api_tokens')),
    max_count bigint NOT NULL CHECK (max_count >= 0),
    used bigint NOT NULL CHECK (used >= 0),
    PRIMARY KEY (tenant_id, kind)
);
COMMENT ON TABLE tenant_quotas IS
    'Limits of a tenant. Counted only where there is a limit: the row lock makes the counter exact.';
COMMENT ON COLUMN tenant_quotas.tenant_id IS 'The tenant.';
COMMENT ON COLUMN tenant_quotas.kind IS 'Kind of object that is counted.';
COMMENT ON COLUMN tenant_quotas.max_count IS 'Limit.';
COMMENT ON COLUMN tenant_quotas.used IS 'Number of objects now.';
ALTER TABLE tenant_quotas ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_quotas FORCE ROW LEVEL SECURITY;
CREATE POLICY platform ON tenant_quotas FOR SELECT TO holdfast_admin
    USING ((SELECT current_tenant()) = '00000000-0000-0000-0000-000000000000');
CREATE POLICY backup ON tenant_quotas FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON tenant_quotas TO holdfast_definer USING (true);
CREATE POLICY owner ON tenant_quotas TO CURRENT_USER USING (true);
GRANT SELECT ON tenant_quotas TO holdfast_backup;
GRANT SELECT (tenant_id, kind, max_count) ON tenant_quotas TO holdfast_admin;
GRANT DELETE, INSERT, SELECT, UPDATE ON tenant_quotas TO holdfast_definer;

CREATE TABLE users (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    username text NOT NULL CHECK (char_length(username) BETWEEN 1 AND 128),
    username_key text NOT NULL CHECK (char_length(username_key) BETWEEN 1 AND 512),
    role text NOT NULL CHECK (role IN ('viewer', 'editor', 'admin', 'operator')),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
    password_hash text NOT NULL CHECK (password_hash LIKE '$argon2id$%' AND octet_length(password_hash) <= 512),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (id, tenant_id),
    CHECK ((role = 'operator') = (tenant_id = '00000000-0000-0000-0000-000000000000'))
);
CREATE UNIQUE INDEX users_by_name ON users (tenant_id, username_key);
CREATE INDEX users_in_order ON users (tenant_id, id);
COMMENT ON TABLE users IS 'The people who sign in. Operators belong to the platform, and only they do.';
COMMENT ON COLUMN users.id IS 'UUIDv7; the JWT''s sub.';
COMMENT ON COLUMN users.tenant_id IS 'The tenant that the user belongs to.';
COMMENT ON COLUMN users.username IS 'Name given at sign-in, in NFKC.';
COMMENT ON COLUMN users.username_key IS
    'The name as it is compared: normalised and case-folded by shared/src/text/username.rs, never by the database, whose '
    'locale would decide.';
COMMENT ON COLUMN users.role IS 'Role; shared/src/permission.rs maps roles to permissions.';
COMMENT ON COLUMN users.status IS 'A suspended user is rejected, with any session.';
COMMENT ON COLUMN users.password_hash IS 'Argon2id hash in PHC string format.';
COMMENT ON COLUMN users.version IS 'Number of changes; the ETag.';
COMMENT ON COLUMN users.created_at IS 'Creation time.';
COMMENT ON COLUMN users.updated_at IS 'Time of the last change.';
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON users TO holdfast_auth, holdfast_admin USING (tenant_id = (SELECT current_tenant()));
CREATE POLICY backup ON users FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON users TO holdfast_definer USING (true);
CREATE POLICY owner ON users TO CURRENT_USER USING (true);
GRANT SELECT ON users TO holdfast_backup, holdfast_definer;
-- Auth verifies passwords and replaces the caller's own; admin creates users, and never reads a hash.
GRANT SELECT (id, tenant_id, username, status, password_hash, version) ON users TO holdfast_auth;
GRANT UPDATE (password_hash, version, updated_at) ON users TO holdfast_auth;
GRANT SELECT (id, tenant_id, username, username_key, role, status, version, created_at, updated_at) ON users TO holdfast_admin;
GRANT INSERT (id, tenant_id, username, username_key, role, status, password_hash, created_at, updated_at) ON users TO holdfast_admin;
GRANT UPDATE (username, username_key, role, status, password_hash, version, updated_at) ON users TO holdfast_admin;
GRANT DELETE ON users TO holdfast_admin;
-- Row locks need the right to change some column.
GRANT UPDATE (updated_at) ON users TO holdfast_definer;

CREATE TABLE totp_secrets (
    user_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    sealed bytea NOT NULL CHECK (octet_length(sealed) <= 1024),
    key_version integer NOT NULL,
    created_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    last_step bigint NOT NULL DEFAULT 0,
    FOREIGN KEY (user_id, tenant_id) REFERENCES users (id, tenant_id) ON DELETE CASCADE
);
COMMENT ON TABLE totp_secrets IS 'TOTP secrets (RFC 6238) of users, sealed by the vault.';
COMMENT ON COLUMN totp_secrets.user_id IS 'The user.';
COMMENT ON COLUMN totp_secrets.tenant_id IS 'The user''s tenant.';
COMMENT ON COLUMN totp_secrets.sealed IS 'The secret, sealed under the tenant''s data key for TOTP secrets.';
COMMENT ON COLUMN totp_secrets.key_version IS 'Version of that data key.';
COMMENT ON COLUMN totp_secrets.created_at IS 'Time of enrolment.';
COMMENT ON COLUMN totp_secrets.confirmed_at IS
    'Time of the first correct code; until then sign-in does not ask for codes.';
COMMENT ON COLUMN totp_secrets.last_step IS 'Time step of the last code used: neither it nor an older one works again.';
ALTER TABLE totp_secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE totp_secrets FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON totp_secrets TO holdfast_auth, holdfast_admin USING (tenant_id = (SELECT current_tenant()));
CREATE POLICY backup ON totp_secrets FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON totp_secrets TO holdfast_definer USING (true);
CREATE POLICY owner ON totp_secrets TO CURRENT_USER USING (true);
CREATE POLICY rotation ON totp_secrets TO holdfast_maintenance USING (true);
GRANT DELETE, SELECT ON totp_secrets TO holdfast_auth;
GRANT INSERT (user_id, tenant_id, sealed, key_version, created_at) ON totp_secrets TO holdfast_auth;
GRANT UPDATE (sealed, key_version, created_at, confirmed_at, last_step) ON totp_secrets TO holdfast_auth;
GRANT DELETE ON totp_secrets TO holdfast_admin;
GRANT SELECT (user_id, tenant_id, confirmed_at) ON totp_secrets TO holdfast_admin;
GRANT SELECT ON totp_secrets TO holdfast_backup, holdfast_maintenance;
GRANT SELECT, UPDATE ON totp_secrets TO holdfast_definer;
GRANT UPDATE (key_version, sealed) ON totp_secrets TO holdfast_maintenance;

CREATE TABLE recovery_codes (
    user_id uuid NOT NULL REFERENCES totp_secrets (user_id) ON DELETE CASCADE,
    tenant_id uuid NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    used_at timestamptz,
    PRIMARY KEY (user_id, hash)
);
COMMENT ON TABLE recovery_codes IS 'Recovery codes: each replaces the authenticator app once.';
COMMENT ON COLUMN recovery_codes.user_id IS 'The user.';
COMMENT ON COLUMN recovery_codes.tenant_id IS 'The user''s tenant.';
COMMENT ON COLUMN recovery_codes.hash IS 'SHA-256 of the code, which holds 80 random bits.';
COMMENT ON COLUMN recovery_codes.used_at IS 'Time of use.';
ALTER TABLE recovery_codes ENABLE ROW LEVEL SECURITY;
ALTER TABLE recovery_codes FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON recovery_codes TO holdfast_auth, holdfast_admin USING (tenant_id = (SELECT current_tenant()));
CREATE POLICY backup ON recovery_codes FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON recovery_codes TO holdfast_definer USING (true);
CREATE POLICY owner ON recovery_codes TO CURRENT_USER USING (true);
GRANT DELETE, SELECT ON recovery_codes TO holdfast_auth;
GRANT INSERT (user_id, tenant_id, hash) ON recovery_codes TO holdfast_auth;
GRANT UPDATE (used_at) ON recovery_codes TO holdfast_auth;
GRANT DELETE ON recovery_codes TO holdfast_admin;
GRANT SELECT (user_id, tenant_id) ON recovery_codes TO holdfast_admin;
GRANT SELECT ON recovery_codes TO holdfast_backup;
GRANT SELECT, UPDATE ON recovery_codes TO holdfast_definer;

CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    refreshed_at timestamptz NOT NULL,
    authenticated_at timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text CHECK (end_reason IN ('logout', 'reuse', 'revoked', 'password', 'attempts', 'idle')),
    mfa_pending boolean NOT NULL DEFAULT false,
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    source_ip text CHECK (octet_length(source_ip) <= 64),
    address_key bytea NOT NULL CHECK (octet_length(address_key) = 32),
    user_agent text CHECK (char_length(user_agent) <= 256),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    UNIQUE (id, tenant_id),
    FOREIGN KEY (user_id, tenant_id) REFERENCES users (id, tenant_id) ON DELETE CASCADE
);
CREATE INDEX sessions_of_user ON sessions (tenant_id, user_id, created_at DESC);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
COMMENT ON TABLE sessions IS
    'Sign-ins. A request is authorized only while its session is here, unexpired and not ended.';
COMMENT ON COLUMN sessions.id IS 'UUIDv7; the JWT''s sid.';
COMMENT ON COLUMN sessions.tenant_id IS 'The user''s tenant.';
COMMENT ON COLUMN sessions.user_id IS 'The user who signed in.';
COMMENT ON COLUMN sessions.created_at IS 'Time of the sign-in.';
COMMENT ON COLUMN sessions.expires_at IS 'End of the session, however often it is refreshed.';
COMMENT ON COLUMN sessions.refreshed_at IS 'Time of the last refresh.';
COMMENT ON COLUMN sessions.authenticated_at IS
    'Time at which the user last gave the password, and a code where one is required: the tokens'' auth_time.';
COMMENT ON COLUMN sessions.ended_at IS 'Time at which the session was ended before its expiry.';
COMMENT ON COLUMN sessions.end_reason IS 'Reason for which it was ended.';
COMMENT ON COLUMN sessions.mfa_pending IS
    'The role requires a second factor and the user has none yet: the session may only enrol one.';
COMMENT ON COLUMN sessions.attempts IS
    'Passwords and codes that the session sent and that were wrong, in its life. At 10 it ends.';
COMMENT ON COLUMN sessions.source_ip IS 'Client address of the sign-in, as the gateway saw it.';
COMMENT ON COLUMN sessions.address_key IS
    'Key of that address in attempts: a user who signed in from an address is known there.';
COMMENT ON COLUMN sessions.user_agent IS 'User-Agent header of the sign-in.';
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON sessions FOR SELECT TO holdfast_auth, holdfast_admin
    USING (tenant_id = (SELECT current_tenant()));
CREATE POLICY change ON sessions FOR UPDATE TO holdfast_auth USING (tenant_id = (SELECT current_tenant()));
-- Admin ends sessions and restricts them, and neither revives nor frees one.
CREATE POLICY restrict ON sessions FOR UPDATE TO holdfast_admin USING (tenant_id = (SELECT current_tenant()))
    WITH CHECK (tenant_id = (SELECT current_tenant()) AND (ended_at IS NOT NULL OR mfa_pending));
CREATE POLICY backup ON sessions FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON sessions TO holdfast_definer USING (true);
CREATE POLICY owner ON sessions TO CURRENT_USER USING (true);
CREATE POLICY retention ON sessions TO holdfast_maintenance USING (true);
GRANT SELECT ON sessions TO holdfast_backup;
GRANT SELECT (id, tenant_id, user_id, created_at, expires_at, refreshed_at, ended_at, mfa_pending, source_ip, user_agent)
    ON sessions TO holdfast_auth;
GRANT SELECT (id, tenant_id, user_id, created_at, expires_at, refreshed_at, authenticated_at, ended_at, source_ip,
    user_agent) ON sessions TO holdfast_admin;
GRANT INSERT, SELECT, UPDATE ON sessions TO holdfast_definer;
GRANT DELETE, SELECT ON sessions TO holdfast_maintenance;
GRANT UPDATE (authenticated_at, end_reason, ended_at, mfa_pending) ON sessions TO holdfast_auth;
GRANT UPDATE (end_reason, ended_at, mfa_pending) ON sessions TO holdfast_admin;

CREATE TABLE refresh_tokens (
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    session_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    used_at timestamptz,
    successor_seed bytea CHECK (octet_length(successor_seed) = 32),
    successor_hash bytea CHECK (octet_length(successor_hash) = 32),
    FOREIGN KEY (session_id, tenant_id) REFERENCES sessions (id, tenant_id) ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id);
COMMENT ON TABLE refresh_tokens IS
    'Every refresh token of a live session, used ones included, so that reuse is detected.';
COMMENT ON COLUMN refresh_tokens.hash IS 'SHA-256 of the token; the token itself is never stored.';
COMMENT ON COLUMN refresh_tokens.session_id IS 'The session that it renews.';
COMMENT ON COLUMN refresh_tokens.tenant_id IS 'The session''s tenant.';
COMMENT ON COLUMN refresh_tokens.created_at IS 'Time of issue.';
COMMENT ON COLUMN refresh_tokens.used_at IS 'Time at which it was exchanged for its successor.';
COMMENT ON COLUMN refresh_tokens.successor_seed IS
    'Together with the token itself, which only its holder has, this derives the successor again: for a response '
    'that was lost.';
COMMENT ON COLUMN refresh_tokens.successor_hash IS 'SHA-256 of the successor.';
ALTER TABLE refresh_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE refresh_tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY backup ON refresh_tokens FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON refresh_tokens TO holdfast_definer USING (true);
CREATE POLICY owner ON refresh_tokens TO CURRENT_USER USING (true);
GRANT SELECT ON refresh_tokens TO holdfast_backup;
GRANT INSERT, SELECT, UPDATE ON refresh_tokens TO holdfast_definer;

CREATE TABLE attempts (
    key bytea PRIMARY KEY CHECK (octet_length(key) = 32),
    level double precision NOT NULL CHECK (level >= 0),
    counted_at timestamptz NOT NULL
);
COMMENT ON TABLE attempts IS
    'Attempts at passwords and codes, each counted before it is evaluated. Unknown users are counted alike.';
COMMENT ON COLUMN attempts.key IS
    'SHA-256 of the subject that is counted: an address, a tenant and username, both together, a session, or a user.';
COMMENT ON COLUMN attempts.level IS
    'Attempts that count against the subject at that time. Falls steadily, and by each attempt that succeeded.';
COMMENT ON COLUMN attempts.counted_at IS 'Time of the newest attempt that was evaluated.';
GRANT SELECT ON attempts TO holdfast_backup;
GRANT DELETE, INSERT, SELECT, UPDATE ON attempts TO holdfast_definer;
GRANT DELETE, SELECT ON attempts TO holdfast_maintenance;

CREATE TABLE api_tokens (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    prefix text NOT NULL CHECK (octet_length(prefix) <= 64),
    hash bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    scopes text[] NOT NULL CHECK (cardinality(scopes) BETWEEN 1 AND 6
        AND scopes <@ ARRAY[
            'accounts:read', 'accounts:write', 'secrets:read', 'secrets:write', 'secrets:reveal', 'metrics:read'
        ]),
    created_by uuid,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    last_used_at timestamptz,
    revoked_at timestamptz,
    -- What is counted for /metrics is the whole deployment's: only the platform's tokens read it, and nothing else.
    CHECK ((tenant_id = '00000000-0000-0000-0000-000000000000') = (scopes && ARRAY['metrics:read'])),
    CHECK (tenant_id <> '00000000-0000-0000-0000-000000000000' OR scopes = ARRAY['metrics:read'])
);
CREATE INDEX api_tokens_in_order ON api_tokens (tenant_id, id) WHERE revoked_at IS NULL;
CREATE INDEX api_tokens_of_maker ON api_tokens (tenant_id, created_by) WHERE revoked_at IS NULL;
COMMENT ON TABLE api_tokens IS
    'Credentials of programs. Never administrative: their scopes cannot name an administrative permission.';
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
ALTER TABLE api_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON api_tokens FOR SELECT TO holdfast_auth, holdfast_admin
    USING (tenant_id = (SELECT current_tenant()));
CREATE POLICY issue ON api_tokens FOR INSERT TO holdfast_auth WITH CHECK (tenant_id = (SELECT current_tenant()));
CREATE POLICY revoke ON api_tokens FOR UPDATE TO holdfast_auth, holdfast_admin
    USING (tenant_id = (SELECT current_tenant()))
    WITH CHECK (tenant_id = (SELECT current_tenant()) AND revoked_at IS NOT NULL);
CREATE POLICY backup ON api_tokens FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON api_tokens TO holdfast_definer USING (true);
CREATE POLICY owner ON api_tokens TO CURRENT_USER USING (true);
GRANT SELECT ON api_tokens TO holdfast_auth;
GRANT INSERT (id, tenant_id, name, prefix, hash, scopes, created_by, created_at, expires_at)
    ON api_tokens TO holdfast_auth;
GRANT SELECT (tenant_id, created_by, revoked_at) ON api_tokens TO holdfast_admin;
GRANT SELECT ON api_tokens TO holdfast_backup;
GRANT SELECT, UPDATE ON api_tokens TO holdfast_definer;
GRANT UPDATE (revoked_at) ON api_tokens TO holdfast_auth, holdfast_admin;

CREATE TABLE signing_keys (
    kid text PRIMARY KEY CHECK (octet_length(kid) <= 128),
    x text NOT NULL CHECK (octet_length(x) <= 128),
    y text NOT NULL CHECK (octet_length(y) <= 128),
    provider_key text CHECK (octet_length(provider_key) <= 2048),
    created_at timestamptz NOT NULL,
    activates_at timestamptz NOT NULL,
    expires_at timestamptz,
    origin text NOT NULL CHECK (origin IN ('configuration', 'rotation')),
    certificate text CHECK (char_length(certificate) BETWEEN 1 AND 2048)
);
COMMENT ON TABLE signing_keys IS
    'Public keys (P-256) of the keys that sign access tokens. The private keys are in KMS or a key file.';
COMMENT ON COLUMN signing_keys.kid IS 'RFC 7638 thumbprint of the key.';
COMMENT ON COLUMN signing_keys.x IS 'x coordinate of the public key, base64url.';
COMMENT ON COLUMN signing_keys.y IS 'y coordinate of the public key, base64url.';
COMMENT ON COLUMN signing_keys.provider_key IS 'ARN of the KMS key; NULL for a key in a file.';
COMMENT ON COLUMN signing_keys.created_at IS 'Time of registration.';
COMMENT ON COLUMN signing_keys.activates_at IS
    'Start of signing. A key is published before, so that every function knows it when its first token arrives.';
COMMENT ON COLUMN signing_keys.expires_at IS
    'Expiry of the last token that it signed; NULL while there is no newer key.';
COMMENT ON COLUMN signing_keys.origin IS
    'configuration: named by a setting, and kept. rotation: created by Holdfast, deleted a day after its expiry.';
COMMENT ON COLUMN signing_keys.certificate IS
    'A JWS in which the configured key says that this one signs, too; NULL for the configured one, and until the first use.';
GRANT SELECT ON signing_keys TO holdfast_admin, holdfast_backup;
GRANT INSERT, SELECT, UPDATE ON signing_keys TO holdfast_definer;
GRANT DELETE, SELECT ON signing_keys TO holdfast_maintenance;

CREATE TABLE deployment_keys (
    purpose text PRIMARY KEY CHECK (purpose IN ('cursor')),
    key bytea NOT NULL CHECK (octet_length(key) = 32)
);
COMMENT ON TABLE deployment_keys IS 'Keys that all instances share and that protect nothing secret.';
COMMENT ON COLUMN deployment_keys.purpose IS 'cursor: authenticates page cursors.';
COMMENT ON COLUMN deployment_keys.key IS 'HMAC-SHA-256 key.';
-- Each random UUID holds 122 random bits; four of them, hashed, make a key of full strength.
INSERT INTO deployment_keys
VALUES ('cursor', sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
    || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));
GRANT SELECT ON deployment_keys TO holdfast_backup, holdfast_definer;
