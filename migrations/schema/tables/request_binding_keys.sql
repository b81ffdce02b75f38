-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE request_binding_keys (
    single boolean NOT NULL DEFAULT true,
    inner_pad bytea NOT NULL,
    outer_pad bytea NOT NULL,
    CONSTRAINT request_binding_keys_pkey PRIMARY KEY (single),
    CONSTRAINT request_binding_keys_inner_pad_check CHECK ((octet_length(inner_pad) = 64)),
    CONSTRAINT request_binding_keys_outer_pad_check CHECK ((octet_length(outer_pad) = 64)),
    CONSTRAINT request_binding_keys_single_check CHECK (single)
);
ALTER TABLE request_binding_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE request_binding_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY definer ON request_binding_keys FOR ALL TO holdfast_definer USING (true);
GRANT SELECT ON request_binding_keys TO holdfast_backup;
GRANT INSERT, SELECT ON request_binding_keys TO holdfast_definer;
COMMENT ON TABLE request_binding_keys IS 'The key that binds an authorized actor to its transaction: the authorizing functions write with it and record_audit() verifies. One row, created when first needed; no login can read it, so no backup has it.';
COMMENT ON COLUMN request_binding_keys.single IS 'True: there is one key.';
COMMENT ON COLUMN request_binding_keys.inner_pad IS 'The key combined with the inner padding of HMAC (RFC 2104).';
COMMENT ON COLUMN request_binding_keys.outer_pad IS 'The key combined with the outer padding.';
