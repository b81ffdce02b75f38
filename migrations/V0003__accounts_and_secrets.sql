-- What a tenant stores: accounts and their sealed secrets, the keys that seal them, and the responses kept for
-- idempotent requests.

CREATE TABLE vault_keys (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    purpose text NOT NULL CHECK (purpose IN ('secret', 'totp', 'idempotency')),
    version integer NOT NULL CHECK (version > 0),
    wrapped bytea NOT NULL CHECK (octet_length(wrapped) BETWEEN 1 AND 6144),
    provider text NOT NULL CHECK (provider IN ('local', 'kms')),
    provider_key text NOT NULL CHECK (char_length(provider_key) BETWEEN 1 AND 2048),
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'retiring', 'retired')),
    created_at timestamptz NOT NULL,
    retired_at timestamptz,
    PRIMARY KEY (tenant_id, purpose, version)
);
CREATE UNIQUE INDEX vault_keys_active ON vault_keys (tenant_id, purpose) WHERE state = 'active';
COMMENT ON TABLE vault_keys IS
    'Data keys that seal tenants'' values, each wrapped for its tenant and purpose alone (docs/vault-format.md). The key that '
    'unwraps them is in KMS or in SECRET_ENCRYPTION_KEY, never here.';
COMMENT ON COLUMN vault_keys.tenant_id IS 'The tenant; the wrapping is bound to it.';
COMMENT ON COLUMN vault_keys.purpose IS
    'What it seals: secrets, TOTP secrets, or responses kept for a repeated request; the wrapping is bound to it.';
COMMENT ON COLUMN vault_keys.version IS
    'Number of the data key among those of its tenant and purpose; sealed values name the one they need.';
COMMENT ON COLUMN vault_keys.wrapped IS
    'The wrapped data key: a KMS ciphertext (at most 6144 bytes), or 61 bytes in the local format.';
COMMENT ON COLUMN vault_keys.provider IS 'Provider that unwraps it: kms, or local for SECRET_ENCRYPTION_KEY.';
COMMENT ON COLUMN vault_keys.provider_key IS
    'Key of the provider: the KMS key''s ARN, or the fingerprint of SECRET_ENCRYPTION_KEY.';
COMMENT ON COLUMN vault_keys.state IS
    'active seals, one per tenant and purpose; retiring only opens; nothing is sealed under a retired one.';
COMMENT ON COLUMN vault_keys.created_at IS 'Creation time.';
COMMENT ON COLUMN vault_keys.retired_at IS 'Time at which its successor replaced it.';
ALTER TABLE vault_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE vault_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON vault_keys FOR SELECT TO holdfast_admin USING (tenant_id = (SELECT current_tenant()));
CREATE POLICY of_secrets ON vault_keys FOR SELECT TO holdfast_accounts
    USING (tenant_id = (SELECT current_tenant()) AND purpose = 'secret');
CREATE POLICY of_second_factors ON vault_keys FOR SELECT TO holdfast_auth
    USING (tenant_id = (SELECT current_tenant()) AND purpose = 'totp');
CREATE POLICY backup ON vault_keys FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON vault_keys TO holdfast_definer USING (true);
CREATE POLICY owner ON vault_keys TO CURRENT_USER USING (true);
CREATE POLICY rotation ON vault_keys TO holdfast_maintenance USING (true);
GRANT SELECT ON vault_keys TO holdfast_backup, holdfast_maintenance;
GRANT SELECT (tenant_id, purpose, version, provider, provider_key, wrapped) ON vault_keys TO holdfast_auth;
GRANT SELECT (tenant_id, purpose, version, provider, provider_key, wrapped, state) ON vault_keys TO holdfast_accounts;
GRANT SELECT (tenant_id, purpose, version, state, created_at) ON vault_keys TO holdfast_admin;
GRANT INSERT, SELECT ON vault_keys TO holdfast_definer;
GRANT UPDATE (retired_at, state) ON vault_keys TO holdfast_definer;
GRANT UPDATE (state) ON vault_keys TO holdfast_maintenance;

