CREATE OR REPLACE FUNCTION start_instance() RETURNS TABLE (schema_version integer, signing_keys jsonb, cursor_key bytea)
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT (SELECT max(version) FROM refinery_schema_history),
           (SELECT coalesce(
                jsonb_agg(jsonb_build_object(
                    'kid', k.kid, 'x', k.x, 'y', k.y, 'provider_key', k.provider_key, 'expires_at', k.expires_at,
                    'certificate', k.certificate)), '[]')
              FROM signing_keys k),
           (SELECT key FROM deployment_keys WHERE purpose = 'cursor')
$$;

COMMENT ON FUNCTION start_instance IS
    'What an instance must know before its first request: the schema''s version, the public signing keys, the cursor '
    'key.';
ALTER FUNCTION start_instance OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION start_instance
    TO holdfast_auth, holdfast_accounts, holdfast_admin, holdfast_health, holdfast_metrics, holdfast_maintenance;
