-- Every row-level security policy asks this function, so its signature never changes.
CREATE OR REPLACE FUNCTION current_tenant() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('holdfast.tenant', true), '')::uuid;

COMMENT ON FUNCTION current_tenant IS
    'The tenant that this transaction acts in. NULL before a request is authorized and after it is rejected: then '
    'row-level security shows no row and accepts none.';
GRANT EXECUTE ON FUNCTION current_tenant
    TO holdfast_auth, holdfast_accounts, holdfast_admin, holdfast_metrics, holdfast_backup, holdfast_maintenance,
       holdfast_definer;