CREATE TABLE accounts (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    name text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    search_name text COLLATE "C" NOT NULL CHECK (char_length(search_name) <= 600),
    owner text CHECK (char_length(owner) BETWEEN 1 AND 200),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
    metadata jsonb NOT NULL DEFAULT '{}'
        CHECK (jsonb_typeof(metadata) = 'object' AND pg_column_size(metadata) <= 262144),
    version bigint NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    -- What refers to an account names its tenant too, so that nothing can belong to another tenant's account.
    UNIQUE (id, tenant_id)
);
CREATE UNIQUE INDEX accounts_live_name ON accounts (tenant_id, name) WHERE deleted_at IS NULL;
CREATE INDEX accounts_in_order ON accounts (tenant_id, id) WHERE deleted_at IS NULL;
CREATE INDEX accounts_by_prefix ON accounts (tenant_id, search_name, id) WHERE deleted_at IS NULL;
CREATE INDEX accounts_by_owner ON accounts (tenant_id, owner, id) WHERE deleted_at IS NULL;
CREATE INDEX accounts_by_status ON accounts (tenant_id, status, id) WHERE deleted_at IS NULL;
CREATE INDEX accounts_deleted ON accounts (deleted_at) WHERE deleted_at IS NOT NULL;
COMMENT ON TABLE accounts IS 'The accounts of a tenant.';
COMMENT ON COLUMN accounts.id IS 'UUIDv7.';
COMMENT ON COLUMN accounts.tenant_id IS 'Owning tenant.';
COMMENT ON COLUMN accounts.name IS 'Unique among the tenant''s live accounts.';
COMMENT ON COLUMN accounts.search_name IS
    'The name in lower case, for prefix search. A column instead of an index on lower(name): that function is not '
    'leakproof, so under row-level security no index condition can use it.';
COMMENT ON COLUMN accounts.owner IS 'Person or team responsible, in the tenant''s own words.';
COMMENT ON COLUMN accounts.status IS 'A suspended account rejects writes and reveals of secrets.';
COMMENT ON COLUMN accounts.metadata IS 'Up to 50 pairs of strings.';
COMMENT ON COLUMN accounts.version IS 'Number of changes; the ETag.';
COMMENT ON COLUMN accounts.created_at IS 'Creation time.';
COMMENT ON COLUMN accounts.updated_at IS 'Time of the last change.';
COMMENT ON COLUMN accounts.deleted_at IS 'Time of the soft delete; retention removes the row later.';
ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;
ALTER TABLE accounts FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON accounts TO holdfast_accounts USING (tenant_id = (SELECT current_tenant()));
-- What a quota has in use is counted.
CREATE POLICY definer ON accounts FOR SELECT TO holdfast_definer USING (tenant_id = (SELECT current_tenant()));
CREATE POLICY backup ON accounts FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY retention ON accounts TO holdfast_maintenance USING (deleted_at IS NOT NULL);
GRANT SELECT ON accounts TO holdfast_accounts;
GRANT INSERT (id, tenant_id, name, search_name, owner, metadata, created_at, updated_at)
    ON accounts TO holdfast_accounts;
GRANT UPDATE (name, search_name, owner, status, metadata, version, updated_at, deleted_at)
    ON accounts TO holdfast_accounts;
GRANT SELECT (id, tenant_id, deleted_at) ON accounts TO holdfast_definer;
GRANT SELECT ON accounts TO holdfast_backup;
GRANT DELETE, SELECT ON accounts TO holdfast_maintenance;

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
COMMENT ON TABLE secrets IS
    'Names of an account''s secrets. A deleted one keeps its version counter and nothing else, so that no version '
    'number ever means two values.';
COMMENT ON COLUMN secrets.tenant_id IS 'The account''s tenant.';
COMMENT ON COLUMN secrets.account_id IS 'The account.';
COMMENT ON COLUMN secrets.name IS 'Unique within the account.';
COMMENT ON COLUMN secrets.version IS 'Newest version; the ETag.';
COMMENT ON COLUMN secrets.created_at IS 'Creation time; where a deleted secret was put again, the time of that.';
COMMENT ON COLUMN secrets.updated_at IS 'Creation time of its newest version.';
COMMENT ON COLUMN secrets.deleted_at IS 'Time of deletion; its values are gone.';
ALTER TABLE secrets ENABLE ROW LEVEL SECURITY;
ALTER TABLE secrets FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON secrets TO holdfast_accounts USING (tenant_id = (SELECT current_tenant()));
-- What a quota has in use is counted.
CREATE POLICY definer ON secrets FOR SELECT TO holdfast_definer USING (tenant_id = (SELECT current_tenant()));
CREATE POLICY backup ON secrets FOR SELECT TO holdfast_backup USING (true);
GRANT DELETE, INSERT, SELECT ON secrets TO holdfast_accounts;
GRANT UPDATE (version, created_at, updated_at, deleted_at) ON secrets TO holdfast_accounts;
GRANT SELECT (tenant_id, account_id, deleted_at) ON secrets TO holdfast_definer;
GRANT SELECT ON secrets TO holdfast_backup;

