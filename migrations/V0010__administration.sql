-- The administration of users and tenants, and quotas that stay exact while they are set.

CREATE INDEX users_in_order ON users (tenant_id, id);

-- Who counts or guards something of a tenant locks the tenant's row first. A row is locked under the policies of an
-- update, so the tenant's own transactions get one that lets them lock their row and change nothing of it.
CREATE POLICY lock_own ON tenants FOR UPDATE TO holdfast_app USING (id = (SELECT current_tenant())) WITH CHECK (false);

CREATE OR REPLACE FUNCTION reserve_quota(p_kind text) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    -- A quota that is being set counts what is held. It waits for those who hold this lock, and they for it.
    PERFORM FROM tenants WHERE id = current_tenant() FOR KEY SHARE;
    UPDATE tenant_quotas SET used = used + 1 WHERE tenant_id = current_tenant() AND kind = p_kind AND used < most;
    IF NOT FOUND AND EXISTS (SELECT FROM tenant_quotas WHERE tenant_id = current_tenant() AND kind = p_kind) THEN
        PERFORM reject('quota_exceeded');
        RETURN false;
    END IF;
    RETURN true;
END $$;

CREATE OR REPLACE FUNCTION release_quota(p_kind text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM FROM tenants WHERE id = current_tenant() FOR KEY SHARE;
    UPDATE tenant_quotas SET used = greatest(used - 1, 0) WHERE tenant_id = current_tenant() AND kind = p_kind;
    RETURN NULL;
END $$;

CREATE FUNCTION held(p_kind text) RETURNS bigint LANGUAGE sql STABLE
    RETURN CASE p_kind
        WHEN 'accounts' THEN (SELECT count(*) FROM accounts WHERE tenant_id = current_tenant() AND deleted_at IS NULL)
        WHEN 'users' THEN (SELECT count(*) FROM users WHERE tenant_id = current_tenant())
        WHEN 'api_tokens' THEN (SELECT count(*) FROM api_tokens WHERE tenant_id = current_tenant() AND revoked_at IS NULL)
        -- The version that brings secrets counts them here.
        ELSE 0 END;
COMMENT ON FUNCTION held(text) IS 'How many of a kind the tenant holds: what its quota has in use.';

CREATE FUNCTION is_last_admin(p_user uuid) RETURNS boolean LANGUAGE sql STABLE
    RETURN EXISTS (SELECT FROM users WHERE tenant_id = current_tenant() AND role IN ('admin', 'operator') AND status = 'active' AND id = p_user)
       AND NOT EXISTS (SELECT FROM users WHERE tenant_id = current_tenant() AND role IN ('admin', 'operator') AND status = 'active' AND id <> p_user);
COMMENT ON FUNCTION is_last_admin(uuid) IS 'Whether this is the only active admin of the tenant, or the only active operator of the platform. Holds while the tenant''s row is locked.';

CREATE FUNCTION is_platform_operator() RETURNS boolean LANGUAGE sql STABLE
    RETURN request_allowed() AND current_tenant() = '00000000-0000-0000-0000-000000000000'
       AND (nullif(current_setting('holdfast.actor', true), '')::jsonb ->> 'role') = 'operator';
COMMENT ON FUNCTION is_platform_operator() IS 'Whether the request is an operator''s, acts in no tenant, and nothing has refused it.';

-- The next two functions step into a tenant and back out again, so that row-level security holds there too. They are
-- an operator's only, who may choose any tenant anyway, and see or touch nothing that an operator does not: they count,
-- and they make a first user. Whatever is sent after them in the same transaction is the platform's again.

CREATE FUNCTION set_quotas(p_tenant uuid, p_quotas jsonb) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF NOT is_platform_operator() THEN
        RETURN;
    END IF;
    PERFORM set_config('holdfast.tenant', p_tenant::text, true);
    -- Waits for every transaction that has taken or given back, so that its rows are counted here or by itself after us.
    PERFORM FROM tenants WHERE id = p_tenant FOR UPDATE;
    DELETE FROM tenant_quotas WHERE tenant_id = p_tenant AND kind IN (SELECT key FROM jsonb_each_text(p_quotas) WHERE value IS NULL);
    INSERT INTO tenant_quotas (tenant_id, kind, most, used)
    SELECT p_tenant, key, value::bigint, held(key) FROM jsonb_each_text(p_quotas) WHERE value IS NOT NULL
    ON CONFLICT (tenant_id, kind) DO UPDATE SET most = excluded.most, used = excluded.used;
    PERFORM set_config('holdfast.tenant', '00000000-0000-0000-0000-000000000000', true);
END $$;
COMMENT ON FUNCTION set_quotas(uuid, jsonb) IS 'Sets the limits that are named, with what is held of each; null lifts one.';

CREATE FUNCTION create_tenant(p_id uuid, p_slug text, p_name text, p_status text, p_quotas jsonb, p_now timestamptz,
    p_admin uuid, p_username text, p_password_hash text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF NOT is_platform_operator() THEN
        RETURN reject('forbidden');
    END IF;
    INSERT INTO tenants (id, slug, name, status, created_at, updated_at) VALUES (p_id, p_slug, p_name, p_status, p_now, p_now)
    ON CONFLICT (slug) DO NOTHING;
    IF NOT FOUND THEN
        RETURN reject('conflict');
    END IF;
    IF p_admin IS NOT NULL THEN
        PERFORM set_config('holdfast.tenant', p_id::text, true);
        INSERT INTO users (id, tenant_id, username, role, password_hash, created_at, updated_at)
        VALUES (p_admin, p_id, p_username, 'admin', p_password_hash, p_now, p_now);
        PERFORM set_config('holdfast.tenant', '00000000-0000-0000-0000-000000000000', true);
    END IF;
    PERFORM set_quotas(p_id, p_quotas);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION create_tenant(uuid, text, text, text, jsonb, timestamptz, uuid, text, text) IS
    'Makes a tenant with its quotas and, where one is named, its first admin; a slug that is taken is a conflict.';

CREATE FUNCTION change_tenant(p_id uuid, p_versions bigint[], p_name text, p_status text, p_quotas jsonb, p_now timestamptz)
RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE found_version bigint;
BEGIN
    IF NOT is_platform_operator() THEN
        RETURN reject('forbidden');
    END IF;
    SELECT version INTO found_version FROM tenants WHERE id = p_id AND id <> current_tenant() FOR UPDATE;
    IF NOT FOUND THEN
        RETURN reject('not_found');
    ELSIF found_version <> ALL (p_versions) THEN
        RETURN reject('precondition_failed');
    END IF;
    UPDATE tenants SET name = coalesce(p_name, name), status = coalesce(p_status, status), version = version + 1, updated_at = p_now
     WHERE id = p_id;
    IF p_quotas IS NOT NULL THEN
        PERFORM set_quotas(p_id, p_quotas);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION change_tenant(uuid, bigint[], text, text, jsonb, timestamptz) IS
    'Changes what is given of a tenant that is at one of these versions (NULL: at any). The platform itself is not to be found.';

-- The platform, where only operators get to, reads every tenant's limits.
CREATE POLICY platform ON tenant_quotas FOR SELECT TO holdfast_app USING ((SELECT current_tenant()) = '00000000-0000-0000-0000-000000000000');

GRANT DELETE ON tenant_quotas TO holdfast_app;
GRANT EXECUTE ON FUNCTION held(text), is_last_admin(uuid), is_platform_operator(), set_quotas(uuid, jsonb),
    create_tenant(uuid, text, text, text, jsonb, timestamptz, uuid, text, text),
    change_tenant(uuid, bigint[], text, text, jsonb, timestamptz) TO holdfast_app;
