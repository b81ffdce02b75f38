-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE sessions (
    id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    refreshed_at timestamp with time zone NOT NULL,
    authenticated_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    end_reason text,
    mfa_pending boolean NOT NULL DEFAULT false,
    attempts integer NOT NULL DEFAULT 0,
    source_ip text,
    address_key bytea NOT NULL,
    user_agent text,
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_address_key_check CHECK ((octet_length(address_key) = 32)),
    CONSTRAINT sessions_attempts_check CHECK ((attempts >= 0)),
    CONSTRAINT sessions_check CHECK (((ended_at IS NULL) = (end_reason IS NULL))),
    CONSTRAINT sessions_end_reason_check CHECK ((end_reason = ANY (ARRAY['logout'::text, 'reuse'::text, 'revoked'::text, 'password'::text, 'attempts'::text, 'idle'::text]))),
    CONSTRAINT sessions_source_ip_check CHECK ((octet_length(source_ip) <= 64)),
    CONSTRAINT sessions_user_agent_check CHECK ((char_length(user_agent) <= 256)),
    CONSTRAINT sessions_user_id_tenant_id_fkey FOREIGN KEY (user_id, tenant_id) REFERENCES users(id, tenant_id) ON DELETE CASCADE,
    CONSTRAINT sessions_id_tenant_id_key UNIQUE (id, tenant_id)
);
CREATE INDEX sessions_by_expiry ON sessions USING btree (expires_at);
CREATE INDEX sessions_of_user ON sessions USING btree (tenant_id, user_id, created_at DESC);
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY backup ON sessions FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY change ON sessions FOR UPDATE TO holdfast_auth USING ((tenant_id = ( SELECT current_tenant() AS current_tenant)));
CREATE POLICY definer ON sessions FOR ALL TO holdfast_definer USING (true);
CREATE POLICY own_tenant ON sessions FOR SELECT TO holdfast_admin, holdfast_auth USING ((tenant_id = ( SELECT current_tenant() AS current_tenant)));
CREATE POLICY owner ON sessions FOR ALL TO owner USING (true);
CREATE POLICY restrict ON sessions FOR UPDATE TO holdfast_admin USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))) WITH CHECK (((tenant_id = ( SELECT current_tenant() AS current_tenant)) AND ((ended_at IS NOT NULL) OR mfa_pending)));
CREATE POLICY retention ON sessions FOR ALL TO holdfast_maintenance USING (true);
GRANT SELECT (authenticated_at, created_at, expires_at, id, refreshed_at, source_ip, tenant_id, user_agent, user_id) ON sessions TO holdfast_admin;
GRANT SELECT, UPDATE (ended_at) ON sessions TO holdfast_admin;
GRANT UPDATE (end_reason, mfa_pending) ON sessions TO holdfast_admin;
GRANT SELECT (created_at, expires_at, id, refreshed_at, source_ip, tenant_id, user_agent, user_id) ON sessions TO holdfast_auth;
GRANT SELECT, UPDATE (ended_at, mfa_pending) ON sessions TO holdfast_auth;
GRANT UPDATE (authenticated_at, end_reason) ON sessions TO holdfast_auth;
GRANT SELECT ON sessions TO holdfast_backup;
GRANT INSERT, SELECT, UPDATE ON sessions TO holdfast_definer;
GRANT DELETE, SELECT ON sessions TO holdfast_maintenance;
COMMENT ON TABLE sessions IS 'Sign-ins. A request is authorized only while its session is here, unexpired and not ended.';
COMMENT ON COLUMN sessions.id IS 'UUIDv7; the JWT''s sid.';
COMMENT ON COLUMN sessions.tenant_id IS 'The user''s tenant.';
COMMENT ON COLUMN sessions.user_id IS 'The user who signed in.';
COMMENT ON COLUMN sessions.created_at IS 'Time of the sign-in.';
COMMENT ON COLUMN sessions.expires_at IS 'End of the session, however often it is refreshed.';
COMMENT ON COLUMN sessions.refreshed_at IS 'Time of the last refresh.';
COMMENT ON COLUMN sessions.authenticated_at IS 'Time at which the user last gave the password, and a code where one is required: the tokens'' auth_time.';
COMMENT ON COLUMN sessions.ended_at IS 'Time at which the session was ended before its expiry.';
COMMENT ON COLUMN sessions.end_reason IS 'Reason for which it was ended.';
COMMENT ON COLUMN sessions.mfa_pending IS 'The role requires a second factor and the user has none yet: the session may only enrol one.';
COMMENT ON COLUMN sessions.attempts IS 'Passwords and codes that the session sent and that were wrong, in its life. At 10 it ends.';
COMMENT ON COLUMN sessions.source_ip IS 'Client address of the sign-in, as the gateway saw it.';
COMMENT ON COLUMN sessions.address_key IS 'Key of that address in attempts: a user who signed in from an address is known there.';
COMMENT ON COLUMN sessions.user_agent IS 'User-Agent header of the sign-in.';
