-- Secrets of accounts: versions of sealed values. Nothing in here opens without a key that is elsewhere.

-- What refers to an account names its tenant too, so that nothing can belong to another tenant's account.
ALTER TABLE accounts ADD UNIQUE (id, tenant_id);

CREATE TABLE secrets (
    tenant_id uuid NOT NULL,
    account_id uuid NOT NULL,
    name text COLLATE "C" NOT NULL CHECK (name ~ '^[A-Za-z][A-Za-z0-9_.-]{0,127}$'),
    version bigint NOT NULL CHECK (version >= 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    PRIMARY KEY (tenant_id, account_id, name),
    FOREIGN KEY (account_id, tenant_id) REFERENCES accounts (id, tenant_id) ON DELETE CASCADE
);
COMMENT ON TABLE secrets IS 'The names of an account''s secrets. A deleted one keeps its count of versions and nothing else, so that no version number ever means two values.';
COMMENT ON COLUMN secrets.tenant_id IS 'The account''s tenant.';
COMMENT ON COLUMN secrets.account_id IS 'Whose secret it is.';
COMMENT ON COLUMN secrets.name IS 'Unique within the account.';
COMMENT ON COLUMN secrets.version IS 'Its newest version; the ETag.';
COMMENT ON COLUMN secrets.created_at IS 'When it was made; of one that was deleted and set again, when it was set again.';
COMMENT ON COLUMN secrets.updated_at IS 'When its newest version was made.';
COMMENT ON COLUMN secrets.deleted_at IS 'When it was deleted; its values are gone.';

CREATE TABLE secret_versions (
    tenant_id uuid NOT NULL,
    account_id uuid NOT NULL,
    name text COLLATE "C" NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    sealed bytea NOT NULL,
    key_version integer NOT NULL,
    stamp bytea NOT NULL CHECK (octet_length(stamp) = 32),
    is_text boolean NOT NULL,
    restored_from bigint,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, account_id, name, version),
    FOREIGN KEY (tenant_id, account_id, name) REFERENCES secrets (tenant_id, account_id, name) ON DELETE CASCADE
);
-- What is sealed does not compress.
ALTER TABLE secret_versions ALTER COLUMN sealed SET STORAGE EXTERNAL;
COMMENT ON TABLE secret_versions IS 'The values that secrets have and had, sealed; see docs/vault-format.md.';
COMMENT ON COLUMN secret_versions.tenant_id IS 'The account''s tenant.';
COMMENT ON COLUMN secret_versions.account_id IS 'Whose secret it is.';
COMMENT ON COLUMN secret_versions.name IS 'The secret''s name.';
COMMENT ON COLUMN secret_versions.version IS 'Counts the secret''s values, from 1, without a gap.';
COMMENT ON COLUMN secret_versions.sealed IS 'The value, sealed for its tenant, account and name.';
COMMENT ON COLUMN secret_versions.key_version IS 'The tenant''s data key that opens it and that made the stamp.';
COMMENT ON COLUMN secret_versions.stamp IS 'Ties the sealed value to its version: SHA-256 of a key that is not kept here, of the sealed value''s SHA-256, and of the version.';
COMMENT ON COLUMN secret_versions.is_text IS 'Whether it was given as text, and so is shown as text.';
COMMENT ON COLUMN secret_versions.restored_from IS 'The version that it repeats, where it was made by restoring one.';
COMMENT ON COLUMN secret_versions.created_at IS 'When it was made.';

