-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE vault_canary (
    id integer NOT NULL DEFAULT 1,
    provider text NOT NULL,
    provider_key text NOT NULL,
    wrapped bytea NOT NULL,
    sealed bytea NOT NULL,
    sealed_at timestamp with time zone NOT NULL,
    CONSTRAINT vault_canary_pkey PRIMARY KEY (id),
    CONSTRAINT vault_canary_id_check CHECK ((id = 1)),
    CONSTRAINT vault_canary_provider_check CHECK ((provider = ANY (ARRAY['local'::text, 'kms'::text]))),
    CONSTRAINT vault_canary_provider_key_check CHECK (((char_length(provider_key) >= 1) AND (char_length(provider_key) <= 2048))),
    CONSTRAINT vault_canary_wrapped_check CHECK (((octet_length(wrapped) >= 1) AND (octet_length(wrapped) <= 6144)))
);
ALTER TABLE vault_canary ENABLE ROW LEVEL SECURITY;
ALTER TABLE vault_canary FORCE ROW LEVEL SECURITY;
CREATE POLICY backup ON vault_canary FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON vault_canary FOR ALL TO holdfast_definer USING (true);
CREATE POLICY owner ON vault_canary FOR SELECT TO owner USING (true);
GRANT SELECT ON vault_canary TO holdfast_backup;
GRANT INSERT, SELECT, UPDATE ON vault_canary TO holdfast_definer;
COMMENT ON TABLE vault_canary IS 'A value of known plaintext, sealed before each backup under a data key of its own. Where it opens in a restored database, the key that wraps data keys is available.';
COMMENT ON COLUMN vault_canary.id IS 'Always 1: there is one canary.';
COMMENT ON COLUMN vault_canary.provider IS 'Provider that unwraps its data key: kms, or local for SECRET_ENCRYPTION_KEY.';
COMMENT ON COLUMN vault_canary.provider_key IS 'Key of the provider that wrapped it.';
COMMENT ON COLUMN vault_canary.wrapped IS 'Its data key, wrapped for the platform.';
COMMENT ON COLUMN vault_canary.sealed IS 'The sealed canary.';
COMMENT ON COLUMN vault_canary.sealed_at IS 'Time of sealing.';
