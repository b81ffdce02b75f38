CREATE OR REPLACE FUNCTION quota_usage(p_kind text) RETURNS bigint
LANGUAGE sql STABLE
RETURN CASE p_kind
    WHEN 'accounts' THEN (SELECT count(*) FROM accounts WHERE tenant_id = current_tenant() AND deleted_at IS NULL)
    WHEN 'users' THEN (SELECT count(*) FROM users WHERE tenant_id = current_tenant())
    WHEN 'api_tokens' THEN (SELECT count(*) FROM api_tokens WHERE tenant_id = current_tenant() AND revoked_at IS NULL)
    WHEN 'secrets' THEN (
        SELECT count(*) FROM secrets s JOIN accounts a ON a.id = s.account_id AND a.tenant_id = s.tenant_id
         WHERE s.tenant_id = current_tenant() AND s.deleted_at IS NULL AND a.deleted_at IS NULL)
    ELSE 0 END;

COMMENT ON FUNCTION quota_usage IS 'Number of objects of a kind that the tenant holds: what its quota has in use.';
GRANT EXECUTE ON FUNCTION quota_usage TO holdfast_definer;
