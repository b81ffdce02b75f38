CREATE OR REPLACE FUNCTION find_idempotency_key(p_key text, p_hash bytea, p_now timestamptz)
RETURNS TABLE (
    status smallint,
    headers jsonb,
    body bytea,
    key_version integer,
    provider text,
    provider_key text,
    wrapped bytea
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    kept idempotency_keys;
    actor uuid := (nullif(current_setting('holdfast.actor', true), '')::jsonb ->> 'id')::uuid;
    in_tenant uuid := current_tenant();
BEGIN
    IF current_tenant() IS NULL THEN
        RETURN;
    END IF;
    -- Requests with the same key wait for each other; the second finds the first one's response.
    PERFORM pg_advisory_xact_lock(hashtextextended(in_tenant::text || actor::text || p_key, 0));
    SELECT * INTO kept FROM idempotency_keys k WHERE k.tenant_id = in_tenant AND k.actor_id = actor AND k.key = p_key;
    IF NOT FOUND THEN
        RETURN;
    ELSIF kept.created_at <= p_now - interval '24 hours' THEN
        DELETE FROM idempotency_keys k WHERE k.tenant_id = in_tenant AND k.actor_id = actor AND k.key = p_key;
        RETURN;
    ELSIF kept.request_hash <> p_hash THEN
        PERFORM reject('idempotency_mismatch');
        RETURN;
    END IF;
    RETURN QUERY SELECT kept.status, kept.headers, kept.body, k.version, k.provider, k.provider_key, k.wrapped
      FROM (VALUES (1)) AS one
      LEFT JOIN vault_keys k
        ON k.tenant_id = in_tenant AND k.purpose = 'idempotency' AND k.version = kept.key_version;
    -- The work was done by the first request: as after a rejection, nothing more can be written.
    PERFORM set_config('holdfast.replay', 'on', true), set_config('holdfast.tenant', '', true);
END $$;

COMMENT ON FUNCTION find_idempotency_key IS
    'The response stored under this key, with the wrapped data key where it is sealed. No row where there is none; a '
    'rejection where the key belongs to another request.';
ALTER FUNCTION find_idempotency_key OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION find_idempotency_key TO holdfast_auth, holdfast_accounts, holdfast_admin;
