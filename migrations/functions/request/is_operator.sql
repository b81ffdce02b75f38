CREATE OR REPLACE FUNCTION is_operator() RETURNS boolean
LANGUAGE sql STABLE
RETURN current_tenant() IS NOT NULL
    AND (nullif(current_setting('holdfast.actor', true), '')::jsonb ->> 'role') IS NOT DISTINCT FROM 'operator';

COMMENT ON FUNCTION is_operator IS
    'True where the request is an operator''s, on the platform or in a chosen tenant, and was not rejected.';
GRANT EXECUTE ON FUNCTION is_operator TO holdfast_definer;
