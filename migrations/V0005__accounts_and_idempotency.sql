-- What a tenant keeps, and the answers kept so that a repeated request does nothing twice.

CREATE TABLE accounts (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    search_name text COLLATE "C" NOT NULL,
    owner text CHECK (char_length(owner) BETWEEN 1 AND 200),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
    metadata jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz
);
CREATE UNIQUE INDEX accounts_live_name ON accounts (tenant_id, name) WHERE deleted_at IS NULL;
CREATE INDEX accounts_in_order ON accounts (tenant_id, id) WHERE deleted_at IS NULL;
CREATE INDEX accounts_by_prefix ON accounts (tenant_id, search_name, id) WHERE deleted_at IS NULL;
CREATE INDEX accounts_by_owner ON accounts (tenant_id, owner, id) WHERE deleted_at IS NULL;
CREATE INDEX accounts_by_status ON accounts (tenant_id, status, id) WHERE deleted_at IS NULL;
CREATE INDEX accounts_deleted ON accounts (deleted_at) WHERE deleted_at IS NOT NULL;
COMMENT ON TABLE accounts IS 'The accounts of a tenant.';
COMMENT ON COLUMN accounts.id IS 'UUIDv7.';
COMMENT ON COLUMN accounts.tenant_id IS 'Whose account it is.';
COMMENT ON COLUMN accounts.name IS 'Unique among the tenant''s live accounts.';
COMMENT ON COLUMN accounts.search_name IS 'The name in lower case, for prefix search. A column rather than an index on lower(name): that function may leak, so that under row-level security no index condition can hold it.';
COMMENT ON COLUMN accounts.owner IS 'Who answers for it, in the tenant''s own words.';
COMMENT ON COLUMN accounts.status IS 'A suspended account refuses secret writes and reveals.';
COMMENT ON COLUMN accounts.metadata IS 'Up to 50 pairs of strings.';
COMMENT ON COLUMN accounts.version IS 'Counts changes; the ETag.';
COMMENT ON COLUMN accounts.created_at IS 'When it was made.';
COMMENT ON COLUMN accounts.updated_at IS 'When it last changed.';
COMMENT ON COLUMN accounts.deleted_at IS 'When it was deleted; kept and hidden until retention removes it.';

CREATE TABLE idempotency_keys (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    actor_id uuid NOT NULL,
    key text NOT NULL CHECK (char_length(key) BETWEEN 1 AND 255),
    request_hash bytea NOT NULL CHECK (octet_length(request_hash) = 32),
    status smallint NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, actor_id, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
COMMENT ON TABLE idempotency_keys IS 'Answers given under an Idempotency-Key, for 24 hours.';
COMMENT ON COLUMN idempotency_keys.tenant_id IS 'The tenant that was acted in.';
COMMENT ON COLUMN idempotency_keys.actor_id IS 'Whose key it is: two principals may use the same word.';
COMMENT ON COLUMN idempotency_keys.key IS 'As sent.';
COMMENT ON COLUMN idempotency_keys.request_hash IS 'SHA-256 of method, path and body.';
COMMENT ON COLUMN idempotency_keys.status IS 'HTTP status of the answer.';
COMMENT ON COLUMN idempotency_keys.headers IS 'Location and ETag of the answer.';
COMMENT ON COLUMN idempotency_keys.body IS 'Body of the answer.';
COMMENT ON COLUMN idempotency_keys.created_at IS 'When it was given.';

ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE accounts FORCE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON accounts TO holdfast_app USING (tenant_id = (SELECT current_tenant()));
CREATE POLICY own_tenant ON idempotency_keys TO holdfast_app USING (tenant_id = (SELECT current_tenant()));
CREATE POLICY backup ON accounts FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY backup ON idempotency_keys FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY retention ON accounts TO holdfast_maintenance USING (deleted_at IS NOT NULL);
CREATE POLICY retention ON idempotency_keys TO holdfast_maintenance USING (true);

CREATE FUNCTION idempotency_find(p_key text, p_hash bytea, p_now timestamptz)
RETURNS TABLE (refused text, status smallint, headers jsonb, body bytea) LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE kept idempotency_keys; actor uuid := (nullif(current_setting('holdfast.actor', true), '')::jsonb ->> 'id')::uuid;
BEGIN
    IF NOT request_allowed() THEN
        RETURN;
    END IF;
    -- Requests with the same key wait for each other; the second finds the first one's answer.
    PERFORM pg_advisory_xact_lock(hashtextextended(current_tenant()::text || actor::text || p_key, 0));
    SELECT * INTO kept FROM idempotency_keys k WHERE k.tenant_id = current_tenant() AND k.actor_id = actor AND k.key = p_key;
    IF NOT FOUND THEN
        RETURN;
    ELSIF kept.created_at <= p_now - interval '24 hours' THEN
        DELETE FROM idempotency_keys k WHERE k.tenant_id = kept.tenant_id AND k.actor_id = actor AND k.key = p_key;
        RETURN;
    ELSIF kept.request_hash <> p_hash THEN
        refused := reject('idempotency_mismatch');
    ELSE
        PERFORM set_config('holdfast.replay', 'on', true);
        status := kept.status; headers := kept.headers; body := kept.body;
    END IF;
    RETURN NEXT;
END $$;
COMMENT ON FUNCTION idempotency_find(text, bytea, timestamptz) IS
    'The answer kept under this key: no row when there is none, a refusal when the key belongs to another request.';

CREATE FUNCTION idempotency_keep(p_key text, p_hash bytea, p_now timestamptz, p_status integer, p_headers jsonb, p_body bytea)
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF request_allowed() THEN
        INSERT INTO idempotency_keys (tenant_id, actor_id, key, request_hash, status, headers, body, created_at)
        VALUES (current_tenant(), (current_setting('holdfast.actor')::jsonb ->> 'id')::uuid, p_key, p_hash, p_status, p_headers, p_body, p_now);
    END IF;
END $$;
COMMENT ON FUNCTION idempotency_keep(text, bytea, timestamptz, integer, jsonb, bytea) IS 'Keeps the answer of a request that went well, in its own transaction.';

GRANT SELECT, INSERT, UPDATE ON accounts TO holdfast_app;
GRANT SELECT, INSERT, DELETE ON idempotency_keys TO holdfast_app;
GRANT SELECT, DELETE ON accounts, idempotency_keys TO holdfast_maintenance;
GRANT SELECT ON accounts, idempotency_keys TO holdfast_backup;
GRANT EXECUTE ON FUNCTION idempotency_find(text, bytea, timestamptz), idempotency_keep(text, bytea, timestamptz, integer, jsonb, bytea) TO holdfast_app;
