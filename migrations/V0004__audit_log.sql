-- The audit log: appended in the transaction that it tells of, never changed.

CREATE TABLE http_audit_log (
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    request_id text NOT NULL,
    tenant_id uuid NOT NULL,
    actor_kind text NOT NULL CHECK (actor_kind IN ('anonymous', 'user', 'api_token')),
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
    targets jsonb NOT NULL DEFAULT '{}',
    changed text[] NOT NULL DEFAULT '{}',
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (at, id)
) PARTITION BY RANGE (at);
COMMENT ON TABLE http_audit_log IS 'Who did or tried what, when, with what outcome. No values, only the names of changed fields. Monthly partitions.';
COMMENT ON COLUMN http_audit_log.id IS 'UUIDv7 of the row.';
COMMENT ON COLUMN http_audit_log.at IS 'When the request was handled.';
COMMENT ON COLUMN http_audit_log.request_id IS 'X-Request-Id of the answer.';
COMMENT ON COLUMN http_audit_log.tenant_id IS 'The tenant concerned; the nil UUID for the platform and for credentials that name nobody.';
COMMENT ON COLUMN http_audit_log.actor_kind IS 'What kind of principal acted.';
COMMENT ON COLUMN http_audit_log.actor_id IS 'The user or token.';
COMMENT ON COLUMN http_audit_log.actor_name IS 'Its name at that time; of a failed sign-in, none.';
COMMENT ON COLUMN http_audit_log.role IS 'The role at that time.';
COMMENT ON COLUMN http_audit_log.session_id IS 'The session that was used.';
COMMENT ON COLUMN http_audit_log.action IS 'What was done or tried, such as account.create.';
COMMENT ON COLUMN http_audit_log.method IS 'HTTP method.';
COMMENT ON COLUMN http_audit_log.path IS 'The path as requested, without its query.';
COMMENT ON COLUMN http_audit_log.status IS 'HTTP status of the answer.';
COMMENT ON COLUMN http_audit_log.source_ip IS 'The caller''s address as the gateway saw it.';
COMMENT ON COLUMN http_audit_log.user_agent IS 'What the caller called itself.';
COMMENT ON COLUMN http_audit_log.targets IS 'Ids of what was acted on, such as account_id.';
COMMENT ON COLUMN http_audit_log.changed IS 'Names of the fields that were set; never their values.';
COMMENT ON COLUMN http_audit_log.transaction_id IS 'The transaction that wrote the row: what sealing orders by.';

CREATE INDEX http_audit_log_newest ON http_audit_log (tenant_id, at DESC, id DESC);
CREATE INDEX http_audit_log_by_request ON http_audit_log (tenant_id, request_id);
CREATE INDEX http_audit_log_by_actor ON http_audit_log (tenant_id, actor_id, at DESC, id DESC);
CREATE INDEX http_audit_log_by_action ON http_audit_log (tenant_id, action, at DESC, id DESC);
CREATE INDEX http_audit_log_by_account ON http_audit_log (tenant_id, (targets ->> 'account_id'), at DESC, id DESC) WHERE targets ? 'account_id';

CREATE FUNCTION create_audit_partitions(months integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE first date; made integer := 0;
BEGIN
    FOR first IN SELECT generate_series(date_trunc('month', now() AT TIME ZONE 'UTC'), date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => months), '1 month')::date LOOP
        IF to_regclass(format('public.http_audit_log_%s', to_char(first, 'YYYY_MM'))) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF http_audit_log FOR VALUES FROM (%L) TO (%L)', 'http_audit_log_' || to_char(first, 'YYYY_MM'),
                first::timestamp AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC');
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;
COMMENT ON FUNCTION create_audit_partitions(integer) IS 'Makes the partitions of this month and of so many months ahead; says how many were missing.';
SELECT create_audit_partitions(12);
CREATE TABLE http_audit_log_rest PARTITION OF http_audit_log DEFAULT;
COMMENT ON TABLE http_audit_log_rest IS 'Rows outside every month''s partition: none, while maintenance runs. An audit row is never refused for want of a partition.';

ALTER TABLE http_audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE http_audit_log FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON http_audit_log FOR SELECT TO holdfast_app USING (tenant_id = (SELECT current_tenant()));
CREATE POLICY append ON http_audit_log FOR INSERT TO holdfast_app, holdfast_metrics WITH CHECK (true);
CREATE POLICY backup ON http_audit_log FOR SELECT TO holdfast_backup, holdfast_maintenance USING (true);
-- A partition reached by its own name shows nothing: it has no policy of its own and no grant.

CREATE FUNCTION record_audit(p_id uuid, p_at timestamptz, p_request_id text, p_always boolean, p_action text, p_method text, p_path text, p_status integer,
    p_source_ip text, p_user_agent text, p_targets jsonb, p_changed text[], p_claimed_tenant uuid, p_claimed_user uuid, p_claimed_role text, p_claimed_session uuid)
RETURNS TABLE (refused text, actor jsonb, tenant uuid) LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE outcome integer;
BEGIN
    refused := nullif(current_setting('holdfast.rejection', true), '');
    actor := nullif(current_setting('holdfast.actor', true), '')::jsonb;
    tenant := coalesce(current_tenant(), p_claimed_tenant, '00000000-0000-0000-0000-000000000000');
    outcome := CASE WHEN refused IS NULL THEN p_status ELSE problem_status(refused) END;
    RETURN NEXT;
    IF NOT p_always AND outcome < 400 THEN
        RETURN;
    END IF;
    INSERT INTO http_audit_log (id, at, request_id, tenant_id, actor_kind, actor_id, actor_name, role, session_id,
        action, method, path, status, source_ip, user_agent, targets, changed)
    VALUES (p_id, p_at, p_request_id, tenant,
        coalesce(actor ->> 'kind', CASE WHEN p_claimed_user IS NULL THEN 'anonymous' ELSE 'user' END),
        coalesce((actor ->> 'id')::uuid, p_claimed_user), actor ->> 'name', coalesce(actor ->> 'role', p_claimed_role),
        coalesce((actor ->> 'session_id')::uuid, p_claimed_session),
        p_action, p_method, p_path, outcome, p_source_ip, p_user_agent, p_targets,
        CASE WHEN outcome < 400 AND coalesce(current_setting('holdfast.replay', true), '') = '' THEN p_changed ELSE '{}' END);
END $$;
COMMENT ON FUNCTION record_audit(uuid, timestamptz, text, boolean, text, text, text, integer, text, text, jsonb, text[], uuid, uuid, text, uuid) IS
    'Appends this transaction''s audit row with the outcome that stands: the expected status, or the verdict''s, which it returns with the actor and tenant. Without p_always only refusals are kept. The claimed actor is told where enter found none.';

GRANT SELECT, INSERT ON http_audit_log TO holdfast_app;
GRANT INSERT ON http_audit_log TO holdfast_metrics;
GRANT SELECT ON http_audit_log TO holdfast_backup, holdfast_maintenance;
GRANT EXECUTE ON FUNCTION record_audit(uuid, timestamptz, text, boolean, text, text, text, integer, text, text, jsonb, text[], uuid, uuid, text, uuid) TO holdfast_app, holdfast_metrics;
