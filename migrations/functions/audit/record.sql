CREATE OR REPLACE FUNCTION record_audit(
    p_id uuid,
    p_at timestamptz,
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
    p_claimed_tenant uuid,
    p_claimed_user uuid,
    p_claimed_role text,
    p_claimed_session uuid
) RETURNS TABLE (rejection text, actor jsonb, tenant uuid, outcome integer, again boolean)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    rejection := request_rejection();
    actor := nullif(current_setting('holdfast.actor', true), '')::jsonb;
    tenant := coalesce(nullif(current_setting('holdfast.audit_tenant', true), '')::uuid, p_claimed_tenant,
        '00000000-0000-0000-0000-000000000000');
    outcome := CASE WHEN rejection IS NOT NULL THEN problem_status(rejection)
                    ELSE coalesce(nullif(current_setting('holdfast.status', true), '')::integer, p_status) END;
    again := rejection IS NULL AND coalesce(current_setting('holdfast.again', true), '') <> '';
    RETURN NEXT;
    IF (NOT p_always AND outcome < 400) OR again THEN
        RETURN;
    END IF;
    INSERT INTO http_audit_log (id, at, request_id, tenant_id, actor_kind, actor_id, actor_name, role, session_id,
        action, method, path, status, source_ip, user_agent, targets, changed)
    VALUES (p_id, p_at, p_request_id, tenant,
        coalesce(actor ->> 'kind', CASE WHEN p_claimed_user IS NULL THEN 'anonymous' ELSE 'user' END),
        coalesce((actor ->> 'id')::uuid, p_claimed_user), actor ->> 'name', coalesce(actor ->> 'role', p_claimed_role),
        coalesce((actor ->> 'session_id')::uuid, p_claimed_session),
        p_action, p_method, p_path, outcome, p_source_ip, p_user_agent, p_targets,
        CASE WHEN outcome < 400 AND coalesce(current_setting('holdfast.replay', true), '') = '' THEN p_changed
             ELSE '{}' END);
END $$;

COMMENT ON FUNCTION record_audit IS
    'Appends this transaction''s audit row with the final outcome: the status of the rejection, or the statements'' '
    'own, or the expected one. Returns it with the actor and tenant. Without p_always only rejections are recorded. '
    'The claimed actor is recorded where authorization found none.';
GRANT EXECUTE ON FUNCTION record_audit TO holdfast_app, holdfast_metrics;
