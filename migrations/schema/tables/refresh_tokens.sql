-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE refresh_tokens (
    hash bytea NOT NULL,
    session_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    successor_seed bytea,
    successor_hash bytea,
    CONSTRAINT refresh_tokens_pkey PRIMARY KEY (hash),
    CONSTRAINT refresh_tokens_hash_check CHECK ((octet_length(hash) = 32)),
    CONSTRAINT refresh_tokens_successor_hash_check CHECK ((octet_length(successor_hash) = 32)),
    CONSTRAINT refresh_tokens_successor_seed_check CHECK ((octet_length(successor_seed) = 32)),
    CONSTRAINT refresh_tokens_session_id_tenant_id_fkey FOREIGN KEY (session_id, tenant_id) REFERENCES sessions(id, tenant_id) ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_of_session ON refresh_tokens USING btree (session_id);
ALTER TABLE refresh_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE refresh_tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY backup ON refresh_tokens FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON refresh_tokens FOR ALL TO holdfast_definer USING (true);
CREATE POLICY owner ON refresh_tokens FOR ALL TO owner USING (true);
GRANT SELECT ON refresh_tokens TO holdfast_backup;
GRANT INSERT, SELECT, UPDATE ON refresh_tokens TO holdfast_definer;
COMMENT ON TABLE refresh_tokens IS 'Every refresh token of a live session, used ones included, so that reuse is detected.';
COMMENT ON COLUMN refresh_tokens.hash IS 'SHA-256 of the token; the token itself is never stored.';
COMMENT ON COLUMN refresh_tokens.session_id IS 'The session that it renews.';
COMMENT ON COLUMN refresh_tokens.tenant_id IS 'The session''s tenant.';
COMMENT ON COLUMN refresh_tokens.created_at IS 'Time of issue.';
COMMENT ON COLUMN refresh_tokens.used_at IS 'Time at which it was exchanged for its successor.';
COMMENT ON COLUMN refresh_tokens.successor_seed IS 'Together with the token itself, which only its holder has, this derives the successor again: for a response that was lost.';
COMMENT ON COLUMN refresh_tokens.successor_hash IS 'SHA-256 of the successor.';
