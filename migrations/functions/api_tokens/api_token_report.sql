CREATE OR REPLACE FUNCTION api_token_report(p_now timestamptz)
RETURNS TABLE (live bigint, unused bigint, orphaned bigint)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT count(*),
           count(*) FILTER (WHERE coalesce(t.last_used_at, t.created_at) <= p_now - interval '90 days'),
           count(*) FILTER (WHERE t.created_by IS NOT NULL AND NOT EXISTS (
               SELECT FROM users u WHERE u.id = t.created_by AND u.tenant_id = t.tenant_id AND u.status = 'active'))
      FROM api_tokens t WHERE t.revoked_at IS NULL AND t.expires_at > p_now
$$;

COMMENT ON FUNCTION api_token_report IS
    'Numbers of live API tokens of the whole deployment: of all, of those not used for 90 days, and of those whose '
    'creator is deleted or suspended.';
ALTER FUNCTION api_token_report OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION api_token_report TO holdfast_admin, holdfast_maintenance;
