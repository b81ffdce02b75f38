-- The gate again, now that users may have one-time codes and signing keys rotate.

CREATE OR REPLACE FUNCTION authorize_session(p_session uuid, p_user uuid, p_tenant uuid, p_role text, p_now timestamptz, p_chosen uuid)
RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE refused text := authorize_enrolling_session(p_session, p_user, p_tenant, p_role, p_now, p_chosen);
BEGIN
    IF refused IS NULL AND EXISTS (SELECT FROM sessions WHERE id = p_session AND mfa_pending) THEN
        RETURN reject('mfa_required');
    END IF;
    RETURN refused;
END $$;

CREATE FUNCTION authorize_enrolling_session(p_session uuid, p_user uuid, p_tenant uuid, p_role text, p_now timestamptz, p_chosen uuid)
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
COMMENT ON FUNCTION authorize_enrolling_session(uuid, uuid, uuid, text, timestamptz, uuid) IS
    'As enter, but lets in also a session that may only set up one-time codes: for the routes that do that.';

CREATE FUNCTION sign_in_wait(p_now timestamptz, p_user_key bytea, p_pair_key bytea, p_address_key bytea, p_known boolean)
RETURNS integer LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE WHEN max(blocked_until) > p_now THEN ceil(extract(epoch FROM max(blocked_until) - p_now))::integer END
      FROM login_throttles WHERE key = p_pair_key OR key = p_address_key OR (key = p_user_key AND NOT p_known)
$$;
COMMENT ON FUNCTION sign_in_wait(timestamptz, bytea, bytea, bytea, boolean) IS 'The seconds to wait before the next attempt with a password; NULL for none.';

