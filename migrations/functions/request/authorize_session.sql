CREATE OR REPLACE FUNCTION authorize_session(
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
    rejection text := authorize_enrolling_session(p_session, p_user, p_tenant, p_role, p_now, p_chosen);
BEGIN
    IF rejection IS NULL AND EXISTS (SELECT FROM sessions WHERE id = p_session AND mfa_pending) THEN
        RETURN reject('mfa_required');
    END IF;
    RETURN rejection;
END $$;

COMMENT ON FUNCTION authorize_session IS
    'Authorizes a request for this transaction where its session, user and tenant are live and the token''s role and '
    'tenant are the stored ones. An operator may choose a tenant. Returns the rejection, or NULL.';
ALTER FUNCTION authorize_session OWNER TO holdfast_definer;
-- The metrics function authorizes sessions too.
GRANT EXECUTE ON FUNCTION authorize_session TO holdfast_auth, holdfast_accounts, holdfast_admin, holdfast_metrics;
