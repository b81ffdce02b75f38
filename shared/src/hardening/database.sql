WITH audit_rights AS (
    SELECT role, c.oid::regclass::text AS relation
      FROM (SELECT 'http_audit_log'::regclass::oid AS oid UNION SELECT inhrelid FROM pg_inherits WHERE inhparent = 'http_audit_log'::regclass
            UNION SELECT unnest(ARRAY['audit_seals', 'audit_batches', 'audit_keys', 'audit_drops']::regclass[])) AS c
     CROSS JOIN unnest(ARRAY['holdfast_auth', 'holdfast_accounts', 'holdfast_admin', 'holdfast_health', 'holdfast_metrics', 'holdfast_backup', 'holdfast_maintenance']) AS role
     WHERE has_table_privilege(role, c.oid, 'UPDATE, DELETE, TRUNCATE') OR has_any_column_privilege(role, c.oid, 'UPDATE')
), audit_writers AS (
    -- Every login but the owner's; the definer is nobody's.
    SELECT r.rolname AS role, c.oid::regclass::text AS relation
      FROM (SELECT 'http_audit_log'::regclass::oid AS oid UNION SELECT inhrelid FROM pg_inherits WHERE inhparent = 'http_audit_log'::regclass) AS c
     CROSS JOIN pg_roles r
     WHERE r.rolname LIKE 'holdfast\_%' AND r.rolname <> 'holdfast_definer' AND NOT r.rolsuper
       AND r.oid <> (SELECT relowner FROM pg_class WHERE oid = 'http_audit_log'::regclass)
       AND (has_table_privilege(r.oid, c.oid, 'INSERT') OR has_any_column_privilege(r.oid, c.oid, 'INSERT'))
), late AS (
    -- The newest step that was applied to a database with data: the steps of an installation are applied within a day of the first.
    SELECT CASE WHEN max(at) > min(at) + interval '1 day' THEN max(at) END AS at
      FROM (SELECT applied_on::timestamptz AS at FROM refinery_schema_history) AS steps
), saved AS (
    SELECT max(started_at) AS at FROM backup_runs, late
     WHERE kind = 'backup' AND state = 'succeeded' AND started_at <= late.at AND started_at > late.at - interval '7 days'
)
SELECT row, holds, seen
  -- Admin's role sees backups on the platform only; every other role that connects here, always.
  FROM (SELECT current_user <> 'holdfast_admin' OR current_tenant() IS NOT NULL AS may_see) AS sight
 CROSS JOIN LATERAL (VALUES
    -- Every table with rows of tenants.
    ('AUTH-3', NOT EXISTS (SELECT FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
              AND a.attname = 'tenant_id' AND NOT a.attisdropped AND NOT (c.relrowsecurity AND c.relforcerowsecurity)),
        (SELECT format('row-level security is forced on %s of %s tables with a tenant', count(*) FILTER (WHERE c.relrowsecurity AND c.relforcerowsecurity), count(*))
                || coalesce('; not on ' || string_agg(c.relname, ', ') FILTER (WHERE NOT (c.relrowsecurity AND c.relforcerowsecurity)), '')
           FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
          WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
            AND a.attname = 'tenant_id' AND NOT a.attisdropped)),
    -- Stored credentials: the values that their columns accept.
    ('AUTH-1', EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'users'::regclass AND contype = 'c' AND pg_get_constraintdef(oid) LIKE '%password_hash%$argon2id$%')
           AND EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'api_tokens'::regclass AND contype = 'c' AND pg_get_constraintdef(oid) LIKE '%octet_length(hash) = 32%'),
        'the database accepts only argon2id hashes of passwords, and only digests of 32 bytes of tokens'),
    ('AUTH-4', (SELECT without_mfa = 0 FROM administrator_report()),
        (SELECT format('of %s active administrators %s have no one-time codes', administrators, without_mfa) FROM administrator_report())),
    ('AUTH-6', (SELECT attnotnull FROM pg_attribute WHERE attrelid = 'api_tokens'::regclass AND attname = 'expires_at'),
        'the database accepts only API tokens that expire'),
    ('AUTH-6', (SELECT unused = 0 AND orphaned = 0 FROM api_token_report($1::timestamptz)),
        (SELECT format('of %s API tokens %s were not used for 90 days, and the creators of %s are deleted or suspended', live, unused, orphaned)
           FROM api_token_report($1::timestamptz))),
    ('SEC-1', (SELECT bool_and(age < interval '366 days') FROM (SELECT $1::timestamptz - created_at AS age FROM signing_keys WHERE expires_at IS NULL) k),
        (SELECT coalesce(format('the signing key is %s days old', max(extract(day FROM $1::timestamptz - created_at))), 'no signing key is stored: AUTH_JWT_SECRET signs tokens')
           FROM signing_keys WHERE expires_at IS NULL)),
    ('SEC-2', CASE WHEN may_see THEN EXISTS (SELECT FROM backup_runs WHERE kind = 'drill' AND state = 'succeeded' AND canary = 'opened') END,
        CASE WHEN may_see THEN coalesce((SELECT format('a drill opened the canary at %s', max(finished_at)) FROM backup_runs WHERE kind = 'drill' AND state = 'succeeded' AND canary = 'opened' HAVING count(*) > 0), 'no drill has opened the canary yet')
             ELSE 'this role cannot see backups and drills' END),
    ('SEC-3', (SELECT s.ssl AND s.version >= 'TLSv1.2' FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid()),
        (SELECT CASE WHEN s.ssl THEN format('this connection uses %s, %s', s.version, s.cipher) ELSE 'this connection is not encrypted' END FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid())),
    ('AUD-1', NOT EXISTS (SELECT FROM audit_rights), (SELECT coalesce('may change the log, its months or its seals: ' || string_agg(DISTINCT role || ' (' || relation || ')', ', '), 'no function''s role may change the log, its months or its seals') FROM audit_rights)),
    ('AUD-1', (SELECT max(sealed_at) > $1::timestamptz - interval '1 day' FROM audit_seals),
        coalesce((SELECT format('the newest seal is of %s', max(sealed_at)) FROM audit_seals HAVING count(*) > 0), 'nothing is sealed yet')),
    ('AUD-3', NOT EXISTS (SELECT FROM audit_writers), (SELECT coalesce('may add rows of their own making: ' || string_agg(DISTINCT role || ' (' || relation || ')', ', '), 'no function''s role may add rows to the log itself') FROM audit_writers)),
    ('AUD-3', (SELECT bool_and(p.prosecdef AND r.rolname = 'holdfast_definer') FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner WHERE p.proname = 'record_audit' AND p.pronamespace = 'public'::regnamespace),
        (SELECT format('record_audit() acts as %s', string_agg(CASE WHEN p.prosecdef THEN r.rolname ELSE 'its caller' END, ', ')) FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner WHERE p.proname = 'record_audit' AND p.pronamespace = 'public'::regnamespace)),
    ('RUN-2', (SELECT count(*) * 10 < 8 * (current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer) FROM pg_stat_activity WHERE backend_type = 'client backend'),
        (SELECT format('%s of %s connections are in use, of which %s are kept for administrators', count(*), current_setting('max_connections'), current_setting('superuser_reserved_connections')) FROM pg_stat_activity WHERE backend_type = 'client backend')),
    ('DATA-1', NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname IN ('holdfast_auth', 'holdfast_accounts', 'holdfast_admin', 'holdfast_health', 'holdfast_metrics', 'holdfast_backup', 'holdfast_maintenance')
                 AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb OR has_schema_privilege(r.oid, 'public', 'CREATE') OR has_database_privilege(r.oid, current_database(), 'CREATE, TEMPORARY')
                      OR EXISTS (SELECT FROM pg_class WHERE relowner = r.oid) OR EXISTS (SELECT FROM pg_proc WHERE proowner = r.oid) OR EXISTS (SELECT FROM pg_namespace WHERE nspowner = r.oid))),
        coalesce((SELECT 'may change the schema, or bypass row-level security: ' || string_agg(r.rolname, ', ') FROM pg_roles r
                   WHERE r.rolname IN ('holdfast_auth', 'holdfast_accounts', 'holdfast_admin', 'holdfast_health', 'holdfast_metrics', 'holdfast_backup', 'holdfast_maintenance')
                     AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolcreatedb OR has_schema_privilege(r.oid, 'public', 'CREATE') OR has_database_privilege(r.oid, current_database(), 'CREATE, TEMPORARY')
                          OR EXISTS (SELECT FROM pg_class WHERE relowner = r.oid) OR EXISTS (SELECT FROM pg_proc WHERE proowner = r.oid) OR EXISTS (SELECT FROM pg_namespace WHERE nspowner = r.oid))),
            'the functions'' roles own nothing, and can neither change the schema nor bypass row-level security')),
    ('DATA-1', CASE WHEN may_see THEN (SELECT late.at IS NULL OR saved.at IS NOT NULL FROM late, saved) END,
        CASE WHEN may_see THEN (SELECT CASE WHEN late.at IS NULL THEN 'no migration has changed the schema since it was installed'
                                            WHEN saved.at IS NULL THEN format('no backup is recorded that began in the week before the last migration, at %s', late.at)
                                            ELSE format('before the last migration, at %s, a backup began at %s', late.at, saved.at) END FROM late, saved)
             ELSE 'this role cannot see backups and drills' END),
    ('DATA-2', (SELECT differences = 0 AND at > $1::timestamptz - interval '3 hours' FROM schema_checks ORDER BY at DESC LIMIT 1),
        coalesce((SELECT format('%s differences from what the migrations create, at %s', differences, at) FROM schema_checks ORDER BY at DESC LIMIT 1), 'the schema was never compared')),
    ('DATA-2', (SELECT count(*) = 0 FROM migration_failures WHERE version = (SELECT max(version) FROM refinery_schema_history)),
        (SELECT format('%s migrations have failed since the schema reached its version', count(*)) FROM migration_failures WHERE version = (SELECT max(version) FROM refinery_schema_history))),
    ('DR-1', CASE WHEN may_see THEN coalesce((SELECT max(finished_at) > $1::timestamptz - interval '26 hours' FROM backup_runs WHERE kind = 'backup' AND state = 'succeeded'), false) END,
        CASE WHEN may_see THEN coalesce((SELECT format('the newest backup is of %s', max(finished_at)) FROM backup_runs WHERE kind = 'backup' AND state = 'succeeded' HAVING count(*) > 0), 'there is no backup')
             ELSE 'this role cannot see backups and drills' END),
    ('DR-1', CASE WHEN may_see THEN coalesce((SELECT max(finished_at) > $1::timestamptz - interval '8 days' FROM backup_runs WHERE kind = 'drill' AND state = 'succeeded'), false) END,
        CASE WHEN may_see THEN coalesce((SELECT format('the newest drill that restored a backup is of %s', max(finished_at)) FROM backup_runs WHERE kind = 'drill' AND state = 'succeeded' HAVING count(*) > 0), 'no drill has restored a backup yet')
             ELSE 'this role cannot see backups and drills' END)
) AS fact (row, holds, seen)
