-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE deployment_keys (
    purpose text NOT NULL,
    key bytea NOT NULL,
    CONSTRAINT deployment_keys_pkey PRIMARY KEY (purpose),
    CONSTRAINT deployment_keys_key_check CHECK ((octet_length(key) = 32)),
    CONSTRAINT deployment_keys_purpose_check CHECK ((purpose = 'cursor'::text))
);
GRANT SELECT ON deployment_keys TO holdfast_backup;
GRANT SELECT ON deployment_keys TO holdfast_definer;
COMMENT ON TABLE deployment_keys IS 'Keys that all instances share and that protect nothing secret.';
COMMENT ON COLUMN deployment_keys.purpose IS 'cursor: authenticates page cursors.';
COMMENT ON COLUMN deployment_keys.key IS 'HMAC-SHA-256 key.';
