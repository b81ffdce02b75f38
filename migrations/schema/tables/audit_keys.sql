-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE audit_keys (
    kid text NOT NULL,
    x text NOT NULL,
    y text NOT NULL,
    provider_key text,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT audit_keys_pkey PRIMARY KEY (kid)
);
GRANT SELECT ON audit_keys TO holdfast_admin;
GRANT SELECT ON audit_keys TO holdfast_auth;
GRANT SELECT ON audit_keys TO holdfast_backup;
GRANT INSERT, SELECT ON audit_keys TO holdfast_maintenance;
COMMENT ON TABLE audit_keys IS 'Public keys (P-256) of all keys that ever sealed. The private keys are in KMS, or locally in a key file.';
COMMENT ON COLUMN audit_keys.kid IS 'RFC 7638 thumbprint of the key.';
COMMENT ON COLUMN audit_keys.x IS 'x coordinate of the public key, base64url.';
COMMENT ON COLUMN audit_keys.y IS 'y coordinate of the public key, base64url.';
COMMENT ON COLUMN audit_keys.provider_key IS 'ARN of the KMS key; NULL for a key in a file.';
COMMENT ON COLUMN audit_keys.created_at IS 'Time of its first seal.';
