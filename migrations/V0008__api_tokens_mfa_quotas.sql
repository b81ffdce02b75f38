-- Identity, complete: API tokens, one-time codes, quotas, and the administration of users and tenants.

-- API tokens.

CREATE TABLE api_tokens (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    prefix text NOT NULL,
    hash bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    scopes text[] NOT NULL CHECK (cardinality(scopes) > 0
        AND scopes <@ ARRAY['accounts:read', 'accounts:write', 'secrets:read', 'secrets:write', 'secrets:reveal', 'metrics:read']),
    created_by uuid,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    -- What is counted for /metrics is the whole deployment's: only the platform's tokens read it, and nothing else.
    CHECK ((tenant_id = '00000000-0000-0000-0000-000000000000') = (scopes && ARRAY['metrics:read'])),
    CHECK (tenant_id <> '00000000-0000-0000-0000-000000000000' OR scopes = ARRAY['metrics:read'])
);
CREATE INDEX api_tokens_in_order ON api_tokens (tenant_id, id) WHERE revoked_at IS NULL;
COMMENT ON TABLE api_tokens IS 'Credentials of programs. Never admin: their scopes cannot name an administrative permission.';
COMMENT ON COLUMN api_tokens.id IS 'UUIDv7.';
COMMENT ON COLUMN api_tokens.tenant_id IS 'Whose token it is; the nil UUID for the platform.';
COMMENT ON COLUMN api_tokens.name IS 'What it is for, in its maker''s words.';
COMMENT ON COLUMN api_tokens.prefix IS 'The first characters of the token, to tell it from others.';
COMMENT ON COLUMN api_tokens.hash IS 'SHA-256 of the token; the token itself is never stored.';
COMMENT ON COLUMN api_tokens.scopes IS 'What it may do.';
COMMENT ON COLUMN api_tokens.created_by IS 'The user who made it; none for one that the deployment brought.';
COMMENT ON COLUMN api_tokens.created_at IS 'When it was made.';
COMMENT ON COLUMN api_tokens.expires_at IS 'When it stops working by itself.';
COMMENT ON COLUMN api_tokens.last_used_at IS 'When it was last used, to the minute.';
COMMENT ON COLUMN api_tokens.revoked_at IS 'When it was revoked.';

CREATE FUNCTION authorize_api_token(p_hash bytea, p_tenant uuid, p_permission text, p_now timestamptz)
RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE t api_tokens; live boolean;
BEGIN
    SELECT * INTO t FROM api_tokens WHERE hash = p_hash AND tenant_id = p_tenant;
    IF NOT FOUND THEN
        RETURN reject('unauthenticated');
    END IF;
    live := t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > p_now)
        AND EXISTS (SELECT FROM tenants WHERE id = t.tenant_id AND status = 'active');
    -- A token that was ours says in the audit log whose it was, though it gets nowhere.
    PERFORM begin_request(t.tenant_id, 'api_token', t.id, t.name, NULL, NULL);
    IF NOT live THEN
        RETURN reject('unauthenticated');
    ELSIF p_permission IS NOT NULL AND p_permission <> ALL (t.scopes) THEN
        RETURN reject('forbidden');
    END IF;
    IF t.last_used_at IS NULL OR t.last_used_at <= p_now - interval '1 minute' THEN
        -- Requests with one token do not wait for each other here: one of them writes.
        UPDATE api_tokens SET last_used_at = p_now
         WHERE id = (SELECT id FROM api_tokens WHERE id = t.id FOR UPDATE SKIP LOCKED);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION authorize_api_token(bytea, uuid, text, timestamptz) IS
    'Lets an API token''s request in, for this transaction, when the token and its tenant are live and its scopes hold the permission.';

-- One-time codes (TOTP, RFC 6238).

CREATE TABLE totp_secrets (
    user_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    sealed bytea NOT NULL,
    key_version integer NOT NULL,
    created_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    last_step bigint NOT NULL DEFAULT 0,
    FOREIGN KEY (user_id, tenant_id) REFERENCES users (id, tenant_id) ON DELETE CASCADE
);
COMMENT ON TABLE totp_secrets IS 'The secrets of users'' authenticator apps, sealed by the vault.';
COMMENT ON COLUMN totp_secrets.user_id IS 'Whose it is.';
COMMENT ON COLUMN totp_secrets.tenant_id IS 'The user''s tenant.';
COMMENT ON COLUMN totp_secrets.sealed IS 'The secret, sealed under the tenant''s data key.';
COMMENT ON COLUMN totp_secrets.key_version IS 'The version of that data key.';
COMMENT ON COLUMN totp_secrets.created_at IS 'When it was enrolled.';
COMMENT ON COLUMN totp_secrets.confirmed_at IS 'When a first code proved that the user has it; until then it asks nothing of a sign-in.';
COMMENT ON COLUMN totp_secrets.last_step IS 'The time step of the last code used: no code works twice, nor an older one after it.';

