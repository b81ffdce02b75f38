CREATE OR REPLACE FUNCTION is_known_address(p_tenant uuid, p_user uuid, p_address_key bytea, p_now timestamptz)
RETURNS boolean
LANGUAGE sql STABLE
RETURN EXISTS (
    SELECT FROM sessions
     WHERE tenant_id = p_tenant AND user_id = p_user AND address_key = p_address_key
       AND created_at > p_now - interval '30 days');

COMMENT ON FUNCTION is_known_address IS
    'True where the user signed in from this address within 30 days: attempts from elsewhere do not delay the user '
    'there.';
GRANT EXECUTE ON FUNCTION is_known_address TO holdfast_definer;
