-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE vault_keys (
    tenant_id uuid NOT NULL,
    purpose text NOT NULL,
    version integer NOT NULL,
    wrapped bytea NOT NULL,
    provider text NOT NULL,
    provider_key text NOT NULL,
    state text NOT NULL DEFAULT 'active'::text,
    created_at timestamp with time zone NOT NULL,
    retired_at timestamp with time zone,
    CONSTRAINT vault_keys_pkey PRIMARY KEY (tenant_id, purpose, version),
    CONSTRAINT vault_keys_provider_check CHECK ((provider = ANY (ARRAY['local'::text, 'kms'::text]))),
    CONSTRAINT vault_keys_provider_key_check CHECK (((char_length(provider_key) >= 1) AND (char_length(provider_key) <= 2048))),
    CONSTRAINT vault_keys_purpose_check CHECK ((purpose = ANY (ARRAY['secret'::text, 'totp'::text, 'idempotency'::text]))),
    CONSTRAINT vault_keys_state_check CHECK ((state = ANY (ARRAY['active'::text, 'retiring'::text, 'retired'::text]))),
    CONSTRAINT vault_keys_version_check CHECK ((version > 0)),
    CONSTRAINT vault_keys_wrapped_check CHECK (((octet_length(wrapped) >= 1) AND (octet_length(wrapped) <= 6144))),
    CONSTRAINT vault_keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id)
);
CREATE UNIQUE INDEX vault_keys_active ON vault_keys USING btree (tenant_id, purpose) WHERE (state = 'active'::text);
ALTER TABLE vault_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE vault_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY backup ON vault_keys FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON vault_keys FOR ALL TO holdfast_definer USING (true);
CREATE POLICY of_second_factors ON vault_keys FOR SELECT TO holdfast_auth USING (((tenant_id = ( SELECT current_tenant() AS current_tenant)) AND (purpose = 'totp'::text)));
CREATE POLICY of_secrets ON vault_keys FOR SELECT TO holdfast_accounts USING (((tenant_id = ( SELECT current_tenant() AS current_tenant)) AND (purpose = 'secret'::text)));
CREATE POLICY own_tenant ON vault_keys FOR SELECT TO holdfast_admin USING ((tenant_id = ( SELECT current_tenant() AS current_tenant)));
CREATE POLICY owner ON vault_keys FOR ALL TO owner USING (true);
CREATE POLICY rotation ON vault_keys FOR ALL TO holdfast_maintenance USING (true);
GRANT SELECT (provider, provider_key, purpose, state, tenant_id, version, wrapped) ON vault_keys TO holdfast_accounts;
GRANT SELECT (created_at, purpose, state, tenant_id, version) ON vault_keys TO holdfast_admin;
GRANT SELECT (provider, provider_key, purpose, tenant_id, version, wrapped) ON vault_keys TO holdfast_auth;
GRANT SELECT ON vault_keys TO holdfast_backup;
GRANT INSERT, SELECT ON vault_keys TO holdfast_definer;
GRANT UPDATE (retired_at, state) ON vault_keys TO holdfast_definer;
GRANT SELECT ON vault_keys TO holdfast_maintenance;
GRANT UPDATE (state) ON vault_keys TO holdfast_maintenance;
COMMENT ON TABLE vault_keys IS 'Data keys that seal tenants'' values, each wrapped for its tenant and purpose alone (docs/vault-format.md). The key that unwraps them is in KMS or in SECRET_ENCRYPTION_KEY, never here.';
COMMENT ON COLUMN vault_keys.tenant_id IS 'The tenant; the wrapping is bound to it.';
COMMENT ON COLUMN vault_keys.purpose IS 'What it seals: secrets, TOTP secrets, or responses kept for a repeated request; the wrapping is bound to it.';
COMMENT ON COLUMN vault_keys.version IS 'Number of the data key among those of its tenant and purpose; sealed values name the one they need.';
COMMENT ON COLUMN vault_keys.wrapped IS 'The wrapped data key: a KMS ciphertext (at most 6144 bytes), or 61 bytes in the local format.';
COMMENT ON COLUMN vault_keys.provider IS 'Provider that unwraps it: kms, or local for SECRET_ENCRYPTION_KEY.';
COMMENT ON COLUMN vault_keys.provider_key IS 'Key of the provider: the KMS key''s ARN, or the fingerprint of SECRET_ENCRYPTION_KEY.';
COMMENT ON COLUMN vault_keys.state IS 'active seals, one per tenant and purpose; retiring only opens; nothing is sealed under a retired one.';
COMMENT ON COLUMN vault_keys.created_at IS 'Creation time.';
COMMENT ON COLUMN vault_keys.retired_at IS 'Time at which its successor replaced it.';
