-- The state of a request's transaction is in these settings, which end with it:
--   holdfast.tenant         the tenant acted in; empty before authorization, after a rejection and in a replay
--   holdfast.audit_tenant   the tenant that the audit row names; survives a rejection
--   holdfast.actor          the principal, as JSON: kind, id, name, role, session_id, live
--   holdfast.binding        binds these two to the transaction (request_binding.sql): any session can write a setting
--   holdfast.rejection      the problem code of the first rejection; empty while there is none
--   holdfast.replay         'on' where the response was found under the request's Idempotency-Key
--   holdfast.status         the HTTP status, where the statements know it better than the caller
--   holdfast.again          'on' where nothing was done and the caller is about to send the same request again
CREATE OR REPLACE FUNCTION begin_request(
    p_tenant uuid,
    p_kind text,
    p_id uuid,
    p_name text,
    p_role text,
    p_session uuid,
    p_live boolean DEFAULT true
) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    actor text := json_build_object('kind', p_kind, 'id', p_id, 'name', p_name, 'role', p_role, 'session_id', p_session,
        'live', p_live)::text;
BEGIN
    PERFORM set_config('holdfast.audit_tenant', p_tenant::text, true), set_config('holdfast.actor', actor, true),
        set_config('holdfast.binding', request_binding(p_tenant, actor), true);
    -- A transaction that was rejected stays rejected.
    IF p_live AND request_rejection() IS NULL THEN
        PERFORM set_config('holdfast.tenant', p_tenant::text, true);
    END IF;
END $$;

COMMENT ON FUNCTION begin_request IS
    'Sets this transaction''s actor and tenant, bound to the transaction. Only the functions that authorize requests '
    'and sign users in call it. A principal that is not live is only named: its request is about to be rejected.';
GRANT EXECUTE ON FUNCTION begin_request TO holdfast_definer;