DROP FUNCTION login_lookup(text, text, text, timestamptz, bytea, bytea, bytea);
CREATE FUNCTION login_lookup(p_slug text, p_username text, p_source_ip text, p_now timestamptz, p_user_key bytea, p_pair_key bytea, p_address_key bytea)
RETURNS TABLE (tenant_id uuid, user_id uuid, username text, role text, password_hash text, retry_after integer,
    totp bytea, totp_step bigint, key_version integer, key_wrapped bytea, key_provider text, key_provider_key text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE known boolean;
BEGIN
    SELECT t.id, u.id, u.username, u.role, CASE WHEN t.status = 'active' AND u.status = 'active' THEN u.password_hash END,
           s.sealed, s.last_step, k.version, k.wrapped, k.provider, k.provider_key
      INTO tenant_id, user_id, username, role, password_hash, totp, totp_step, key_version, key_wrapped, key_provider, key_provider_key
      FROM tenants t LEFT JOIN users u ON u.tenant_id = t.id AND lower(u.username) = lower(p_username)
      LEFT JOIN totp_secrets s ON s.user_id = u.id AND s.confirmed_at IS NOT NULL
      LEFT JOIN vault_keys k ON k.tenant_id = s.tenant_id AND k.version = s.key_version
     WHERE t.slug = coalesce(p_slug, 'platform') AND (p_slug IS NULL) = (t.id = '00000000-0000-0000-0000-000000000000');
    -- Who signed in from this address before is not stopped by what others do to the user's name elsewhere.
    known := EXISTS (SELECT FROM sessions s WHERE s.tenant_id = login_lookup.tenant_id AND s.user_id = login_lookup.user_id
                        AND s.source_ip = p_source_ip AND s.created_at > p_now - interval '30 days');
    retry_after := sign_in_wait(p_now, p_user_key, p_pair_key, p_address_key, known);
    RETURN NEXT;
END $$;
COMMENT ON FUNCTION login_lookup(text, text, text, timestamptz, bytea, bytea, bytea) IS
    'One row, whoever is named: whom the attempt concerns, as far as they exist; the hash to check the password against, if they may sign in; the seconds to wait where sign-ins are throttled; the sealed secret of their one-time codes.';

DROP FUNCTION login_succeeded(timestamptz, uuid, text, uuid, timestamptz, bytea, text, text, bytea);
CREATE FUNCTION login_succeeded(p_now timestamptz, p_user uuid, p_password_hash text, p_session uuid, p_expires_at timestamptz,
    p_refresh_hash bytea, p_source_ip text, p_user_agent text, p_pair_key bytea, p_otp_step bigint, p_recovery_hash bytea, p_needs_mfa boolean)
RETURNS TABLE (refused text, kid text, provider_key text) LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE u users; has_totp boolean;
BEGIN
    SELECT users.* INTO u FROM users JOIN tenants ON tenants.id = users.tenant_id
     WHERE users.id = p_user AND users.password_hash = p_password_hash AND users.status = 'active' AND tenants.status = 'active'
       FOR SHARE OF users;
    IF NOT FOUND THEN
        refused := reject('invalid_credentials'); RETURN NEXT; RETURN;
    END IF;
    has_totp := EXISTS (SELECT FROM totp_secrets s WHERE s.user_id = u.id AND s.confirmed_at IS NOT NULL);
    IF has_totp AND p_otp_step IS NULL AND p_recovery_hash IS NULL THEN
        refused := reject('mfa_required'); RETURN NEXT; RETURN;
    ELSIF has_totp AND NOT use_otp(u.id, p_otp_step, p_recovery_hash, p_now) THEN
        refused := reject('invalid_credentials'); RETURN NEXT; RETURN;
    END IF;
    INSERT INTO sessions (id, tenant_id, user_id, created_at, expires_at, refreshed_at, source_ip, user_agent, mfa_pending)
    VALUES (p_session, u.tenant_id, u.id, p_now, p_expires_at, p_now, p_source_ip, p_user_agent, p_needs_mfa AND NOT has_totp);
    INSERT INTO refresh_tokens (hash, session_id, tenant_id, created_at) VALUES (p_refresh_hash, p_session, u.tenant_id, p_now);
    DELETE FROM login_throttles WHERE key = p_pair_key;
    PERFORM begin_request(u.tenant_id, 'user', u.id, u.username, u.role, p_session);
    RETURN QUERY SELECT NULL::text, k.kid, k.provider_key FROM (VALUES (1)) AS one LEFT JOIN active_signing_key(p_now) k ON true;
END $$;
COMMENT ON FUNCTION login_succeeded(timestamptz, uuid, text, uuid, timestamptz, bytea, text, text, bytea, bigint, bytea, boolean) IS
    'Opens the session after the password was right, unless the user changed or was suspended meanwhile, or a code is missing or was used before; tells which key signs.';

DROP FUNCTION refresh_session(bytea, bytea, bytea, timestamptz);
CREATE FUNCTION refresh_session(p_hash bytea, p_seed bytea, p_successor_hash bytea, p_now timestamptz)
RETURNS TABLE (refused text, tenant_id uuid, user_id uuid, session_id uuid, role text, expires_at timestamptz, seed bytea, kid text, provider_key text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE t refresh_tokens; s sessions; u users;
BEGIN
    -- The lock makes simultaneous uses of one token queue up: the first rotates it, the others get its successor. It is
    -- the session's, as everywhere: what locked the token first could wait for who deletes the user, and that one for it.
    SELECT sessions.* INTO s FROM sessions WHERE id = (SELECT r.session_id FROM refresh_tokens r WHERE r.hash = p_hash) FOR UPDATE;
    SELECT * INTO t FROM refresh_tokens WHERE hash = p_hash;
    IF NOT FOUND THEN
        refused := reject('unauthenticated'); RETURN NEXT; RETURN;
    END IF;
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
    RETURN QUERY SELECT NULL::text, u.tenant_id, u.id, s.id, u.role, s.expires_at, t.successor_seed, k.kid, k.provider_key
      FROM (VALUES (1)) AS one LEFT JOIN active_signing_key(p_now) k ON true;
END $$;
COMMENT ON FUNCTION refresh_session(bytea, bytea, bytea, timestamptz) IS
    'Rotates a refresh token, and tells which key signs. The same token again within 10 seconds, its successor unused, gives the same successor; later it ends the session.';

-- Retiring data keys: what is sealed next is sealed under a new one.

CREATE FUNCTION retire_vault_keys(p_tenant uuid) RETURNS text LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NOT request_allowed() OR (current_setting('holdfast.actor')::jsonb ->> 'role') IS DISTINCT FROM 'operator' THEN
        RETURN reject('forbidden');
    END IF;
    UPDATE vault_keys SET state = 'retiring' WHERE state = 'active' AND (p_tenant IS NULL OR tenant_id = p_tenant);
    RETURN NULL;
END $$;
COMMENT ON FUNCTION retire_vault_keys(uuid) IS 'Retires the active key of a tenant, or of all (NULL).';

-- Answers that show a secret are kept sealed.

ALTER TABLE idempotency_keys ADD COLUMN key_version integer;
COMMENT ON COLUMN idempotency_keys.key_version IS 'The tenant''s data key that sealed the body, where it shows a secret.';

DROP FUNCTION idempotency_find(text, bytea, timestamptz);
CREATE FUNCTION idempotency_find(p_key text, p_hash bytea, p_now timestamptz)
RETURNS TABLE (status smallint, headers jsonb, body bytea, key_version integer, provider text, provider_key text, wrapped bytea)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE kept idempotency_keys; actor uuid := (nullif(current_setting('holdfast.actor', true), '')::jsonb ->> 'id')::uuid;
BEGIN
    IF NOT request_allowed() THEN
        RETURN;
    END IF;
    -- Requests with the same key wait for each other; the second finds the first one's answer.
    PERFORM pg_advisory_xact_lock(hashtextextended(current_tenant()::text || actor::text || p_key, 0));
    SELECT * INTO kept FROM idempotency_keys k WHERE k.tenant_id = current_tenant() AND k.actor_id = actor AND k.key = p_key;
    IF NOT FOUND THEN
        RETURN;
    ELSIF kept.created_at <= p_now - interval '24 hours' THEN
        DELETE FROM idempotency_keys k WHERE k.tenant_id = kept.tenant_id AND k.actor_id = actor AND k.key = p_key;
        RETURN;
    ELSIF kept.request_hash <> p_hash THEN
        PERFORM reject('idempotency_mismatch');
        RETURN;
    END IF;
    PERFORM set_config('holdfast.replay', 'on', true);
    RETURN QUERY SELECT kept.status, kept.headers, kept.body, k.version, k.provider, k.provider_key, k.wrapped
      FROM (VALUES (1)) AS one LEFT JOIN vault_keys k ON k.tenant_id = kept.tenant_id AND k.version = kept.key_version;
END $$;
COMMENT ON FUNCTION idempotency_find(text, bytea, timestamptz) IS
    'The answer kept under this key, with the wrapped data key where it is sealed: no row when there is none; a refusal when the key belongs to another request.';

DROP FUNCTION idempotency_keep(text, bytea, timestamptz, integer, jsonb, bytea);
CREATE FUNCTION idempotency_keep(p_key text, p_hash bytea, p_now timestamptz, p_status integer, p_headers jsonb, p_body bytea, p_key_version integer)
RETURNS void LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF request_allowed() THEN
        INSERT INTO idempotency_keys (tenant_id, actor_id, key, request_hash, status, headers, body, created_at, key_version)
        VALUES (current_tenant(), (current_setting('holdfast.actor')::jsonb ->> 'id')::uuid, p_key, p_hash, p_status, p_headers, p_body, p_now, p_key_version);
    END IF;
END $$;
COMMENT ON FUNCTION idempotency_keep(text, bytea, timestamptz, integer, jsonb, bytea, integer) IS 'Keeps the answer of a request that went well, in its own transaction.';
GRANT EXECUTE ON FUNCTION idempotency_find(text, bytea, timestamptz), idempotency_keep(text, bytea, timestamptz, integer, jsonb, bytea, integer) TO holdfast_app;

GRANT SELECT, UPDATE (state) ON vault_keys TO holdfast_gate;
GRANT CREATE ON SCHEMA public TO holdfast_gate;
DO $$
DECLARE signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY[
        'authorize_enrolling_session(uuid, uuid, uuid, text, timestamptz, uuid)',
        'sign_in_wait(timestamptz, bytea, bytea, bytea, boolean)',
        'login_lookup(text, text, text, timestamptz, bytea, bytea, bytea)',
        'login_succeeded(timestamptz, uuid, text, uuid, timestamptz, bytea, text, text, bytea, bigint, bytea, boolean)',
        'refresh_session(bytea, bytea, bytea, timestamptz)',
        'retire_vault_keys(uuid)'
    ] LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO holdfast_gate', signature);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO holdfast_app', signature);
    END LOOP;
END $$;
REVOKE CREATE ON SCHEMA public FROM holdfast_gate;
