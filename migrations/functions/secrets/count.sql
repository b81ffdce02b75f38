CREATE OR REPLACE FUNCTION count_secrets(p_account uuid) RETURNS bigint
LANGUAGE sql STABLE
RETURN (
    SELECT count(*) FROM secrets
     WHERE tenant_id = current_tenant() AND account_id = p_account AND deleted_at IS NULL
);

COMMENT ON FUNCTION count_secrets IS 'Number of secrets of an account.';
GRANT EXECUTE ON FUNCTION count_secrets TO holdfast_accounts;
