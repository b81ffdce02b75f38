-- The database roles, and the words that every request's transaction is written in.
--
-- Roles own nothing and log in to nothing until the deployment gives them a secret. They are shared by
-- all databases of a cluster, so each is made only where it is missing.
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['holdfast_app', 'holdfast_metrics', 'holdfast_backup', 'holdfast_maintenance', 'holdfast_gate'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;
END $$;

COMMENT ON ROLE holdfast_app IS 'The auth, accounts, admin and health functions. Bound by row-level security; owns nothing.';
COMMENT ON ROLE holdfast_metrics IS 'The metrics function: reads counters and operation tables.';
COMMENT ON ROLE holdfast_backup IS 'The backup function: reads everything, writes nothing.';
COMMENT ON ROLE holdfast_maintenance IS 'The maintenance function: seals, partitions and retention.';
COMMENT ON ROLE holdfast_gate IS 'Owner of the few functions that act before a tenant is known (sign-in, enter). Nobody can log in as it.';

-- To hand functions over to the gate, the migrating role must be a member of it.
DO $$ BEGIN EXECUTE format('GRANT holdfast_gate TO %I', current_user); END $$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO holdfast_app, holdfast_metrics, holdfast_backup, holdfast_maintenance, holdfast_gate;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
-- What the gate's functions are handed over with; taken back in the last step of this version.
GRANT CREATE ON SCHEMA public TO holdfast_gate;
DO $$ BEGIN EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO holdfast_app, holdfast_metrics, holdfast_backup, holdfast_maintenance', current_database());
END $$;

-- The state of a request's transaction: set for this transaction only, gone with it.
--   holdfast.tenant   the tenant entered; empty before enter, or when enter refused
--   holdfast.actor    who acts, as JSON: kind, id, name, role, session_id
--   holdfast.rejection  the problem code of a refusal; empty while all is well
--   holdfast.replay   'on' when the answer was found under the request's idempotency key

CREATE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('holdfast.tenant', true), '')::uuid;
COMMENT ON FUNCTION current_tenant() IS 'The tenant this transaction entered; NULL, so no row at all, before it did.';

CREATE FUNCTION request_allowed() RETURNS boolean LANGUAGE sql STABLE
    RETURN coalesce(current_setting('holdfast.tenant', true), '') <> ''
       AND coalesce(current_setting('holdfast.rejection', true), '') = ''
       AND coalesce(current_setting('holdfast.replay', true), '') = '';
COMMENT ON FUNCTION request_allowed() IS 'Whether the request has entered and nothing has refused it: every write asks first.';

CREATE FUNCTION reject(code text) RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    -- What was done under this idempotency key before is not judged again.
    IF code IS NOT NULL AND coalesce(current_setting('holdfast.rejection', true), '') = '' AND coalesce(current_setting('holdfast.replay', true), '') = '' THEN
        PERFORM set_config('holdfast.rejection', code, true);
    END IF;
    RETURN nullif(current_setting('holdfast.rejection', true), '');
END $$;
COMMENT ON FUNCTION reject(text) IS 'Refuses the request with a problem code (NULL: no objection) and returns the verdict that stands, the first one given.';

CREATE FUNCTION problem_status(code text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE code
        WHEN 'invalid_request' THEN 400 WHEN 'validation_failed' THEN 400
        WHEN 'unauthenticated' THEN 401 WHEN 'invalid_credentials' THEN 401 WHEN 'mfa_required' THEN 401
        WHEN 'forbidden' THEN 403 WHEN 'jwt_required' THEN 403 WHEN 'tenant_mismatch' THEN 403 WHEN 'quota_exceeded' THEN 403
        WHEN 'not_found' THEN 404 WHEN 'method_not_allowed' THEN 405 WHEN 'conflict' THEN 409 WHEN 'precondition_failed' THEN 412
        WHEN 'payload_too_large' THEN 413 WHEN 'unsupported_media_type' THEN 415 WHEN 'idempotency_mismatch' THEN 422
        WHEN 'rate_limited' THEN 429 WHEN 'unavailable' THEN 503 ELSE 500 END;
COMMENT ON FUNCTION problem_status(text) IS 'The HTTP status of a verdict, for the audit row. A test holds it against the table in code.';

GRANT EXECUTE ON FUNCTION current_tenant(), request_allowed(), reject(text), problem_status(text)
    TO holdfast_app, holdfast_metrics, holdfast_maintenance, holdfast_backup, holdfast_gate;
