-- Who exists, and who is signed in.

CREATE TABLE tenants (
    id uuid PRIMARY KEY,
    slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
COMMENT ON TABLE tenants IS 'The customers of this deployment. The nil id is the platform itself, which operators belong to.';
COMMENT ON COLUMN tenants.id IS 'UUIDv7; the nil UUID for the platform.';
COMMENT ON COLUMN tenants.slug IS 'The name given at sign-in.';
COMMENT ON COLUMN tenants.name IS 'The name for people.';
COMMENT ON COLUMN tenants.status IS 'Nobody of a suspended tenant gets in.';
COMMENT ON COLUMN tenants.version IS 'Counts changes; the ETag.';
COMMENT ON COLUMN tenants.created_at IS 'When it was made.';
COMMENT ON COLUMN tenants.updated_at IS 'When it last changed.';
INSERT INTO tenants (id, slug, name, created_at, updated_at)
VALUES ('00000000-0000-0000-0000-000000000000', 'platform', 'Platform', now(), now());

CREATE TABLE users (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    username text NOT NULL CHECK (char_length(username) BETWEEN 1 AND 128),
    role text NOT NULL CHECK (role IN ('viewer', 'editor', 'admin', 'operator')),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
    password_hash text NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (id, tenant_id),
    CHECK ((role = 'operator') = (tenant_id = '00000000-0000-0000-0000-000000000000'))
);
CREATE UNIQUE INDEX users_by_name ON users (tenant_id, lower(username));
COMMENT ON TABLE users IS 'The people who sign in. Operators belong to the platform, and only they do.';
COMMENT ON COLUMN users.id IS 'UUIDv7; the JWT''s sub.';
COMMENT ON COLUMN users.tenant_id IS 'Whose user it is.';
COMMENT ON COLUMN users.username IS 'The name given at sign-in; its case does not matter.';
COMMENT ON COLUMN users.role IS 'What the user may do; the table of permissions is in shared/src/permission.rs.';
COMMENT ON COLUMN users.status IS 'A suspended user does not get in, with any session.';
COMMENT ON COLUMN users.password_hash IS 'Argon2id, in PHC form.';
COMMENT ON COLUMN users.version IS 'Counts changes; the ETag.';
COMMENT ON COLUMN users.created_at IS 'When it was made.';
COMMENT ON COLUMN users.updated_at IS 'When it last changed.';

CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    refreshed_at timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text CHECK (end_reason IN ('logout', 'reuse', 'revoked', 'password')),
    source_ip text,
    user_agent text,
    CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    UNIQUE (id, tenant_id),
    FOREIGN KEY (user_id, tenant_id) REFERENCES users (id, tenant_id) ON DELETE CASCADE
);
CREATE INDEX sessions_of_user ON sessions (tenant_id, user_id, created_at DESC);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
COMMENT ON TABLE sessions IS 'Sign-ins. A request is let in only while its session is here, unexpired and not ended.';
COMMENT ON COLUMN sessions.id IS 'UUIDv7; the JWT''s sid.';
COMMENT ON COLUMN sessions.tenant_id IS 'The user''s tenant.';
COMMENT ON COLUMN sessions.user_id IS 'Who signed in.';
COMMENT ON COLUMN sessions.created_at IS 'When the password was given.';
COMMENT ON COLUMN sessions.expires_at IS 'When it ends for good, however often it is refreshed.';
COMMENT ON COLUMN sessions.refreshed_at IS 'When it last got new tokens.';
COMMENT ON COLUMN sessions.ended_at IS 'When it was ended before its time.';
COMMENT ON COLUMN sessions.end_reason IS 'Why it was ended.';
COMMENT ON COLUMN sessions.source_ip IS 'The address of the sign-in, as the gateway saw it.';
COMMENT ON COLUMN sessions.user_agent IS 'The browser or program of the sign-in, as it named itself.';

CREATE TABLE refresh_tokens (
    hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
    session_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    used_at timestamptz,
    successor_seed bytea CHECK (octet_length(successor_seed) = 32),
    successor_hash bytea,
    FOREIGN KEY (session_id, tenant_id) REFERENCES sessions (id, tenant_id) ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id);
COMMENT ON TABLE refresh_tokens IS 'Every refresh token of a live session, used ones too, so that a second use is noticed.';
COMMENT ON COLUMN refresh_tokens.hash IS 'SHA-256 of the token; the token itself is never stored.';
COMMENT ON COLUMN refresh_tokens.session_id IS 'The session it renews.';
COMMENT ON COLUMN refresh_tokens.tenant_id IS 'The session''s tenant.';
COMMENT ON COLUMN refresh_tokens.created_at IS 'When it was given out.';
COMMENT ON COLUMN refresh_tokens.used_at IS 'When it was exchanged for its successor.';
COMMENT ON COLUMN refresh_tokens.successor_seed IS 'With the token itself (which only its holder has) this makes the successor again, for an answer lost on the way.';
COMMENT ON COLUMN refresh_tokens.successor_hash IS 'SHA-256 of the successor.';

