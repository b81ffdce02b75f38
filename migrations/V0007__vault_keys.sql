-- The tenants' data keys, wrapped. What unwraps them is in KMS, or in SECRET_ENCRYPTION_KEY, and never here.
GRANT CREATE ON SCHEMA public TO holdfast_gate;

CREATE TABLE vault_keys (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    version integer NOT NULL CHECK (version > 0),
    wrapped bytea NOT NULL CHECK (octet_length(wrapped) BETWEEN 1 AND 6144),
    provider text NOT NULL CHECK (provider IN ('local', 'kms')),
    provider_key text NOT NULL CHECK (char_length(provider_key) BETWEEN 1 AND 2048),
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'retiring')),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, version)
);
CREATE UNIQUE INDEX vault_keys_active ON vault_keys (tenant_id) WHERE state = 'active';
COMMENT ON TABLE vault_keys IS 'The data keys under which tenants'' secrets are sealed, each wrapped for its tenant alone; see docs/vault-format.md.';
COMMENT ON COLUMN vault_keys.tenant_id IS 'Whose data key it is; the wrapping is bound to it.';
COMMENT ON COLUMN vault_keys.version IS 'Counts the tenant''s data keys; what is sealed names the one it needs.';
COMMENT ON COLUMN vault_keys.wrapped IS 'The data key as its provider wrapped it: a KMS ciphertext (at most 6144 bytes), or 61 bytes of our own.';
COMMENT ON COLUMN vault_keys.provider IS 'What unwraps it: kms, or local for SECRET_ENCRYPTION_KEY.';
COMMENT ON COLUMN vault_keys.provider_key IS 'Which of the provider''s keys wrapped it: the KMS key''s ARN, or the fingerprint of SECRET_ENCRYPTION_KEY.';
COMMENT ON COLUMN vault_keys.state IS 'The active key seals, one a tenant; retiring ones only open.';
COMMENT ON COLUMN vault_keys.created_at IS 'When it was made.';

ALTER TABLE vault_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE vault_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON vault_keys FOR SELECT TO holdfast_app USING (tenant_id = (SELECT current_tenant()));
CREATE POLICY gate ON vault_keys TO holdfast_gate USING (true);
CREATE POLICY backup ON vault_keys FOR SELECT TO holdfast_backup USING (true);

-- Sealing happens before the request's transaction, so before a tenant is entered: it asks by these two, which are
-- good for nothing without the key that unwraps what they tell.
CREATE FUNCTION vault_key_active(p_tenant uuid)
RETURNS TABLE (key_version integer, provider text, provider_key text, wrapped bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT k.version, k.provider, k.provider_key, k.wrapped FROM vault_keys k WHERE k.tenant_id = p_tenant AND k.state = 'active'
$$;
COMMENT ON FUNCTION vault_key_active(uuid) IS 'The wrapped data key under which this tenant''s secrets are sealed now; no row while there is none.';

CREATE FUNCTION vault_key_create(p_tenant uuid, p_provider text, p_provider_key text, p_wrapped bytea, p_now timestamptz)
RETURNS TABLE (key_version integer, provider text, provider_key text, wrapped bytea)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    -- Of instances that race, one inserts; the others wait for it here, insert nothing and find its key below.
    INSERT INTO vault_keys (tenant_id, version, wrapped, provider, provider_key, created_at)
    SELECT p_tenant, coalesce(max(k.version), 0) + 1, p_wrapped, p_provider, p_provider_key, p_now FROM vault_keys k WHERE k.tenant_id = p_tenant
    ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT * FROM vault_key_active(p_tenant);
END $$;
COMMENT ON FUNCTION vault_key_create(uuid, text, text, bytea, timestamptz) IS
    'Stores a tenant''s first data key unless it has an active one, and returns the active one: the caller''s, or the one that was there first.';

ALTER FUNCTION vault_key_active(uuid) OWNER TO holdfast_gate;
ALTER FUNCTION vault_key_create(uuid, text, text, bytea, timestamptz) OWNER TO holdfast_gate;
GRANT SELECT, INSERT ON vault_keys TO holdfast_gate;
GRANT SELECT ON vault_keys TO holdfast_app, holdfast_backup;
GRANT EXECUTE ON FUNCTION vault_key_active(uuid), vault_key_create(uuid, text, text, bytea, timestamptz) TO holdfast_app;

REVOKE CREATE ON SCHEMA public FROM holdfast_gate;
