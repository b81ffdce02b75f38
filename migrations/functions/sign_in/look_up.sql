CREATE OR REPLACE FUNCTION look_up_sign_in(
    p_slug text,
    p_username_key text,
    p_now timestamptz,
    p_address_key bytea,
    p_user_key bytea,
    p_pair_key bytea
) RETURNS TABLE (
    tenant_id uuid,
    user_id uuid,
    username text,
    role text,
    password_hash text,
    retry_after integer,
    totp bytea,
    totp_step bigint,
    key_version integer,
    key_wrapped bytea,
    key_provider text,
    key_provider_key text
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    SELECT t.id, u.id, u.username, u.role,
           CASE WHEN t.status = 'active' AND u.status = 'active' THEN u.password_hash END,
           s.sealed, s.last_step, k.version, k.wrapped, k.provider, k.provider_key
      INTO tenant_id, user_id, username, role, password_hash, totp, totp_step, key_version, key_wrapped, key_provider,
           key_provider_key
      FROM tenants t
      LEFT JOIN users u ON u.tenant_id = t.id AND u.username_key = p_username_key
      LEFT JOIN totp_secrets s ON s.user_id = u.id AND s.confirmed_at IS NOT NULL
      LEFT JOIN vault_keys k ON k.tenant_id = s.tenant_id AND k.purpose = 'totp' AND k.version = s.key_version
     WHERE t.slug = coalesce(p_slug, 'platform') AND (p_slug IS NULL) = (t.id = '00000000-0000-0000-0000-000000000000');
    IF is_known_address(tenant_id, user_id, p_address_key, p_now) THEN
        retry_after := take_attempt(ARRAY['known_pair'], ARRAY[p_pair_key], p_now);
    ELSE
        retry_after := take_attempt(
            ARRAY['address', 'user', 'pair'], ARRAY[p_address_key, p_user_key, p_pair_key], p_now);
    END IF;
    RETURN NEXT;
END $$;

COMMENT ON FUNCTION look_up_sign_in IS
    'Counts a sign-in before it is evaluated. Always one row: tenant and user as far as they exist, the hash to verify '
    'the password against where the user may sign in, the seconds to wait where there were too many attempts, and the '
    'sealed TOTP secret.';
ALTER FUNCTION look_up_sign_in OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION look_up_sign_in TO holdfast_auth;