CREATE TABLE recovery_codes (
    user_id uuid NOT NULL REFERENCES totp_secrets (user_id) ON DELETE CASCADE,
    tenant_id uuid NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    used_at timestamptz,
    PRIMARY KEY (user_id, hash)
);
COMMENT ON TABLE recovery_codes IS 'Codes that stand in, once each, for a lost authenticator app.';
COMMENT ON COLUMN recovery_codes.user_id IS 'Whose it is.';
COMMENT ON COLUMN recovery_codes.tenant_id IS 'The user''s tenant.';
COMMENT ON COLUMN recovery_codes.hash IS 'SHA-256 of the code, which holds 80 random bits.';
COMMENT ON COLUMN recovery_codes.used_at IS 'When it was used up.';

ALTER TABLE sessions ADD COLUMN mfa_pending boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN sessions.mfa_pending IS 'The role needs one-time codes and the user has none yet: until then the session may only set them up.';

CREATE FUNCTION use_otp(p_user uuid, p_step bigint, p_recovery_hash bytea, p_now timestamptz) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF p_recovery_hash IS NOT NULL THEN
        UPDATE recovery_codes SET used_at = p_now WHERE user_id = p_user AND hash = p_recovery_hash AND used_at IS NULL;
    ELSE
        UPDATE totp_secrets SET last_step = p_step WHERE user_id = p_user AND last_step < p_step;
    END IF;
    RETURN FOUND;
END $$;
COMMENT ON FUNCTION use_otp(uuid, bigint, bytea, timestamptz) IS 'Uses up a code that was checked: false where it, or a later one, was used before.';

-- Quotas: a row where there is one, and none where a tenant may have as many as it likes.

CREATE TABLE tenant_quotas (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    kind text NOT NULL CHECK (kind IN ('accounts', 'secrets', 'users', 'api_tokens')),
    most bigint NOT NULL CHECK (most >= 0),
    used bigint NOT NULL CHECK (used >= 0),
    PRIMARY KEY (tenant_id, kind)
);
COMMENT ON TABLE tenant_quotas IS 'How many of a kind a tenant may hold. Counted only where there is a limit: the counter''s row lock is what makes it exact.';
COMMENT ON COLUMN tenant_quotas.tenant_id IS 'The tenant.';
COMMENT ON COLUMN tenant_quotas.kind IS 'What is counted.';
COMMENT ON COLUMN tenant_quotas.most IS 'How many there may be.';
COMMENT ON COLUMN tenant_quotas.used IS 'How many there are.';

