CREATE OR REPLACE FUNCTION keep_idempotency_key(
    p_key text,
    p_hash bytea,
    p_now timestamptz,
    p_status integer,
    p_headers jsonb,
    p_body bytea,
    p_key_version integer
) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    INSERT INTO idempotency_keys (tenant_id, actor_id, key, request_hash, status, headers, body, created_at,
        key_version)
    SELECT current_tenant(), (current_setting('holdfast.actor')::jsonb ->> 'id')::uuid, p_key, p_hash, p_status,
           p_headers, p_body, p_now, p_key_version
     WHERE current_tenant() IS NOT NULL;
END $$;

COMMENT ON FUNCTION keep_idempotency_key IS
    'Stores the response of a request that succeeded, in the request''s transaction.';
ALTER FUNCTION keep_idempotency_key OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION keep_idempotency_key TO holdfast_auth, holdfast_accounts, holdfast_admin;
