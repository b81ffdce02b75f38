-- The database roles, one for each function that uses the database, and what they may do before any table exists.
-- shared/src/db/privileges lists all privileges of each; the console has no role.
--
-- Roles own nothing, and cannot log in until the migrate function gives them a login secret. They are shared by all
-- databases of a cluster, so each is created only where it is missing.
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY[
        'holdfast_auth', 'holdfast_accounts', 'holdfast_admin', 'holdfast_health', 'holdfast_metrics',
        'holdfast_backup', 'holdfast_maintenance', 'holdfast_definer'
    ] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN NOINHERIT', name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END LOOP;
END $$;

-- Only where it is missing: two databases of a cluster may be migrated at the same time.
DO $$
DECLARE role record;
BEGIN
    FOR role IN SELECT * FROM (VALUES
        ('holdfast_auth', 'Login of the auth function: sign-in, sessions, one-time codes, API tokens. Bound by row-level security.'),
        ('holdfast_accounts', 'Login of the accounts function: accounts and their sealed secrets. Bound by row-level security.'),
        ('holdfast_admin', 'Login of the admin function: tenants, users, keys, the audit log. Bound by row-level security.'),
        ('holdfast_health', 'Login of the health function: reads the version of the schema, no table.'),
        ('holdfast_metrics', 'Login of the metrics function: reads counters and operation tables.'),
        ('holdfast_backup', 'Login of the backup function: reads everything, writes nothing.'),
        ('holdfast_maintenance', 'Login of the maintenance function: seals, partitions and retention.'),
        ('holdfast_definer', 'Owner of the SECURITY DEFINER functions, which act before a tenant is known '
            '(authorization, sign-in). Nobody can log in as it.')
    ) AS commented (name, text) LOOP
        IF shobj_description(to_regrole(role.name), 'pg_authid') IS DISTINCT FROM role.text THEN
            EXECUTE format('COMMENT ON ROLE %I IS %L', role.name, role.text);
        END IF;
    END LOOP;
END $$;

-- To give functions to the definer the migrating role must be a member of it. The commands act as the backup and the
-- maintenance role, so that they need no login of their own.
GRANT holdfast_definer, holdfast_backup, holdfast_maintenance TO CURRENT_USER;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public
    TO holdfast_auth, holdfast_accounts, holdfast_admin, holdfast_health, holdfast_metrics, holdfast_backup,
       holdfast_maintenance, holdfast_definer;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format(
        'GRANT CONNECT ON DATABASE %I TO holdfast_auth, holdfast_accounts, holdfast_admin, holdfast_health, '
        'holdfast_metrics, holdfast_backup, holdfast_maintenance',
        current_database());
END $$;

-- Policies need this function before the repeatable steps create it. Its source is
-- functions/request/current_tenant.sql; here it admits nobody.
CREATE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE RETURN NULL::uuid;
