CREATE OR REPLACE FUNCTION reject(p_code text) RETURNS text
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    -- A replayed request was accepted when it was first sent.
    IF p_code IS NOT NULL
        AND request_rejection() IS NULL
        AND coalesce(current_setting('holdfast.replay', true), '') = '' THEN
        PERFORM set_config('holdfast.rejection', p_code, true);
        -- From here on row-level security hides every row and accepts none: no later statement can write.
        PERFORM set_config('holdfast.tenant', '', true);
    END IF;
    RETURN request_rejection();
END $$;

COMMENT ON FUNCTION reject IS
    'Rejects the request with a problem code (NULL: no rejection): the first code stands, and the transaction leaves '
    'its tenant. Returns the rejection that stands, or NULL.';
GRANT EXECUTE ON FUNCTION reject
    TO holdfast_auth, holdfast_accounts, holdfast_admin, holdfast_metrics, holdfast_definer;
