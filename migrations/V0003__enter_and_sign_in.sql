-- The gate: what runs before a tenant is known. Each function is owned by holdfast_gate, fixes its search
-- path, and says no by reject(), never by raising, so that the refusal's audit row commits in the same flight.

CREATE FUNCTION begin_request(tenant uuid, kind text, id uuid, name text, role text, session uuid) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM set_config('holdfast.tenant', tenant::text, true);
    PERFORM set_config('holdfast.actor', json_build_object('kind', kind, 'id', id, 'name', name, 'role', role, 'session_id', session)::text, true);
END $$;
COMMENT ON FUNCTION begin_request(uuid, text, uuid, text, text, uuid) IS 'Sets this transaction''s tenant and actor. Only the gate''s functions call it.';

CREATE FUNCTION authorize_session(p_session uuid, p_user uuid, p_tenant uuid, p_role text, p_now timestamptz, p_chosen uuid)
RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE found_name text;
BEGIN
    SELECT u.username INTO found_name
      FROM sessions s JOIN users u ON u.id = s.user_id JOIN tenants t ON t.id = s.tenant_id
     WHERE s.id = p_session AND s.user_id = p_user AND s.tenant_id = p_tenant AND u.role = p_role
       AND s.ended_at IS NULL AND s.expires_at > p_now AND u.status = 'active' AND t.status = 'active';
    IF NOT FOUND THEN
        RETURN reject('unauthenticated');
    END IF;
    PERFORM begin_request(p_tenant, 'user', p_user, found_name, p_role, p_session);
    IF p_chosen IS NOT NULL AND p_chosen <> p_tenant THEN
        IF p_role <> 'operator' THEN
            RETURN reject('tenant_mismatch');
        END IF;
        PERFORM FROM tenants WHERE id = p_chosen;
        IF NOT FOUND THEN
            RETURN reject('not_found');
        END IF;
        PERFORM set_config('holdfast.tenant', p_chosen::text, true);
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION authorize_session(uuid, uuid, uuid, text, timestamptz, uuid) IS
    'Lets a request in, for this transaction, when its session, user and tenant are live and the token''s role and tenant are the stored ones. An operator may choose a tenant.';

