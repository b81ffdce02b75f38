CREATE OR REPLACE FUNCTION is_platform_operator() RETURNS boolean
LANGUAGE sql STABLE
RETURN current_tenant() IS NOT DISTINCT FROM '00000000-0000-0000-0000-000000000000'
    AND (nullif(current_setting('holdfast.actor', true), '')::jsonb ->> 'role') IS NOT DISTINCT FROM 'operator';

COMMENT ON FUNCTION is_platform_operator IS
    'True where the request is an operator''s, acts on the platform itself, and was not rejected.';
GRANT EXECUTE ON FUNCTION is_platform_operator TO holdfast_admin, holdfast_definer;
