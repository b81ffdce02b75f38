CREATE OR REPLACE FUNCTION complete_sign_in(
    p_now timestamptz,
    p_user uuid,
    p_password_hash text,
    p_session uuid,
    p_expires_at timestamptz,
    p_refresh_hash bytea,
    p_source_ip text,
    p_user_agent text,
    p_address_key bytea,
    p_user_key bytea,
    p_pair_key bytea,
    p_otp_step bigint,
    p_recovery_hash bytea,
    p_needs_mfa boolean
) RETURNS TABLE (rejection text, kid text, provider_key text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    u users;
    has_totp boolean;
BEGIN
    rejection := request_rejection();
    IF rejection IS NOT NULL THEN
        RETURN NEXT; RETURN;
    END IF;
    SELECT users.* INTO u FROM users JOIN tenants ON tenants.id = users.tenant_id
     WHERE users.id = p_user AND users.password_hash = p_password_hash
       AND users.status = 'active' AND tenants.status = 'active'
       FOR SHARE OF users;
    IF NOT FOUND THEN
        rejection := reject('invalid_credentials'); RETURN NEXT; RETURN;
    END IF;
    has_totp := EXISTS (SELECT FROM totp_secrets s WHERE s.user_id = u.id AND s.confirmed_at IS NOT NULL);
    IF has_totp AND p_otp_step IS NULL AND p_recovery_hash IS NULL THEN
        PERFORM give_back_sign_in(u.tenant_id, u.id, p_now, p_address_key, p_user_key, p_pair_key);
        rejection := reject('mfa_required'); RETURN NEXT; RETURN;
    ELSIF has_totp AND NOT use_otp(u.id, p_otp_step, p_recovery_hash, p_now) THEN
        rejection := reject('invalid_credentials'); RETURN NEXT; RETURN;
    END IF;
    PERFORM give_back_sign_in(u.tenant_id, u.id, p_now, p_address_key, p_user_key, p_pair_key);
    -- Password and code were right: what the user mistyped here before is forgotten.
    DELETE FROM attempts WHERE key = p_pair_key;
    INSERT INTO sessions (id, tenant_id, user_id, created_at, expires_at, refreshed_at, authenticated_at, source_ip,
        address_key, user_agent, mfa_pending)
    VALUES (p_session, u.tenant_id, u.id, p_now, p_expires_at, p_now, p_now, p_source_ip, p_address_key, p_user_agent,
        p_needs_mfa AND NOT has_totp);
    INSERT INTO refresh_tokens (hash, session_id, tenant_id, created_at)
    VALUES (p_refresh_hash, p_session, u.tenant_id, p_now);
    PERFORM begin_request(u.tenant_id, 'user', u.id, u.username, u.role, p_session);
    RETURN QUERY SELECT NULL::text, k.kid, k.provider_key
      FROM (VALUES (1)) AS one LEFT JOIN active_signing_key(p_now) k ON true;
END $$;

COMMENT ON FUNCTION complete_sign_in IS
    'Opens the session after the password was verified, unless the user was changed or suspended in between, or a '
    'one-time code is missing or was used before. Returns the rejection, or the key that signs.';
ALTER FUNCTION complete_sign_in OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION complete_sign_in TO holdfast_auth;
