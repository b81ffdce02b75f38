-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE http_audit_log (
    id uuid NOT NULL,
    at timestamp with time zone NOT NULL,
    request_id text NOT NULL,
    tenant_id uuid NOT NULL,
    actor_kind text NOT NULL,
    actor_id uuid,
    actor_name text,
    role text,
    session_id uuid,
    action text NOT NULL,
    method text NOT NULL,
    path text NOT NULL,
    status smallint NOT NULL,
    source_ip text,
    user_agent text,
    reason text,
    targets jsonb NOT NULL DEFAULT '{}'::jsonb,
    changed text[] NOT NULL DEFAULT '{}'::text[],
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    epoch integer NOT NULL DEFAULT 1,
    account_id text GENERATED ALWAYS AS ((targets ->> 'account_id'::text)) STORED,
    CONSTRAINT http_audit_log_pkey PRIMARY KEY (at, id),
    CONSTRAINT http_audit_log_action_check CHECK ((octet_length(action) <= 64)),
    CONSTRAINT http_audit_log_actor_kind_check CHECK ((actor_kind = ANY (ARRAY['anonymous'::text, 'user'::text, 'api_token'::text, 'system'::text]))),
    CONSTRAINT http_audit_log_actor_name_check CHECK ((char_length(actor_name) <= 200)),
    CONSTRAINT http_audit_log_changed_check CHECK ((pg_column_size(changed) <= 4096)),
    CONSTRAINT http_audit_log_epoch_check CHECK ((epoch > 0)),
    CONSTRAINT http_audit_log_method_check CHECK ((octet_length(method) <= 16)),
    CONSTRAINT http_audit_log_path_check CHECK ((octet_length(path) <= 2048)),
    CONSTRAINT http_audit_log_reason_check CHECK (((length(reason) >= 1) AND (length(reason) <= 256))),
    CONSTRAINT http_audit_log_request_id_check CHECK ((octet_length(request_id) <= 64)),
    CONSTRAINT http_audit_log_role_check CHECK ((octet_length(role) <= 64)),
    CONSTRAINT http_audit_log_source_ip_check CHECK ((octet_length(source_ip) <= 64)),
    CONSTRAINT http_audit_log_targets_check CHECK ((pg_column_size(targets) <= 4096)),
    CONSTRAINT http_audit_log_user_agent_check CHECK ((char_length(user_agent) <= 256))
) PARTITION BY RANGE (at);
CREATE INDEX http_audit_log_by_account ON http_audit_log USING btree (tenant_id, account_id, at DESC, id DESC) WHERE (account_id IS NOT NULL);
CREATE INDEX http_audit_log_by_action ON http_audit_log USING btree (tenant_id, action, at DESC, id DESC);
CREATE INDEX http_audit_log_by_actor ON http_audit_log USING btree (tenant_id, actor_id, at DESC, id DESC);
CREATE INDEX http_audit_log_by_path ON http_audit_log USING btree (tenant_id, path, at DESC, id DESC);
CREATE INDEX http_audit_log_by_request ON http_audit_log USING btree (tenant_id, request_id);
CREATE INDEX http_audit_log_by_role ON http_audit_log USING btree (tenant_id, role, at DESC, id DESC);
CREATE INDEX http_audit_log_by_status ON http_audit_log USING btree (tenant_id, status, at DESC, id DESC);
CREATE INDEX http_audit_log_by_transaction ON http_audit_log USING btree (epoch, transaction_id);
CREATE INDEX http_audit_log_in_order ON http_audit_log USING btree (tenant_id, epoch, transaction_id, id);
CREATE INDEX http_audit_log_newest ON http_audit_log USING btree (tenant_id, at DESC, id DESC);
ALTER TABLE http_audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE http_audit_log FORCE ROW LEVEL SECURITY;
CREATE POLICY append ON http_audit_log FOR INSERT TO holdfast_definer WITH CHECK (true);
CREATE POLICY backup ON http_audit_log FOR SELECT TO holdfast_backup, holdfast_maintenance USING (true);
CREATE POLICY own_tenant ON http_audit_log FOR SELECT TO holdfast_admin USING ((tenant_id = ( SELECT current_tenant() AS current_tenant)));
GRANT SELECT ON http_audit_log TO holdfast_admin;
GRANT SELECT ON http_audit_log TO holdfast_backup;
GRANT INSERT ON http_audit_log TO holdfast_definer;
GRANT SELECT ON http_audit_log TO holdfast_maintenance;
COMMENT ON TABLE http_audit_log IS 'Who did or attempted what, when, with which outcome. No values, only the names of changed fields. Partitioned by month.';
COMMENT ON COLUMN http_audit_log.id IS 'UUIDv7 of the row.';
COMMENT ON COLUMN http_audit_log.at IS 'Time at which the row was written, by the clock of the database.';
COMMENT ON COLUMN http_audit_log.request_id IS 'X-Request-Id of the response; of aggregated rejections, of the first of them.';
COMMENT ON COLUMN http_audit_log.tenant_id IS 'The tenant concerned; the nil UUID for the platform and for credentials that name no tenant.';
COMMENT ON COLUMN http_audit_log.actor_kind IS 'Kind of principal; ''system'' for what was done on the database itself, with the owner''s login.';
COMMENT ON COLUMN http_audit_log.actor_id IS 'Id of the user or API token.';
COMMENT ON COLUMN http_audit_log.actor_name IS 'Name of the actor at that time.';
COMMENT ON COLUMN http_audit_log.role IS 'Role of the actor at that time.';
COMMENT ON COLUMN http_audit_log.session_id IS 'Session of the actor.';
COMMENT ON COLUMN http_audit_log.action IS 'Action done or attempted, such as account.create.';
COMMENT ON COLUMN http_audit_log.method IS 'HTTP method.';
COMMENT ON COLUMN http_audit_log.path IS 'Requested path, without the query. Of aggregated rejections the route, such as /accounts/{id}, or * for several.';
COMMENT ON COLUMN http_audit_log.status IS 'HTTP status of the response.';
COMMENT ON COLUMN http_audit_log.source_ip IS 'Client address as the gateway saw it. Of aggregated rejections the address block, NULL for several.';
COMMENT ON COLUMN http_audit_log.user_agent IS 'User-Agent header, truncated; of aggregated rejections, of the first of them.';
COMMENT ON COLUMN http_audit_log.reason IS 'Why the actor did it, in its own words: an operator who changes something in a tenant has to say so.';
COMMENT ON COLUMN http_audit_log.targets IS 'Ids of the objects acted on, such as account_id. Of aggregated rejections also their number, minute and addresses.';
COMMENT ON COLUMN http_audit_log.changed IS 'Names of the fields that were set; never their values.';
COMMENT ON COLUMN http_audit_log.transaction_id IS 'The transaction that wrote the row; rows are sealed in this order.';
COMMENT ON COLUMN http_audit_log.epoch IS 'Generation of transaction numbers: a restored or upgraded cluster may start lower, and gets the next epoch.';
COMMENT ON COLUMN http_audit_log.account_id IS 'The account among the targets, as a column: under row-level security no condition on jsonb can use an index.';
