-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE signing_keys (
    kid text NOT NULL,
    x text NOT NULL,
    y text NOT NULL,
    provider_key text,
    created_at timestamp with time zone NOT NULL,
    activates_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone,
    origin text NOT NULL,
    certificate text,
    CONSTRAINT signing_keys_pkey PRIMARY KEY (kid),
    CONSTRAINT signing_keys_certificate_check CHECK (((char_length(certificate) >= 1) AND (char_length(certificate) <= 2048))),
    CONSTRAINT signing_keys_kid_check CHECK ((octet_length(kid) <= 128)),
    CONSTRAINT signing_keys_origin_check CHECK ((origin = ANY (ARRAY['configuration'::text, 'rotation'::text]))),
    CONSTRAINT signing_keys_provider_key_check CHECK ((octet_length(provider_key) <= 2048)),
    CONSTRAINT signing_keys_x_check CHECK ((octet_length(x) <= 128)),
    CONSTRAINT signing_keys_y_check CHECK ((octet_length(y) <= 128))
);
GRANT SELECT ON signing_keys TO holdfast_admin;
GRANT SELECT ON signing_keys TO holdfast_backup;
GRANT INSERT, SELECT, UPDATE ON signing_keys TO holdfast_definer;
GRANT DELETE, SELECT ON signing_keys TO holdfast_maintenance;
COMMENT ON TABLE signing_keys IS 'Public keys (P-256) of the keys that sign access tokens. The private keys are in KMS or a key file.';
COMMENT ON COLUMN signing_keys.kid IS 'RFC 7638 thumbprint of the key.';
COMMENT ON COLUMN signing_keys.x IS 'x coordinate of the public key, base64url.';
COMMENT ON COLUMN signing_keys.y IS 'y coordinate of the public key, base64url.';
COMMENT ON COLUMN signing_keys.provider_key IS 'ARN of the KMS key; NULL for a key in a file.';
COMMENT ON COLUMN signing_keys.created_at IS 'Time of registration.';
COMMENT ON COLUMN signing_keys.activates_at IS 'Start of signing. A key is published before, so that every function knows it when its first token arrives.';
COMMENT ON COLUMN signing_keys.expires_at IS 'Expiry of the last token that it signed; NULL while there is no newer key.';
COMMENT ON COLUMN signing_keys.origin IS 'configuration: named by a setting, and kept. rotation: created by Holdfast, deleted a day after its expiry.';
COMMENT ON COLUMN signing_keys.certificate IS 'A JWS in which the configured key says that this one signs, too; NULL for the configured one, and until the first use.';