ALTER TABLE secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE secrets FORCE ROW LEVEL SECURITY;
ALTER TABLE secret_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE secret_versions FORCE ROW LEVEL SECURITY;
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['secrets', 'secret_versions'] LOOP
        EXECUTE format('CREATE POLICY own_tenant ON %I TO holdfast_app USING (tenant_id = (SELECT current_tenant()))', name);
        EXECUTE format('CREATE POLICY backup ON %I FOR SELECT TO holdfast_backup USING (true)', name);
        EXECUTE format('GRANT SELECT ON %I TO holdfast_backup', name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO holdfast_app', name);
    END LOOP;
    -- Rotation: what is sealed under a retired key is sealed anew, by maintenance; and an operator at a terminal, as
    -- the owner, wraps data keys anew.
    FOREACH name IN ARRAY ARRAY['secret_versions', 'totp_secrets', 'vault_keys'] LOOP
        EXECUTE format('CREATE POLICY rotation ON %I TO holdfast_maintenance USING (true)', name);
        EXECUTE format('GRANT SELECT ON %I TO holdfast_maintenance', name);
    END LOOP;
    EXECUTE format('CREATE POLICY owner ON vault_keys TO %I USING (true)', current_user);
END $$;
GRANT UPDATE (sealed, key_version, stamp) ON secret_versions TO holdfast_maintenance;
ALTER TABLE vault_keys DROP CONSTRAINT vault_keys_state_check, ADD CONSTRAINT vault_keys_state_check CHECK (state IN ('active', 'retiring', 'retired'));
COMMENT ON COLUMN vault_keys.state IS 'The active key seals, one a tenant; retiring ones only open; nothing is sealed under a retired one any more.';
GRANT UPDATE (state) ON vault_keys TO holdfast_maintenance;
ALTER TABLE vault_keys ADD COLUMN retired_at timestamptz;
COMMENT ON COLUMN vault_keys.retired_at IS 'When another took its place.';
GRANT UPDATE (retired_at) ON vault_keys TO holdfast_gate;
GRANT UPDATE (sealed, key_version) ON totp_secrets TO holdfast_maintenance;
GRANT EXECUTE ON FUNCTION vault_key_active(uuid), vault_key_create(uuid, text, text, bytea, timestamptz) TO holdfast_maintenance;

-- Several at once, for an account that goes or comes back with all its secrets.

CREATE FUNCTION reserve_quota(p_kind text, p_count bigint) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    -- A quota that is being set counts what is held. It waits for those who hold this lock, and they for it.
    PERFORM FROM tenants WHERE id = current_tenant() FOR KEY SHARE;
    UPDATE tenant_quotas SET used = used + p_count WHERE tenant_id = current_tenant() AND kind = p_kind AND used + p_count <= most;
    IF NOT FOUND AND p_count > 0 AND EXISTS (SELECT FROM tenant_quotas WHERE tenant_id = current_tenant() AND kind = p_kind) THEN
        PERFORM reject('quota_exceeded');
        RETURN false;
    END IF;
    RETURN true;
END $$;
COMMENT ON FUNCTION reserve_quota(text, bigint) IS 'Takes so many of what the tenant may hold; where there are not as many left, refuses the request and takes none.';

CREATE FUNCTION release_quota(p_kind text, p_count bigint) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM FROM tenants WHERE id = current_tenant() FOR KEY SHARE;
    UPDATE tenant_quotas SET used = greatest(used - p_count, 0) WHERE tenant_id = current_tenant() AND kind = p_kind;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION release_quota(text, bigint) IS 'Gives back so many. Returns no objection (NULL), as a verdict would.';

CREATE OR REPLACE FUNCTION reserve_quota(p_kind text) RETURNS boolean LANGUAGE sql VOLATILE
    RETURN reserve_quota(p_kind, 1);
CREATE OR REPLACE FUNCTION release_quota(p_kind text) RETURNS text LANGUAGE sql VOLATILE
    RETURN release_quota(p_kind, 1);

CREATE OR REPLACE FUNCTION held(p_kind text) RETURNS bigint LANGUAGE sql STABLE
    RETURN CASE p_kind
        WHEN 'accounts' THEN (SELECT count(*) FROM accounts WHERE tenant_id = current_tenant() AND deleted_at IS NULL)
        WHEN 'users' THEN (SELECT count(*) FROM users WHERE tenant_id = current_tenant())
        WHEN 'api_tokens' THEN (SELECT count(*) FROM api_tokens WHERE tenant_id = current_tenant() AND revoked_at IS NULL)
        WHEN 'secrets' THEN (SELECT count(*) FROM secrets s JOIN accounts a ON a.id = s.account_id AND a.tenant_id = s.tenant_id
                              WHERE s.tenant_id = current_tenant() AND s.deleted_at IS NULL AND a.deleted_at IS NULL)
        ELSE 0 END;

CREATE FUNCTION secrets_of(p_account uuid) RETURNS bigint LANGUAGE sql STABLE
    RETURN (SELECT count(*) FROM secrets WHERE tenant_id = current_tenant() AND account_id = p_account AND deleted_at IS NULL);
COMMENT ON FUNCTION secrets_of(uuid) IS 'How many secrets an account has.';

-- The audit row tells the outcome that only the statements know: a PUT makes or changes. And where the caller will ask
-- again by itself, it tells nothing yet.
--   holdfast.status   the status, where it is not the one that was expected
--   holdfast.again    'on' when nothing was done, and the same request is about to be sent again

DROP FUNCTION record_audit(uuid, timestamptz, text, boolean, text, text, text, integer, text, text, jsonb, text[], uuid, uuid, text, uuid);
CREATE FUNCTION record_audit(p_id uuid, p_at timestamptz, p_request_id text, p_always boolean, p_action text, p_method text, p_path text, p_status integer,
    p_source_ip text, p_user_agent text, p_targets jsonb, p_changed text[], p_claimed_tenant uuid, p_claimed_user uuid, p_claimed_role text, p_claimed_session uuid)
RETURNS TABLE (refused text, actor jsonb, tenant uuid, outcome integer, again boolean) LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    refused := nullif(current_setting('holdfast.rejection', true), '');
    actor := nullif(current_setting('holdfast.actor', true), '')::jsonb;
    tenant := coalesce(current_tenant(), p_claimed_tenant, '00000000-0000-0000-0000-000000000000');
    outcome := CASE WHEN refused IS NOT NULL THEN problem_status(refused)
                    ELSE coalesce(nullif(current_setting('holdfast.status', true), '')::integer, p_status) END;
    again := refused IS NULL AND coalesce(current_setting('holdfast.again', true), '') <> '';
    RETURN NEXT;
    IF (NOT p_always AND outcome < 400) OR again THEN
        RETURN;
    END IF;
    INSERT INTO http_audit_log (id, at, request_id, tenant_id, actor_kind, actor_id, actor_name, role, session_id,
        action, method, path, status, source_ip, user_agent, targets, changed)
    VALUES (p_id, p_at, p_request_id, tenant,
        coalesce(actor ->> 'kind', CASE WHEN p_claimed_user IS NULL THEN 'anonymous' ELSE 'user' END),
        coalesce((actor ->> 'id')::uuid, p_claimed_user), actor ->> 'name', coalesce(actor ->> 'role', p_claimed_role),
        coalesce((actor ->> 'session_id')::uuid, p_claimed_session),
        p_action, p_method, p_path, outcome, p_source_ip, p_user_agent, p_targets,
        CASE WHEN outcome < 400 AND coalesce(current_setting('holdfast.replay', true), '') = '' THEN p_changed ELSE '{}' END);
END $$;
COMMENT ON FUNCTION record_audit(uuid, timestamptz, text, boolean, text, text, text, integer, text, text, jsonb, text[], uuid, uuid, text, uuid) IS
    'Appends this transaction''s audit row with the outcome that stands: the expected status, or the statements'' own, or the verdict''s, which it returns with the actor and tenant. Without p_always only refusals are kept. The claimed actor is told where enter found none.';
GRANT EXECUTE ON FUNCTION record_audit(uuid, timestamptz, text, boolean, text, text, text, integer, text, text, jsonb, text[], uuid, uuid, text, uuid) TO holdfast_app, holdfast_metrics;

-- The writes. Each locks the account (against its suspension or deletion), then the secret, so that writers of one secret
-- queue up and each sees what the one before it has done.

CREATE FUNCTION hold_account(p_account uuid) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE found_status text;
BEGIN
    IF NOT request_allowed() THEN
        RETURN false;
    END IF;
    SELECT status INTO found_status FROM accounts WHERE tenant_id = current_tenant() AND id = p_account AND deleted_at IS NULL FOR SHARE;
    IF NOT FOUND THEN
        PERFORM reject('not_found');
    ELSIF found_status <> 'active' THEN
        PERFORM reject('conflict');
    END IF;
    RETURN request_allowed();
END $$;
COMMENT ON FUNCTION hold_account(uuid) IS 'Keeps an account as it is for this transaction; refuses where it is not there or is suspended.';

CREATE FUNCTION add_secret_version(p_secret secrets, p_sealed bytea, p_key_version integer, p_stamp_key bytea, p_is_text boolean,
    p_restored_from bigint, p_keep bigint, p_now timestamptz) RETURNS secrets LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    p_secret.version := p_secret.version + 1;
    p_secret.updated_at := p_now;
    IF p_secret.deleted_at IS NOT NULL THEN
        p_secret.created_at := p_now;
        p_secret.deleted_at := NULL;
    END IF;
    UPDATE secrets s SET version = p_secret.version, created_at = p_secret.created_at, updated_at = p_now, deleted_at = NULL
     WHERE s.tenant_id = p_secret.tenant_id AND s.account_id = p_secret.account_id AND s.name = p_secret.name;
    INSERT INTO secret_versions (tenant_id, account_id, name, version, sealed, key_version, stamp, is_text, restored_from, created_at)
    VALUES (p_secret.tenant_id, p_secret.account_id, p_secret.name, p_secret.version, p_sealed, p_key_version,
        sha256(p_stamp_key || sha256(p_sealed) || int8send(p_secret.version)), p_is_text, p_restored_from, p_now);
    DELETE FROM secret_versions v
     WHERE v.tenant_id = p_secret.tenant_id AND v.account_id = p_secret.account_id AND v.name = p_secret.name AND v.version <= p_secret.version - p_keep;
    RETURN p_secret;
END $$;
COMMENT ON FUNCTION add_secret_version(secrets, bytea, integer, bytea, boolean, bigint, bigint, timestamptz) IS
    'Gives a secret its next version, stamped with it, and lets go of versions older than the newest p_keep.';

CREATE FUNCTION is_active_vault_key(p_version integer) RETURNS boolean LANGUAGE sql STABLE
    RETURN EXISTS (SELECT FROM vault_keys WHERE tenant_id = current_tenant() AND version = p_version AND state = 'active');
COMMENT ON FUNCTION is_active_vault_key(integer) IS 'Whether the tenant''s values are sealed under this version of its data key now.';

CREATE FUNCTION put_secret(p_account uuid, p_name text, p_versions bigint[], p_exists boolean, p_sealed bytea, p_key_version integer,
    p_stamp_key bytea, p_is_text boolean, p_restored_from bigint, p_keep bigint, p_now timestamptz)
RETURNS TABLE (name text, version bigint, created_at timestamptz, updated_at timestamptz, key_version integer, made boolean) LANGUAGE plpgsql VOLATILE AS $$
DECLARE s secrets; live boolean;
BEGIN
    IF NOT hold_account(p_account) THEN
        RETURN;
    ELSIF NOT is_active_vault_key(p_key_version) THEN
        -- The key was retired since the caller looked: nothing new is sealed under it.
        PERFORM set_config('holdfast.again', 'on', true);
        RETURN;
    END IF;
    -- Of those who want to be first, one inserts, and the others wait for it here and then come after it.
    INSERT INTO secrets AS n (tenant_id, account_id, name, version, created_at, updated_at, deleted_at)
    VALUES (current_tenant(), p_account, p_name, 0, p_now, p_now, p_now) ON CONFLICT DO NOTHING;
    SELECT * INTO STRICT s FROM secrets f WHERE f.tenant_id = current_tenant() AND f.account_id = p_account AND f.name = p_name FOR UPDATE;
    live := s.deleted_at IS NULL;
    IF (p_exists IS NOT NULL AND p_exists <> live) OR (p_versions IS NOT NULL AND (NOT live OR s.version <> ALL (p_versions))) THEN
        PERFORM reject('precondition_failed');
    ELSIF p_restored_from IS NOT NULL AND NOT live THEN
        PERFORM reject('not_found');
    ELSIF live OR reserve_quota('secrets') THEN
        s := add_secret_version(s, p_sealed, p_key_version, p_stamp_key, p_is_text, p_restored_from, p_keep, p_now);
        IF NOT live THEN
            PERFORM set_config('holdfast.status', '201', true);
        END IF;
        RETURN QUERY SELECT s.name, s.version, s.created_at, s.updated_at, p_key_version, NOT live;
        RETURN;
    END IF;
    -- Refused: what was never set leaves no trace.
    DELETE FROM secrets d WHERE d.tenant_id = s.tenant_id AND d.account_id = s.account_id AND d.name = s.name AND d.version = 0;
END $$;
COMMENT ON FUNCTION put_secret(uuid, text, bigint[], boolean, bytea, integer, bytea, boolean, bigint, bigint, timestamptz) IS
    'Sets a secret, that is makes it or gives it a new version, on the conditions given: it is at one of these versions, it exists or does not. No row and no verdict: the data key is not the active one, seal again.';

CREATE FUNCTION restore_secret(p_account uuid, p_name text, p_version bigint, p_versions bigint[], p_key_version integer, p_stamp_key bytea,
    p_keep bigint, p_now timestamptz)
RETURNS TABLE (name text, version bigint, created_at timestamptz, updated_at timestamptz, key_version integer,
    sealed bytea, stamp bytea, is_text boolean, provider text, provider_key text, wrapped bytea) LANGUAGE plpgsql VOLATILE AS $$
DECLARE s secrets; old secret_versions;
BEGIN
    IF NOT hold_account(p_account) THEN
        RETURN;
    END IF;
    SELECT * INTO s FROM secrets f
     WHERE f.tenant_id = current_tenant() AND f.account_id = p_account AND f.name = p_name AND f.deleted_at IS NULL FOR UPDATE;
    SELECT * INTO old FROM secret_versions v
     WHERE v.tenant_id = s.tenant_id AND v.account_id = s.account_id AND v.name = s.name AND v.version = p_version;
    IF NOT FOUND THEN
        PERFORM reject('not_found');
        RETURN;
    ELSIF s.version <> ALL (p_versions) THEN
        PERFORM reject('precondition_failed');
        RETURN;
    ELSIF old.key_version = p_key_version AND is_active_vault_key(p_key_version) THEN
        s := add_secret_version(s, old.sealed, p_key_version, p_stamp_key, old.is_text, p_version, p_keep, p_now);
        RETURN QUERY SELECT s.name, s.version, s.created_at, s.updated_at, p_key_version, NULL::bytea, NULL::bytea, NULL::boolean, NULL::text, NULL::text, NULL::bytea;
        RETURN;
    END IF;
    -- Sealed under another key than the caller's: it opens this, and sets it as a new value.
    PERFORM set_config('holdfast.again', 'on', true);
    RETURN QUERY SELECT s.name, p_version, s.created_at, s.updated_at, old.key_version, old.sealed, old.stamp, old.is_text, k.provider, k.provider_key, k.wrapped
        FROM vault_keys k WHERE k.tenant_id = old.tenant_id AND k.version = old.key_version;
END $$;
COMMENT ON FUNCTION restore_secret(uuid, text, bigint, bigint[], integer, bytea, bigint, timestamptz) IS
    'Makes an earlier value of a secret its newest version. Where that is sealed under another data key than the caller''s active one, nothing is done, and the sealed value is returned to be sealed anew.';

CREATE FUNCTION delete_secret(p_account uuid, p_name text, p_versions bigint[], p_now timestamptz) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE s secrets;
BEGIN
    IF NOT hold_account(p_account) THEN
        RETURN reject(NULL);
    END IF;
    SELECT * INTO s FROM secrets f
     WHERE f.tenant_id = current_tenant() AND f.account_id = p_account AND f.name = p_name AND f.deleted_at IS NULL FOR UPDATE;
    IF NOT FOUND THEN
        RETURN reject('not_found');
    ELSIF s.version <> ALL (p_versions) THEN
        RETURN reject('precondition_failed');
    END IF;
    DELETE FROM secret_versions v WHERE v.tenant_id = s.tenant_id AND v.account_id = s.account_id AND v.name = s.name;
    UPDATE secrets f SET deleted_at = p_now, updated_at = p_now WHERE f.tenant_id = s.tenant_id AND f.account_id = s.account_id AND f.name = s.name;
    RETURN release_quota('secrets');
END $$;
COMMENT ON FUNCTION delete_secret(uuid, text, bigint[], timestamptz) IS 'Deletes a secret with all its versions.';

-- Rotation brings the new version in at once where one tenant's key is rotated.

CREATE FUNCTION rotate_vault_key(p_tenant uuid, p_version integer, p_provider text, p_provider_key text, p_wrapped bytea, p_now timestamptz)
RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT request_allowed() OR (current_setting('holdfast.actor')::jsonb ->> 'role') IS DISTINCT FROM 'operator' OR p_tenant <> current_tenant() THEN
        RETURN reject('forbidden');
    END IF;
    -- Of rotations at once, one has the number that it was promised, and the others are a conflict.
    PERFORM pg_advisory_xact_lock(hashtextextended('holdfast.vault_keys ' || p_tenant, 0));
    IF p_version <> (SELECT coalesce(max(version), 0) + 1 FROM vault_keys WHERE tenant_id = p_tenant) THEN
        RETURN reject('conflict');
    END IF;
    UPDATE vault_keys SET state = 'retiring', retired_at = p_now WHERE tenant_id = p_tenant AND state = 'active';
    INSERT INTO vault_keys (tenant_id, version, wrapped, provider, provider_key, created_at)
    VALUES (p_tenant, p_version, p_wrapped, p_provider, p_provider_key, p_now);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION rotate_vault_key(uuid, integer, text, text, bytea, timestamptz) IS
    'Brings in a tenant''s new data key as the version expected; the one before it only opens from now on. A conflict where another rotation was first.';

CREATE OR REPLACE FUNCTION retire_vault_keys(p_tenant uuid) RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT request_allowed() OR (current_setting('holdfast.actor')::jsonb ->> 'role') IS DISTINCT FROM 'operator' THEN
        RETURN reject('forbidden');
    END IF;
    UPDATE vault_keys SET state = 'retiring', retired_at = now() WHERE state = 'active' AND (p_tenant IS NULL OR tenant_id = p_tenant);
    RETURN NULL;
END $$;

DO $$
DECLARE signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY['reserve_quota(text, bigint)', 'release_quota(text, bigint)', 'secrets_of(uuid)', 'hold_account(uuid)',
        'add_secret_version(secrets, bytea, integer, bytea, boolean, bigint, bigint, timestamptz)', 'is_active_vault_key(integer)',
        'put_secret(uuid, text, bigint[], boolean, bytea, integer, bytea, boolean, bigint, bigint, timestamptz)',
        'restore_secret(uuid, text, bigint, bigint[], integer, bytea, bigint, timestamptz)',
        'delete_secret(uuid, text, bigint[], timestamptz)', 'rotate_vault_key(uuid, integer, text, text, bytea, timestamptz)'
    ] LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO holdfast_app', signature);
    END LOOP;
END $$;
GRANT CREATE ON SCHEMA public TO holdfast_gate;
ALTER FUNCTION rotate_vault_key(uuid, integer, text, text, bytea, timestamptz) OWNER TO holdfast_gate;
REVOKE CREATE ON SCHEMA public FROM holdfast_gate;
