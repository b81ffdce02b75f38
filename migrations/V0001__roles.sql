-- The database roles, and what they may do before any table exists.
--
-- Roles own nothing, and cannot log in until the migrate function gives them a login secret. They are shared by all
-- databases of a cluster, so each is created only where it is missing.
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'holdfast_app', 'holdfast_metrics', 'holdfast_backup', 'holdfast_maintenance', 'holdfast_definer'
    ] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;
END $$;

COMMENT ON ROLE holdfast_app IS
    'Login of the auth, accounts, admin and health functions. Bound by row-level security; owns nothing.';
COMMENT ON ROLE holdfast_metrics IS 'Login of the metrics function: reads counters and operation tables.';
COMMENT ON ROLE holdfast_backup IS 'Login of the backup function: reads everything, writes nothing.';
COMMENT ON ROLE holdfast_maintenance IS 'Login of the maintenance function: seals, partitions and retention.';
COMMENT ON ROLE holdfast_definer IS
    'Owner of the SECURITY DEFINER functions, which act before a tenant is known (authorization, sign-in). Nobody '
    'can log in as it.';

-- To give functions to the definer the migrating role must be a member of it. The commands act as the backup and the
-- maintenance role, so that they need no login of their own.
GRANT holdfast_definer, holdfast_backup, holdfast_maintenance TO CURRENT_USER;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO holdfast_app, holdfast_metrics, holdfast_backup, holdfast_maintenance, holdfast_definer;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format(
        'GRANT CONNECT ON DATABASE %I TO holdfast_app, holdfast_metrics, holdfast_backup, holdfast_maintenance',
        current_database());
END $$;

-- Policies need this function before the repeatable steps create it. Its source is
-- functions/request/current_tenant.sql; here it admits nobody.
CREATE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE RETURN NULL::uuid;
