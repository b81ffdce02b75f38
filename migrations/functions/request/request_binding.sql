CREATE OR REPLACE FUNCTION request_binding(p_tenant uuid, p_actor text) RETURNS text
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    key request_binding_keys;
BEGIN
    SELECT * INTO key FROM request_binding_keys;
    IF NOT FOUND THEN
        -- A restored database that no migration ran on yet.
        PERFORM create_binding_key();
        SELECT * INTO key FROM request_binding_keys;
    END IF;
    RETURN encode(sha256(key.outer_pad || sha256(key.inner_pad || int4send(pg_backend_pid()) || timestamptz_send(now())
        || uuid_send(p_tenant) || convert_to(p_actor, 'UTF8'))), 'hex');
END $$;

COMMENT ON FUNCTION request_binding IS
    'MAC (HMAC-SHA-256) of an actor and its tenant in this transaction, which the backend and the start of the '
    'transaction identify.';
GRANT EXECUTE ON FUNCTION request_binding TO holdfast_definer;
