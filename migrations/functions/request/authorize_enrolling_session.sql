CREATE OR REPLACE FUNCTION authorize_enrolling_session(
    p_session uuid,
    p_user uuid,
    p_tenant uuid,
    p_role text,
    p_now timestamptz,
    p_chosen uuid
) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    found_name text;
    found_role text;
    live boolean;
BEGIN
    SELECT u.username, u.role, s.ended_at IS NULL AND s.expires_at > p_now AND u.role = p_role AND u.status = 'active'
           AND t.status = 'active'
      INTO found_name, found_role, live
      FROM sessions s JOIN users u ON u.id = s.user_id JOIN tenants t ON t.id = s.tenant_id
     WHERE s.id = p_session AND s.user_id = p_user AND s.tenant_id = p_tenant;
    IF NOT FOUND THEN
        RETURN reject('unauthenticated');
    END IF;
    -- The audit row names the user of a session that exists, even where it is rejected.
    PERFORM begin_request(p_tenant, 'user', p_user, found_name, found_role, p_session, live);
    IF NOT live THEN
        RETURN reject('unauthenticated');
    END IF;
    IF p_chosen IS NOT NULL AND p_chosen <> p_tenant THEN
        IF p_role <> 'operator' THEN
            RETURN reject('tenant_mismatch');
        END IF;
        PERFORM FROM tenants WHERE id = p_chosen;
        IF NOT FOUND THEN
            RETURN reject('not_found');
        END IF;
        PERFORM begin_request(p_chosen, 'user', p_user, found_name, p_role, p_session);
    END IF;
    RETURN request_rejection();
END $$;

COMMENT ON FUNCTION authorize_enrolling_session IS
    'As authorize_session, and admits a session that may only enrol a second factor: for the routes that do that.';
ALTER FUNCTION authorize_enrolling_session OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION authorize_enrolling_session TO holdfast_auth;
