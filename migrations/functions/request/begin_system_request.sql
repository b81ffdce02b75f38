CREATE OR REPLACE FUNCTION begin_system_request(p_tenant uuid) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT begin_request(p_tenant, 'system', NULL, session_user::text, 'operator', NULL)
$$;

COMMENT ON FUNCTION begin_system_request IS
    'Begins what the schema''s owner does on the database itself: migrations and commands of operators. The login is the '
    'actor''s name, as the database knows it. No login of a function may call it.';
ALTER FUNCTION begin_system_request OWNER TO holdfast_definer;
