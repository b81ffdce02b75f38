CREATE OR REPLACE FUNCTION record_audit(
    p_request_id text,
    p_always boolean,
    p_action text,
    p_method text,
    p_path text,
    p_status integer,
    p_source_ip text,
    p_user_agent text,
    p_targets jsonb,
    p_changed text[],
    p_reason text DEFAULT NULL,
    p_route text DEFAULT NULL
) RETURNS TABLE (rejection text, row_id uuid, row_at timestamptz, actor jsonb, tenant uuid, outcome integer)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    named text := nullif(current_setting('holdfast.actor', true), '');
    named_tenant uuid := nullif(current_setting('holdfast.audit_tenant', true), '')::uuid;
    authorized boolean;
BEGIN
    rejection := request_rejection();
    outcome := CASE WHEN rejection IS NOT NULL THEN problem_status(rejection)
                    ELSE coalesce(nullif(current_setting('holdfast.status', true), '')::integer, p_status) END;
    IF (NOT p_always AND outcome < 400)
        OR (rejection IS NULL AND coalesce(current_setting('holdfast.again', true), '') <> '') THEN
        RETURN NEXT; RETURN;
    END IF;
    IF named IS NULL AND named_tenant IS NULL THEN
        actor := '{"kind": "anonymous"}';
        tenant := '00000000-0000-0000-0000-000000000000';
    ELSIF request_binding(named_tenant, named) IS NOT DISTINCT FROM current_setting('holdfast.binding', true) THEN
        actor := named::jsonb;
        tenant := named_tenant;
    ELSE
        RAISE EXCEPTION 'no function authorized this actor in this transaction' USING ERRCODE = 'insufficient_privilege';
    END IF;
    authorized := coalesce((actor ->> 'live')::boolean, false);
    actor := actor - 'live';
    -- Nothing succeeds without a principal that is live, whatever the caller says. The owner's commands have none.
    IF outcome < 400 AND NOT authorized
        AND (actor ->> 'kind' <> 'anonymous' OR NOT pg_has_role(session_user, 'holdfast_definer', 'MEMBER')) THEN
        RAISE EXCEPTION 'this transaction has no principal that is live' USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- What anybody can send without end is counted. A sign-in that was evaluated has its row, which names the user: the
    -- attempts at a user are limited.
    IF outcome >= 400 AND NOT authorized
        AND (rejection IS DISTINCT FROM 'invalid_credentials' OR NOT p_targets ? 'user_id') THEN
        PERFORM count_rejection(p_tenant => tenant, p_actor => actor, p_request_id => p_request_id,
            p_action => p_action, p_method => p_method, p_route => coalesce(p_route, p_path), p_status => outcome,
            p_source_ip => p_source_ip, p_user_agent => p_user_agent, p_user => p_targets ->> 'user_id');
        RETURN NEXT; RETURN;
    END IF;
    row_at := clock_timestamp();
    row_id := audit_row_id(row_at);
    INSERT INTO http_audit_log (id, at, request_id, tenant_id, actor_kind, actor_id, actor_name, role, session_id,
        action, method, path, status, source_ip, user_agent, reason, targets, changed)
    VALUES (row_id, row_at, p_request_id, tenant, actor ->> 'kind', (actor ->> 'id')::uuid, actor ->> 'name',
        actor ->> 'role', (actor ->> 'session_id')::uuid, p_action, p_method, p_path, outcome, p_source_ip, p_user_agent,
        p_reason, p_targets,
        CASE WHEN outcome < 400 AND coalesce(current_setting('holdfast.replay', true), '') = '' THEN p_changed
             ELSE '{}' END);
    RETURN NEXT;
END $$;

COMMENT ON FUNCTION record_audit IS
    'Appends this transaction''s audit row with the final outcome: the status of the rejection, or the statements'' '
    'own, or the expected one. Without p_always only rejections are recorded. Actor, tenant and session are those that '
    'this transaction was authorized for. Id, time, transaction and epoch are the database''s own. A rejection without '
    'a principal that is live is counted instead (count_rejection), and has no row id.';
ALTER FUNCTION record_audit OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION record_audit TO holdfast_auth, holdfast_accounts, holdfast_admin, holdfast_metrics;
