CREATE OR REPLACE FUNCTION begin_anonymous_request(p_tenant uuid) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    PERFORM FROM tenants WHERE id = p_tenant;
    IF FOUND THEN
        PERFORM begin_request(p_tenant, 'anonymous', NULL, NULL, NULL, NULL, false);
    END IF;
END $$;

COMMENT ON FUNCTION begin_anonymous_request IS
    'Names the tenant of a sign-in in the audit row, before any principal is known; without effect where there is no '
    'such tenant.';
ALTER FUNCTION begin_anonymous_request OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION begin_anonymous_request TO holdfast_auth;
