CREATE OR REPLACE FUNCTION audit_row_id(p_at timestamptz) RETURNS uuid
LANGUAGE sql VOLATILE
RETURN encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        PLACING substr(int8send(floor(extract(epoch FROM p_at) * 1000)::bigint), 3) FROM 1 FOR 6), 52, 1), 53, 1),
    'hex')::uuid;

COMMENT ON FUNCTION audit_row_id IS
    'A new id for a row of the audit log: a version 7 UUID (RFC 9562) of this time. The time in it decides to which month '
    'the row belongs when that is dropped.';
GRANT EXECUTE ON FUNCTION audit_row_id TO holdfast_definer;