CREATE FUNCTION login_lookup(p_slug text, p_username text, p_source_ip text, p_now timestamptz, p_user_key bytea, p_pair_key bytea, p_address_key bytea)
RETURNS TABLE (user_id uuid, tenant_id uuid, username text, role text, password_hash text, retry_after integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE blocked timestamptz; known boolean;
BEGIN
    SELECT t.id, u.id, u.username, u.role, CASE WHEN t.status = 'active' AND u.status = 'active' THEN u.password_hash END
      INTO tenant_id, user_id, username, role, password_hash
      FROM tenants t LEFT JOIN users u ON u.tenant_id = t.id AND lower(u.username) = lower(p_username)
     WHERE t.slug = coalesce(p_slug, 'platform') AND (p_slug IS NULL) = (t.id = '00000000-0000-0000-0000-000000000000');
    -- Who signed in from this address before is not stopped by what others do to the user's name elsewhere.
    known := EXISTS (SELECT FROM sessions s WHERE s.tenant_id = login_lookup.tenant_id AND s.user_id = login_lookup.user_id
                        AND s.source_ip = p_source_ip AND s.created_at > p_now - interval '30 days');
    SELECT max(blocked_until) INTO blocked FROM login_throttles
     WHERE key = p_pair_key OR key = p_address_key OR (key = p_user_key AND NOT known);
    retry_after := CASE WHEN blocked > p_now THEN ceil(extract(epoch FROM blocked - p_now)) END;
    RETURN NEXT;
END $$;
COMMENT ON FUNCTION login_lookup(text, text, text, timestamptz, bytea, bytea, bytea) IS
    'One row, whoever is named: whom the attempt concerns, as far as they exist; the hash to check the password against, if they may sign in; the seconds to wait where sign-ins are throttled.';

CREATE FUNCTION login_failed(p_now timestamptz, p_user_key bytea, p_pair_key bytea, p_address_key bytea)
RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    -- free: failures that cost nothing; most: the longest wait in seconds. The address allows more (people share addresses),
    -- the user's own key waits least long, so that nobody can shut a user out from afar.
    INSERT INTO login_throttles AS t (key, failures, failed_at, blocked_until)
    SELECT k.key, 1, p_now, p_now
      FROM (VALUES (p_user_key, 10, 30), (p_pair_key, 5, 900), (p_address_key, 50, 900)) AS k (key, free, most)
     ORDER BY k.key
    ON CONFLICT (key) DO UPDATE SET
        failures = CASE WHEN t.failed_at < p_now - interval '1 day' THEN 1 ELSE t.failures + 1 END,
        failed_at = p_now,
        blocked_until = (
            SELECT p_now + make_interval(secs => CASE WHEN t.failed_at < p_now - interval '1 day' OR t.failures + 1 < free THEN 0
                                                      ELSE least(most, 2 ^ least(t.failures + 1 - free, 20)) END)
              FROM (VALUES (p_user_key, 10, 30), (p_pair_key, 5, 900), (p_address_key, 50, 900)) AS k (key, free, most) WHERE k.key = t.key);
    RETURN reject('invalid_credentials');
END $$;
COMMENT ON FUNCTION login_failed(timestamptz, bytea, bytea, bytea) IS
    'Counts a failed sign-in by user, by address, and by both together; past the free ones each failure doubles the wait.';

CREATE FUNCTION login_succeeded(p_now timestamptz, p_user uuid, p_password_hash text, p_session uuid, p_expires_at timestamptz,
    p_refresh_hash bytea, p_source_ip text, p_user_agent text, p_pair_key bytea)
RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE u users;
BEGIN
    SELECT users.* INTO u FROM users JOIN tenants ON tenants.id = users.tenant_id
     WHERE users.id = p_user AND users.password_hash = p_password_hash AND users.status = 'active' AND tenants.status = 'active'
       FOR SHARE OF users;
    IF NOT FOUND THEN
        RETURN reject('invalid_credentials');
    END IF;
    INSERT INTO sessions (id, tenant_id, user_id, created_at, expires_at, refreshed_at, source_ip, user_agent)
    VALUES (p_session, u.tenant_id, u.id, p_now, p_expires_at, p_now, p_source_ip, p_user_agent);
    INSERT INTO refresh_tokens (hash, session_id, tenant_id, created_at) VALUES (p_refresh_hash, p_session, u.tenant_id, p_now);
    DELETE FROM login_throttles WHERE key = p_pair_key;
    PERFORM begin_request(u.tenant_id, 'user', u.id, u.username, u.role, p_session);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION login_succeeded(timestamptz, uuid, text, uuid, timestamptz, bytea, text, text, bytea) IS
    'Opens the session after the password was right, unless the user changed or was suspended meanwhile.';

CREATE FUNCTION refresh_session(p_hash bytea, p_seed bytea, p_successor_hash bytea, p_now timestamptz)
RETURNS TABLE (refused text, session_id uuid, tenant_id uuid, user_id uuid, role text, expires_at timestamptz, seed bytea)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE t refresh_tokens; s sessions; u users;
BEGIN
    -- The lock makes simultaneous uses of one token queue up: the first rotates it, the others get its successor.
    SELECT * INTO t FROM refresh_tokens WHERE hash = p_hash FOR UPDATE;
    IF NOT FOUND THEN
        refused := reject('unauthenticated'); RETURN NEXT; RETURN;
    END IF;
    SELECT * INTO s FROM sessions WHERE id = t.session_id FOR UPDATE;
    SELECT users.* INTO u FROM users JOIN tenants ON tenants.id = users.tenant_id
     WHERE users.id = s.user_id AND users.status = 'active' AND tenants.status = 'active';
    IF NOT FOUND OR s.ended_at IS NOT NULL OR s.expires_at <= p_now THEN
        refused := reject('unauthenticated'); RETURN NEXT; RETURN;
    END IF;
    PERFORM begin_request(u.tenant_id, 'user', u.id, u.username, u.role, s.id);
    IF t.used_at IS NULL THEN
        UPDATE refresh_tokens SET used_at = p_now, successor_seed = p_seed, successor_hash = p_successor_hash WHERE hash = p_hash;
        INSERT INTO refresh_tokens (hash, session_id, tenant_id, created_at) VALUES (p_successor_hash, s.id, s.tenant_id, p_now);
        UPDATE sessions SET refreshed_at = p_now WHERE id = s.id;
        t.successor_seed := p_seed;
    ELSIF t.used_at < p_now - interval '10 seconds'
       OR EXISTS (SELECT FROM refresh_tokens n WHERE n.hash = t.successor_hash AND n.used_at IS NOT NULL) THEN
        -- Two parties hold this session's tokens. Which one is the thief cannot be told: end it for both.
        UPDATE sessions SET ended_at = p_now, end_reason = 'reuse' WHERE id = s.id;
        refused := reject('unauthenticated'); RETURN NEXT; RETURN;
    END IF;
    session_id := s.id; tenant_id := u.tenant_id; user_id := u.id; role := u.role; expires_at := s.expires_at; seed := t.successor_seed;
    RETURN NEXT;
END $$;
COMMENT ON FUNCTION refresh_session(bytea, bytea, bytea, timestamptz) IS
    'Rotates a refresh token. The same token again within 10 seconds, its successor unused, gives the same successor; later it ends the session.';

ALTER FUNCTION authorize_session(uuid, uuid, uuid, text, timestamptz, uuid) OWNER TO holdfast_gate;
ALTER FUNCTION login_lookup(text, text, text, timestamptz, bytea, bytea, bytea) OWNER TO holdfast_gate;
ALTER FUNCTION login_failed(timestamptz, bytea, bytea, bytea) OWNER TO holdfast_gate;
ALTER FUNCTION login_succeeded(timestamptz, uuid, text, uuid, timestamptz, bytea, text, text, bytea) OWNER TO holdfast_gate;
ALTER FUNCTION refresh_session(bytea, bytea, bytea, timestamptz) OWNER TO holdfast_gate;
GRANT EXECUTE ON FUNCTION begin_request(uuid, text, uuid, text, text, uuid) TO holdfast_gate;
GRANT EXECUTE ON FUNCTION
    authorize_session(uuid, uuid, uuid, text, timestamptz, uuid),
    login_lookup(text, text, text, timestamptz, bytea, bytea, bytea),
    login_failed(timestamptz, bytea, bytea, bytea),
    login_succeeded(timestamptz, uuid, text, uuid, timestamptz, bytea, text, text, bytea),
    refresh_session(bytea, bytea, bytea, timestamptz)
TO holdfast_app;
-- The metrics function checks sessions too, and nothing more.
GRANT EXECUTE ON FUNCTION authorize_session(uuid, uuid, uuid, text, timestamptz, uuid) TO holdfast_metrics;