CREATE TABLE login_throttles (
    key bytea PRIMARY KEY CHECK (octet_length(key) = 32),
    failures integer NOT NULL,
    failed_at timestamptz NOT NULL,
    blocked_until timestamptz NOT NULL
);
COMMENT ON TABLE login_throttles IS 'Failed sign-ins by user and by address. Users that do not exist are counted alike.';
COMMENT ON COLUMN login_throttles.key IS 'SHA-256 of what is counted: an address, a tenant and username, or both.';
COMMENT ON COLUMN login_throttles.failures IS 'Failures in a row; forgotten after a day without one.';
COMMENT ON COLUMN login_throttles.failed_at IS 'The newest failure.';
COMMENT ON COLUMN login_throttles.blocked_until IS 'Attempts before this time are refused unread.';

CREATE TABLE signing_keys (
    kid text PRIMARY KEY,
    x text NOT NULL,
    y text NOT NULL,
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'retiring')),
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    CHECK ((state = 'active') = (expires_at IS NULL))
);
COMMENT ON TABLE signing_keys IS 'The public halves (P-256) of the keys that sign access tokens; the private halves are in KMS or a key file.';
COMMENT ON COLUMN signing_keys.kid IS 'The key''s RFC 7638 thumbprint.';
COMMENT ON COLUMN signing_keys.x IS 'The public point''s x, base64url.';
COMMENT ON COLUMN signing_keys.y IS 'The public point''s y, base64url.';
COMMENT ON COLUMN signing_keys.state IS 'Active keys sign; retiring ones only verify.';
COMMENT ON COLUMN signing_keys.created_at IS 'When it was registered.';
COMMENT ON COLUMN signing_keys.expires_at IS 'When a retiring key''s last token has run out.';

CREATE TABLE deployment_keys (
    purpose text PRIMARY KEY CHECK (purpose IN ('cursor')),
    key bytea NOT NULL CHECK (octet_length(key) = 32)
);
COMMENT ON TABLE deployment_keys IS 'Keys that all instances share and that guard nothing secret.';
COMMENT ON COLUMN deployment_keys.purpose IS 'cursor: proves that a page cursor is one of ours.';
COMMENT ON COLUMN deployment_keys.key IS 'HMAC-SHA-256 key.';
-- Each random UUID holds 122 random bits; four of them, hashed, make a key of full strength.
INSERT INTO deployment_keys VALUES ('cursor', sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));

ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE sessions FORCE ROW LEVEL SECURITY;
ALTER TABLE refresh_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE refresh_tokens FORCE ROW LEVEL SECURITY;

CREATE POLICY own_tenant ON tenants FOR SELECT TO holdfast_app USING (id = (SELECT current_tenant()));
CREATE POLICY own_tenant ON users TO holdfast_app USING (tenant_id = (SELECT current_tenant()));
CREATE POLICY own_tenant ON sessions TO holdfast_app USING (tenant_id = (SELECT current_tenant()));

-- The gate acts before a tenant is known, and the migrating owner bootstraps: both by explicit policy, not by bypass.
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['tenants', 'users', 'sessions', 'refresh_tokens'] LOOP
        EXECUTE format('CREATE POLICY gate ON %I TO holdfast_gate USING (true)', name);
        EXECUTE format('CREATE POLICY owner ON %I TO %I USING (true)', name, current_user);
        EXECUTE format('CREATE POLICY backup ON %I FOR SELECT TO holdfast_backup USING (true)', name);
    END LOOP;
END $$;

GRANT SELECT ON tenants, users, sessions TO holdfast_app;
GRANT UPDATE (ended_at, end_reason) ON sessions TO holdfast_app;
GRANT SELECT ON signing_keys, deployment_keys TO holdfast_app, holdfast_metrics;
GRANT SELECT ON tenants, users TO holdfast_gate;
-- Row locks need the right to change some column.
GRANT UPDATE (updated_at) ON users TO holdfast_gate;
GRANT SELECT, INSERT, UPDATE ON sessions, refresh_tokens TO holdfast_gate;
GRANT SELECT, INSERT, UPDATE, DELETE ON login_throttles TO holdfast_gate;
GRANT SELECT ON tenants, users, sessions, refresh_tokens, login_throttles, signing_keys, deployment_keys TO holdfast_backup;
