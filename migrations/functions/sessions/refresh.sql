CREATE OR REPLACE FUNCTION refresh_session(
    p_hash bytea,
    p_seed bytea,
    p_successor_hash bytea,
    p_now timestamptz,
    p_operator_idle_minutes integer
) RETURNS TABLE (
    rejection text,
    tenant_id uuid,
    user_id uuid,
    session_id uuid,
    role text,
    expires_at timestamptz,
    authenticated_at timestamptz,
    seed bytea,
    kid text,
    provider_key text
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    t refresh_tokens;
    s sessions;
    u users;
BEGIN
    rejection := request_rejection();
    IF rejection IS NOT NULL THEN
        RETURN NEXT; RETURN;
    END IF;
    -- Simultaneous uses of one token queue for the lock: the first rotates it, the others get its successor. The
    -- session is locked, as everywhere: locking the token row first could deadlock with a concurrent deletion of the
    -- user.
    SELECT sessions.* INTO s FROM sessions
     WHERE id = (SELECT r.session_id FROM refresh_tokens r WHERE r.hash = p_hash) FOR UPDATE;
    SELECT * INTO t FROM refresh_tokens WHERE hash = p_hash;
    IF NOT FOUND THEN
        rejection := reject('unauthenticated'); RETURN NEXT; RETURN;
    END IF;
    SELECT users.* INTO u FROM users JOIN tenants ON tenants.id = users.tenant_id
     WHERE users.id = s.user_id AND users.status = 'active' AND tenants.status = 'active';
    IF NOT FOUND OR s.ended_at IS NOT NULL OR s.expires_at <= p_now THEN
        rejection := reject('unauthenticated'); RETURN NEXT; RETURN;
    END IF;
    IF u.role = 'operator' AND s.refreshed_at <= p_now - make_interval(mins => p_operator_idle_minutes) THEN
        UPDATE sessions SET ended_at = p_now, end_reason = 'idle' WHERE id = s.id;
        rejection := reject('unauthenticated'); RETURN NEXT; RETURN;
    END IF;
    PERFORM begin_request(u.tenant_id, 'user', u.id, u.username, u.role, s.id);
    IF t.used_at IS NULL THEN
        UPDATE refresh_tokens SET used_at = p_now, successor_seed = p_seed, successor_hash = p_successor_hash
         WHERE hash = p_hash;
        INSERT INTO refresh_tokens (hash, session_id, tenant_id, created_at)
        VALUES (p_successor_hash, s.id, s.tenant_id, p_now);
        UPDATE sessions SET refreshed_at = p_now WHERE id = s.id;
        t.successor_seed := p_seed;
    ELSIF t.used_at < p_now - interval '10 seconds'
       OR EXISTS (SELECT FROM refresh_tokens n WHERE n.hash = t.successor_hash AND n.used_at IS NOT NULL) THEN
        -- Two parties hold this session's tokens, and nothing distinguishes the thief from the user: end the session.
        UPDATE sessions SET ended_at = p_now, end_reason = 'reuse' WHERE id = s.id;
        rejection := reject('unauthenticated'); RETURN NEXT; RETURN;
    END IF;
    RETURN QUERY SELECT NULL::text, u.tenant_id, u.id, s.id, u.role, s.expires_at, s.authenticated_at,
           t.successor_seed, k.kid, k.provider_key
      FROM (VALUES (1)) AS one LEFT JOIN active_signing_key(p_now) k ON true;
END $$;

COMMENT ON FUNCTION refresh_session IS
    'Rotates a refresh token and returns the key that signs. The same token again within 10 seconds, its successor '
    'unused, gets the same successor; later it ends the session. An operator''s session ends without a refresh for so '
    'many minutes.';
ALTER FUNCTION refresh_session OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION refresh_session TO holdfast_auth;
