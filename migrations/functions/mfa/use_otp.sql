CREATE OR REPLACE FUNCTION use_otp(p_user uuid, p_step bigint, p_recovery_hash bytea, p_now timestamptz) RETURNS boolean
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    IF p_recovery_hash IS NOT NULL THEN
        UPDATE recovery_codes SET used_at = p_now WHERE user_id = p_user AND hash = p_recovery_hash AND used_at IS NULL;
    ELSE
        UPDATE totp_secrets SET last_step = p_step WHERE user_id = p_user AND last_step < p_step;
    END IF;
    RETURN FOUND;
END $$;

COMMENT ON FUNCTION use_otp IS 'Consumes a code that was verified: false where it, or a later one, was used before.';
GRANT EXECUTE ON FUNCTION use_otp TO holdfast_auth, holdfast_definer;
