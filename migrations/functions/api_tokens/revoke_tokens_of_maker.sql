CREATE OR REPLACE FUNCTION revoke_tokens_of_maker(p_user uuid, p_now timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    revoked bigint;
BEGIN
    UPDATE api_tokens SET revoked_at = p_now
     WHERE tenant_id = current_tenant() AND created_by = p_user AND revoked_at IS NULL;
    GET DIAGNOSTICS revoked = ROW_COUNT;
    IF revoked > 0 THEN
        PERFORM release_quota('api_tokens', revoked);
    END IF;
    RETURN revoked;
END $$;

COMMENT ON FUNCTION revoke_tokens_of_maker IS
    'Revokes the API tokens that a user created. Returns their number.';
GRANT EXECUTE ON FUNCTION revoke_tokens_of_maker TO holdfast_admin;
