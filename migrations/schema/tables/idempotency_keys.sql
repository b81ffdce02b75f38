-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE idempotency_keys (
    tenant_id uuid NOT NULL,
    actor_id uuid NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    status smallint NOT NULL,
    headers jsonb NOT NULL,
    body bytea NOT NULL,
    key_version integer,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, actor_id, key),
    CONSTRAINT idempotency_keys_body_check CHECK ((octet_length(body) <= 1048576)),
    CONSTRAINT idempotency_keys_headers_check CHECK ((pg_column_size(headers) <= 4096)),
    CONSTRAINT idempotency_keys_key_check CHECK (((char_length(key) >= 1) AND (char_length(key) <= 255))),
    CONSTRAINT idempotency_keys_request_hash_check CHECK ((octet_length(request_hash) = 32)),
    CONSTRAINT idempotency_keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys USING btree (created_at);
ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY backup ON idempotency_keys FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON idempotency_keys FOR ALL TO holdfast_definer USING ((tenant_id = ( SELECT current_tenant() AS current_tenant)));
CREATE POLICY retention ON idempotency_keys FOR ALL TO holdfast_maintenance USING (true);
GRANT SELECT ON idempotency_keys TO holdfast_backup;
GRANT DELETE, INSERT, SELECT ON idempotency_keys TO holdfast_definer;
GRANT DELETE, SELECT ON idempotency_keys TO holdfast_maintenance;
COMMENT ON TABLE idempotency_keys IS 'Responses stored under an Idempotency-Key, for 24 hours.';
COMMENT ON COLUMN idempotency_keys.tenant_id IS 'The tenant that the request acted in.';
COMMENT ON COLUMN idempotency_keys.actor_id IS 'The principal: two principals may use the same key.';
COMMENT ON COLUMN idempotency_keys.key IS 'The header''s value.';
COMMENT ON COLUMN idempotency_keys.request_hash IS 'SHA-256 of method, path and body.';
COMMENT ON COLUMN idempotency_keys.status IS 'HTTP status of the response.';
COMMENT ON COLUMN idempotency_keys.headers IS 'Location and ETag of the response.';
COMMENT ON COLUMN idempotency_keys.body IS 'Body of the response; sealed where it shows a secret.';
COMMENT ON COLUMN idempotency_keys.key_version IS 'Version of the tenant''s data key for responses that sealed the body, where it shows a secret.';
COMMENT ON COLUMN idempotency_keys.created_at IS 'Time of the response.';