CREATE TABLE secret_versions (
    tenant_id uuid NOT NULL,
    account_id uuid NOT NULL,
    name text COLLATE "C" NOT NULL CHECK (octet_length(name) <= 128),
    version bigint NOT NULL CHECK (version > 0),
    sealed bytea NOT NULL CHECK (octet_length(sealed) <= 131072),
    key_version integer NOT NULL,
    binding_tag bytea NOT NULL CHECK (octet_length(binding_tag) = 32),
    is_text boolean NOT NULL,
    restored_from bigint,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, account_id, name, version),
    FOREIGN KEY (tenant_id, account_id, name) REFERENCES secrets (tenant_id, account_id, name) ON DELETE CASCADE
);
COMMENT ON TABLE secret_versions IS 'Current and former values of secrets, sealed (docs/vault-format.md).';
COMMENT ON COLUMN secret_versions.tenant_id IS 'The account''s tenant.';
COMMENT ON COLUMN secret_versions.account_id IS 'The account.';
COMMENT ON COLUMN secret_versions.name IS 'The secret''s name.';
COMMENT ON COLUMN secret_versions.version IS 'Number of the value, from 1, without a gap.';
COMMENT ON COLUMN secret_versions.sealed IS 'The value, sealed for its tenant, account and name.';
COMMENT ON COLUMN secret_versions.key_version IS
    'Version of the tenant''s data key for secrets that opens it and that derived the binding tag.';
COMMENT ON COLUMN secret_versions.binding_tag IS
    'Version binding tag: SHA-256 of a key that is not stored here, of the sealed value''s SHA-256, and of the '
    'version.';
COMMENT ON COLUMN secret_versions.is_text IS 'True where the value was given as text, and is returned as text.';
COMMENT ON COLUMN secret_versions.restored_from IS
    'The version whose value it repeats, where it was created by a restore.';
COMMENT ON COLUMN secret_versions.created_at IS 'Creation time.';
-- Ciphertext does not compress.
ALTER TABLE secret_versions ALTER COLUMN sealed SET STORAGE EXTERNAL;
ALTER TABLE secret_versions ENABLE ROW LEVEL SECURITY;
ALTER TABLE secret_versions FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON secret_versions TO holdfast_accounts USING (tenant_id = (SELECT current_tenant()));
CREATE POLICY backup ON secret_versions FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY rotation ON secret_versions TO holdfast_maintenance USING (true);
GRANT DELETE, INSERT, SELECT ON secret_versions TO holdfast_accounts;
GRANT SELECT ON secret_versions TO holdfast_backup, holdfast_maintenance;
GRANT UPDATE (key_version, sealed, binding_tag) ON secret_versions TO holdfast_maintenance;

CREATE TABLE idempotency_keys (
    tenant_id uuid NOT NULL REFERENCES tenants (id),
    actor_id uuid NOT NULL,
    key text NOT NULL CHECK (char_length(key) BETWEEN 1 AND 255),
    request_hash bytea NOT NULL CHECK (octet_length(request_hash) = 32),
    status smallint NOT NULL,
    headers jsonb NOT NULL CHECK (pg_column_size(headers) <= 4096),
    body bytea NOT NULL CHECK (octet_length(body) <= 1048576),
    key_version integer,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, actor_id, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
COMMENT ON TABLE idempotency_keys IS 'Responses stored under an Idempotency-Key, for 24 hours.';
COMMENT ON COLUMN idempotency_keys.tenant_id IS 'The tenant that the request acted in.';
COMMENT ON COLUMN idempotency_keys.actor_id IS 'The principal: two principals may use the same key.';
COMMENT ON COLUMN idempotency_keys.key IS 'The header''s value.';
COMMENT ON COLUMN idempotency_keys.request_hash IS 'SHA-256 of method, path and body.';
COMMENT ON COLUMN idempotency_keys.status IS 'HTTP status of the response.';
COMMENT ON COLUMN idempotency_keys.headers IS 'Location and ETag of the response.';
COMMENT ON COLUMN idempotency_keys.body IS 'Body of the response; sealed where it shows a secret.';
COMMENT ON COLUMN idempotency_keys.key_version IS
    'Version of the tenant''s data key for responses that sealed the body, where it shows a secret.';
COMMENT ON COLUMN idempotency_keys.created_at IS 'Time of the response.';
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
-- Functions find and keep responses by find_idempotency_key() and keep_idempotency_key() only.
CREATE POLICY definer ON idempotency_keys TO holdfast_definer USING (tenant_id = (SELECT current_tenant()));
CREATE POLICY backup ON idempotency_keys FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY retention ON idempotency_keys TO holdfast_maintenance USING (true);
GRANT DELETE, INSERT, SELECT ON idempotency_keys TO holdfast_definer;
GRANT SELECT ON idempotency_keys TO holdfast_backup;
GRANT DELETE, SELECT ON idempotency_keys TO holdfast_maintenance;
