CREATE OR REPLACE FUNCTION create_binding_key() RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
    -- HMAC (RFC 2104): the 32 bytes of the key fill a block of 64 with zeros, and are combined with 0x36 and 0x5c.
    INSERT INTO request_binding_keys (inner_pad, outer_pad)
    SELECT decode(string_agg(lpad(to_hex(byte # 54), 2, '0'), '' ORDER BY at), 'hex'),
           decode(string_agg(lpad(to_hex(byte # 92), 2, '0'), '' ORDER BY at), 'hex')
      FROM (SELECT sha256(string_agg(uuid_send(gen_random_uuid()), ''::bytea)) || decode(repeat('00', 32), 'hex') AS k
              FROM generate_series(1, 4)) AS block,
           LATERAL (SELECT at, get_byte(k, at) AS byte FROM generate_series(0, 63) AS at) AS bytes
    HAVING NOT EXISTS (SELECT FROM request_binding_keys)
    ON CONFLICT DO NOTHING
$$;

COMMENT ON FUNCTION create_binding_key IS
    'Creates the key that binds actors to transactions, where there is none: after the first migration and after a restore.';
ALTER FUNCTION create_binding_key OWNER TO holdfast_definer;
