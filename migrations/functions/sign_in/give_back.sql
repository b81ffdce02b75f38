CREATE OR REPLACE FUNCTION give_back_sign_in(
    p_tenant uuid,
    p_user uuid,
    p_now timestamptz,
    p_address_key bytea,
    p_user_key bytea,
    p_pair_key bytea
) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF request_rejection() IS NOT NULL THEN
        RETURN;
    ELSIF NOT is_known_address(p_tenant, p_user, p_address_key, p_now) THEN
        PERFORM give_back_attempt(ARRAY[p_address_key, p_user_key]);
    END IF;
    PERFORM give_back_attempt(ARRAY[p_pair_key]);
END $$;

COMMENT ON FUNCTION give_back_sign_in IS
    'Takes a sign-in with the right password off the counts by which look_up_sign_in took it.';
ALTER FUNCTION give_back_sign_in OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION give_back_sign_in TO holdfast_auth;
