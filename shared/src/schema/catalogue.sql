-- What the schema really is, an object a row, in words that do not depend on when or by whom it was made. The owner is
-- called "owner", whatever the role's name; partitions, which come and go by the month, are left out but for what is
-- granted on them beyond what a backup reads.
WITH owner AS (
    SELECT relowner AS oid FROM pg_class WHERE oid = 'public.tenants'::regclass
), relation AS (
    SELECT c.relname::text AS name, c.* FROM pg_class c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
), grantee (oid, name) AS (
    SELECT 0::oid, 'PUBLIC' UNION ALL SELECT r.oid, CASE WHEN r.oid = owner.oid THEN 'owner' ELSE r.rolname::text END FROM pg_roles r, owner
), granted (kind, name, acl, partition) AS (
    SELECT 'grant', 'table ' || c.relname, c.relacl, c.relispartition FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S')
    UNION ALL
    SELECT 'grant', 'column ' || c.relname || '.' || a.attname, a.attacl, false
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'grant', 'function ' || p.oid::regprocedure, p.proacl, false FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'grant', 'schema public', nspacl, false FROM pg_namespace WHERE oid = 'public'::regnamespace
    UNION ALL
    SELECT 'grant', 'database', datacl, false FROM pg_database WHERE datname = current_database()
)
SELECT 'table' AS kind, r.name, concat_ws(', ', 'owned by ' || g.name, CASE WHEN r.relrowsecurity THEN 'row-level security' END,
           CASE WHEN r.relforcerowsecurity THEN 'forced' END, CASE WHEN r.relkind = 'p' THEN 'partitioned ' || pg_get_partkeydef(r.oid) END,
           CASE WHEN r.relpersistence <> 'p' THEN 'not logged' END) AS definition
  FROM relation r JOIN grantee g ON g.oid = r.relowner
UNION ALL
SELECT 'column', r.name || '.' || a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod),
           CASE WHEN a.attcollation <> t.typcollation THEN 'COLLATE ' || a.attcollation::regcollation END,
           CASE WHEN a.attnotnull THEN 'NOT NULL' END,
           -- The epoch's default is raised by every restore.
           CASE WHEN (r.name, a.attname) <> ('http_audit_log', 'epoch')
                THEN CASE WHEN a.attgenerated = '' THEN 'DEFAULT ' ELSE 'GENERATED AS ' END || pg_get_expr(d.adbin, d.adrelid) END)
  FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
UNION ALL
SELECT 'constraint', r.name || '.' || c.conname, pg_get_constraintdef(c.oid) FROM relation r JOIN pg_constraint c ON c.conrelid = r.oid AND c.contype <> 'n'
UNION ALL
SELECT 'index', i.relname, pg_get_indexdef(x.indexrelid) || CASE WHEN x.indisvalid THEN '' ELSE ' (not valid)' END
  FROM relation r JOIN pg_index x ON x.indrelid = r.oid JOIN pg_class i ON i.oid = x.indexrelid
UNION ALL
SELECT 'policy', r.name || '.' || p.polname, concat_ws(' ', CASE p.polcmd WHEN '*' THEN 'ALL' WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' ELSE 'DELETE' END,
           CASE WHEN NOT p.polpermissive THEN 'RESTRICTIVE' END,
           'TO ' || (SELECT string_agg(g.name, ', ' ORDER BY g.name) FROM grantee g WHERE g.oid = ANY (p.polroles)),
           'USING ' || pg_get_expr(p.polqual, p.polrelid), 'WITH CHECK ' || pg_get_expr(p.polwithcheck, p.polrelid))
  FROM relation r JOIN pg_policy p ON p.polrelid = r.oid
UNION ALL
SELECT 'function', p.oid::regprocedure::text, concat_ws(', ', 'owned by ' || g.name, 'returns ' || pg_get_function_result(p.oid), l.lanname,
           CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END, CASE WHEN p.prosecdef THEN 'security definer' END,
           array_to_string(p.proconfig, ' '), 'body ' || md5(coalesce(pg_get_function_sqlbody(p.oid), p.prosrc)))
  FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang JOIN grantee g ON g.oid = p.proowner WHERE p.pronamespace = 'public'::regnamespace
UNION ALL
SELECT 'trigger', t.tgrelid::regclass || '.' || t.tgname, pg_get_triggerdef(t.oid)
  FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal AND c.relnamespace = 'public'::regnamespace
UNION ALL
SELECT 'relation', c.relname, CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' ELSE 'foreign table' END
  FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('v', 'm', 'S', 'f')
UNION ALL
SELECT 'extension', e.extname, 'installed' FROM pg_extension e WHERE e.extname <> 'plpgsql'
UNION ALL
-- Beyond what owners may do to their own.
SELECT g.kind, g.name || ' to ' || e.name, string_agg(a.privilege_type || CASE WHEN a.is_grantable THEN ' (grantable)' ELSE '' END, ', ' ORDER BY a.privilege_type)
  FROM granted g CROSS JOIN LATERAL aclexplode(g.acl) a JOIN grantee e ON e.oid = a.grantee
 WHERE a.grantee <> a.grantor AND e.name NOT IN ('owner', 'pg_database_owner')
   AND NOT (g.partition AND e.name = 'holdfast_backup' AND a.privilege_type = 'SELECT') GROUP BY g.kind, g.name, e.name
UNION ALL
SELECT 'role', r.rolname, concat_ws(', ', CASE WHEN r.rolsuper THEN 'superuser' END, CASE WHEN r.rolbypassrls THEN 'bypasses row-level security' END,
           CASE WHEN r.rolcreaterole THEN 'creates roles' END, CASE WHEN r.rolcreatedb THEN 'creates databases' END,
           CASE WHEN r.rolreplication THEN 'replicates' END, CASE WHEN r.rolinherit THEN 'inherits' ELSE 'does not inherit' END,
           'member of ' || (SELECT string_agg(g.name, ', ' ORDER BY g.name) FROM pg_auth_members m JOIN grantee g ON g.oid = m.roleid WHERE m.member = r.oid),
           r.rolconfig::text)
  FROM pg_roles r WHERE r.rolname IN ('holdfast_auth', 'holdfast_accounts', 'holdfast_admin', 'holdfast_health', 'holdfast_metrics', 'holdfast_backup', 'holdfast_maintenance', 'holdfast_definer')
