CREATE OR REPLACE FUNCTION reserve_quota(p_kind text, p_count bigint DEFAULT 1) RETURNS boolean
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    IF try_reserve_quota(p_kind, p_count) THEN
        RETURN true;
    END IF;
    PERFORM reject('quota_exceeded');
    RETURN false;
END $$;

COMMENT ON FUNCTION reserve_quota IS 'As try_reserve_quota, and rejects the request where nothing was reserved.';
GRANT EXECUTE ON FUNCTION reserve_quota TO holdfast_auth, holdfast_accounts, holdfast_admin;
