CREATE OR REPLACE FUNCTION request_rejection() RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('holdfast.rejection', true), '');

COMMENT ON FUNCTION request_rejection IS
    'The problem code with which this transaction''s request was rejected; NULL while it was not.';
GRANT EXECUTE ON FUNCTION request_rejection
    TO holdfast_auth, holdfast_accounts, holdfast_admin, holdfast_metrics, holdfast_definer;
