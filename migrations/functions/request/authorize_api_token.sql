CREATE OR REPLACE FUNCTION authorize_api_token(p_hash bytea, p_tenant uuid, p_permission text, p_now timestamptz)
RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    t api_tokens;
    live boolean;
BEGIN
    SELECT * INTO t FROM api_tokens WHERE hash = p_hash AND tenant_id = p_tenant;
    IF NOT FOUND THEN
        RETURN reject('unauthenticated');
    END IF;
    live := t.revoked_at IS NULL AND t.expires_at > p_now
        AND EXISTS (SELECT FROM tenants WHERE id = t.tenant_id AND status = 'active');
    -- The audit row names a token that exists, even where it is rejected.
    PERFORM begin_request(t.tenant_id, 'api_token', t.id, t.name, NULL, NULL, live);
    IF NOT live THEN
        RETURN reject('unauthenticated');
    ELSIF p_permission IS NOT NULL AND p_permission <> ALL (t.scopes) THEN
        RETURN reject('forbidden');
    ELSIF request_rejection() IS NOT NULL THEN
        RETURN request_rejection();
    END IF;
    IF t.last_used_at IS NULL OR t.last_used_at <= p_now - interval '1 minute' THEN
        -- Requests with one token do not wait for each other here: one of them writes.
        UPDATE api_tokens SET last_used_at = p_now
         WHERE id = (SELECT id FROM api_tokens WHERE id = t.id FOR UPDATE SKIP LOCKED);
    END IF;
    RETURN NULL;
END $$;

COMMENT ON FUNCTION authorize_api_token IS
    'Authorizes an API token''s request for this transaction where the token and its tenant are live and its scopes '
    'include the permission. Returns the rejection, or NULL.';
ALTER FUNCTION authorize_api_token OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION authorize_api_token TO holdfast_auth, holdfast_accounts, holdfast_admin, holdfast_metrics;
