CREATE OR REPLACE FUNCTION administrator_report() RETURNS TABLE (administrators bigint, without_mfa bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT count(*),
           count(*) FILTER (WHERE NOT EXISTS (
               SELECT FROM totp_secrets s WHERE s.user_id = u.id AND s.confirmed_at IS NOT NULL))
      FROM users u JOIN tenants t ON t.id = u.tenant_id
     WHERE u.role IN ('admin', 'operator') AND u.status = 'active' AND t.status = 'active'
$$;

COMMENT ON FUNCTION administrator_report IS
    'Numbers of active admins and operators of the whole deployment: of all, and of those without one-time codes.';
ALTER FUNCTION administrator_report OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION administrator_report TO holdfast_admin, holdfast_maintenance;