CREATE FUNCTION reserve_quota(p_kind text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE tenant_quotas SET used = used + 1 WHERE tenant_id = current_tenant() AND kind = p_kind AND used < most;
    IF NOT FOUND AND EXISTS (SELECT FROM tenant_quotas WHERE tenant_id = current_tenant() AND kind = p_kind) THEN
        PERFORM reject('quota_exceeded');
        RETURN false;
    END IF;
    RETURN true;
END $$;
COMMENT ON FUNCTION reserve_quota(text) IS 'Takes one of what the tenant may hold; where there is none left, refuses the request.';

CREATE FUNCTION release_quota(p_kind text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE tenant_quotas SET used = greatest(used - 1, 0) WHERE tenant_id = current_tenant() AND kind = p_kind;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_quota(text) IS 'Gives back what was taken or is no longer held. Returns no objection (NULL), as a verdict would.';

-- Signing keys: a new one is known everywhere before it signs.

ALTER TABLE signing_keys ADD COLUMN activates_at timestamptz, ADD COLUMN provider_key text;
UPDATE signing_keys SET activates_at = created_at;
ALTER TABLE signing_keys ALTER COLUMN activates_at SET NOT NULL, DROP COLUMN state;
COMMENT ON COLUMN signing_keys.activates_at IS 'From when it signs, until the next one does; it is published before, so that no token meets a function that does not know its key.';
COMMENT ON COLUMN signing_keys.provider_key IS 'The KMS key''s ARN; none for a key in a file.';
COMMENT ON COLUMN signing_keys.expires_at IS 'When the last token that it signed has run out; none while no newer key is there.';

CREATE FUNCTION active_signing_key(p_now timestamptz) RETURNS TABLE (kid text, provider_key text) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT k.kid, k.provider_key FROM signing_keys k
     WHERE k.activates_at <= p_now AND (k.expires_at IS NULL OR k.expires_at > p_now)
     ORDER BY k.activates_at DESC, k.kid LIMIT 1
$$;
COMMENT ON FUNCTION active_signing_key(timestamptz) IS 'The key that signs at this time.';

CREATE FUNCTION rotate_signing_key(p_kid text, p_x text, p_y text, p_provider_key text, p_now timestamptz, p_activates_at timestamptz, p_old_expire_at timestamptz)
RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT request_allowed() OR (current_setting('holdfast.actor')::jsonb ->> 'role') IS DISTINCT FROM 'operator' THEN
        RETURN reject('forbidden');
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('holdfast.rotate_signing_key'));
    UPDATE signing_keys SET expires_at = p_old_expire_at WHERE expires_at IS NULL;
    INSERT INTO signing_keys (kid, x, y, provider_key, created_at, activates_at) VALUES (p_kid, p_x, p_y, p_provider_key, p_now, p_activates_at);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION rotate_signing_key(text, text, text, text, timestamptz, timestamptz, timestamptz) IS 'Brings in a new signing key; those before it verify until their last token has run out.';

-- Row-level security.

ALTER TABLE api_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_tokens FORCE ROW LEVEL SECURITY;
ALTER TABLE totp_secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE totp_secrets FORCE ROW LEVEL SECURITY;
ALTER TABLE recovery_codes ENABLE ROW LEVEL SECURITY;
ALTER TABLE recovery_codes FORCE ROW LEVEL SECURITY;
ALTER TABLE tenant_quotas ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_quotas FORCE ROW LEVEL SECURITY;
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['api_tokens', 'totp_secrets', 'recovery_codes', 'tenant_quotas'] LOOP
        EXECUTE format('CREATE POLICY own_tenant ON %I TO holdfast_app USING (tenant_id = (SELECT current_tenant()))', name);
        EXECUTE format('CREATE POLICY gate ON %I TO holdfast_gate USING (true)', name);
        EXECUTE format('CREATE POLICY owner ON %I TO %I USING (true)', name, current_user);
        EXECUTE format('CREATE POLICY backup ON %I FOR SELECT TO holdfast_backup USING (true)', name);
        EXECUTE format('GRANT SELECT ON %I TO holdfast_backup', name);
    END LOOP;
    -- What an operator does from a terminal, as the owner, is told too.
    EXECUTE format('CREATE POLICY owner_append ON http_audit_log FOR INSERT TO %I WITH CHECK (true)', current_user);
END $$;
-- The platform, where only operators get to, keeps all tenants.
CREATE POLICY platform ON tenants TO holdfast_app USING ((SELECT current_tenant()) = '00000000-0000-0000-0000-000000000000');

GRANT SELECT, INSERT, UPDATE (last_used_at, revoked_at) ON api_tokens TO holdfast_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON totp_secrets, recovery_codes TO holdfast_app;
GRANT SELECT, INSERT, UPDATE ON tenant_quotas TO holdfast_app;
GRANT INSERT, UPDATE, DELETE ON users TO holdfast_app;
GRANT INSERT, UPDATE ON tenants TO holdfast_app;
GRANT UPDATE (mfa_pending) ON sessions TO holdfast_app;
GRANT SELECT, UPDATE ON api_tokens, totp_secrets, recovery_codes TO holdfast_gate;
GRANT SELECT, INSERT, UPDATE ON signing_keys TO holdfast_gate;
GRANT EXECUTE ON FUNCTION reserve_quota(text), release_quota(text), use_otp(uuid, bigint, bytea, timestamptz) TO holdfast_app, holdfast_gate;

GRANT CREATE ON SCHEMA public TO holdfast_gate;
ALTER FUNCTION authorize_api_token(bytea, uuid, text, timestamptz) OWNER TO holdfast_gate;
ALTER FUNCTION active_signing_key(timestamptz) OWNER TO holdfast_gate;
ALTER FUNCTION rotate_signing_key(text, text, text, text, timestamptz, timestamptz, timestamptz) OWNER TO holdfast_gate;
REVOKE CREATE ON SCHEMA public FROM holdfast_gate;
GRANT EXECUTE ON FUNCTION authorize_api_token(bytea, uuid, text, timestamptz) TO holdfast_app, holdfast_metrics;
GRANT EXECUTE ON FUNCTION active_signing_key(timestamptz) TO holdfast_app, holdfast_gate;
GRANT EXECUTE ON FUNCTION rotate_signing_key(text, text, text, text, timestamptz, timestamptz, timestamptz) TO holdfast_app;
