CREATE OR REPLACE FUNCTION problem_status(p_code text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE p_code
    WHEN 'invalid_request' THEN 400
    WHEN 'validation_failed' THEN 400
    WHEN 'reason_required' THEN 400
    WHEN 'unauthenticated' THEN 401
    WHEN 'invalid_credentials' THEN 401
    WHEN 'mfa_required' THEN 401
    WHEN 'reauthentication_required' THEN 401
    WHEN 'forbidden' THEN 403
    WHEN 'jwt_required' THEN 403
    WHEN 'tenant_mismatch' THEN 403
    WHEN 'quota_exceeded' THEN 403
    WHEN 'not_found' THEN 404
    WHEN 'method_not_allowed' THEN 405
    WHEN 'conflict' THEN 409
    WHEN 'precondition_failed' THEN 412
    WHEN 'payload_too_large' THEN 413
    WHEN 'uri_too_long' THEN 414
    WHEN 'unsupported_media_type' THEN 415
    WHEN 'idempotency_mismatch' THEN 422
    WHEN 'rate_limited' THEN 429
    WHEN 'unavailable' THEN 503
    ELSE 500 END;

COMMENT ON FUNCTION problem_status IS
    'HTTP status of a problem code, for the audit row. A test holds it equal to the table in shared/src/problem.rs.';
GRANT EXECUTE ON FUNCTION problem_status TO holdfast_definer;
