-- Every effective privilege of every login of a function, and of the role that owns the SECURITY DEFINER functions: what
-- it was granted itself, through PUBLIC or through a role that it is a member of. An attribute, a membership and the
-- ownership of an object count as privileges, too. What the system's own catalogue grants to everybody is left out.
-- Partitions, which come and go by the month, are one object.
WITH role AS (
    SELECT r.*, r.rolname::text AS name FROM pg_roles r
     WHERE r.rolname LIKE 'holdfast\_%' AND NOT r.rolsuper
       -- The owner may do everything to its own; the drill's login has a database of its own.
       AND r.oid <> (SELECT relowner FROM pg_class WHERE oid = 'public.tenants'::regclass)
       AND r.rolname NOT IN ('holdfast_owner', 'holdfast_drill')
), space AS (
    SELECT oid, nspname::text AS name, nspowner AS owner FROM pg_namespace
     WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), relation AS (
    SELECT c.oid, c.relowner AS owner, c.relkind AS kind,
           CASE WHEN c.relispartition THEN 'partitions of ' || (SELECT inhparent::regclass FROM pg_inherits WHERE inhrelid = c.oid)
                ELSE c.oid::regclass::text END AS name
      FROM pg_class c JOIN space ON space.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
), granted AS (
    SELECT role.name AS role, 'attribute' AS object, attribute.name AS privilege
      FROM role CROSS JOIN LATERAL (VALUES
        (role.rolcanlogin, 'LOGIN'), (role.rolinherit, 'INHERIT'), (role.rolsuper, 'SUPERUSER'),
        (role.rolcreaterole, 'CREATEROLE'), (role.rolcreatedb, 'CREATEDB'), (role.rolreplication, 'REPLICATION'),
        (role.rolbypassrls, 'BYPASSRLS'), (role.rolcanlogin AND role.rolconnlimit < 0, 'UNLIMITED CONNECTIONS')
      ) AS attribute (holds, name)
     WHERE attribute.holds
    UNION ALL
    SELECT role.name, 'role ' || g.rolname, 'MEMBER'
      FROM role JOIN pg_auth_members m ON m.member = role.oid JOIN pg_roles g ON g.oid = m.roleid
    UNION ALL
    -- Whoever may become one of them, beside the owner, who migrates.
    SELECT role.name, 'role ' || g.rolname, 'HAS MEMBER'
      FROM role JOIN pg_auth_members m ON m.roleid = role.oid JOIN pg_roles g ON g.oid = m.member
     WHERE NOT g.rolsuper AND g.oid <> (SELECT relowner FROM pg_class WHERE oid = 'public.tenants'::regclass)
    UNION ALL
    SELECT role.name, 'database', p
      FROM role CROSS JOIN unnest(ARRAY['CONNECT', 'CREATE', 'TEMPORARY']) AS p
     WHERE has_database_privilege(role.oid, current_database(), p)
    UNION ALL
    SELECT role.name, 'schema ' || space.name, p
      FROM role CROSS JOIN space CROSS JOIN unnest(ARRAY['USAGE', 'CREATE']) AS p
     WHERE has_schema_privilege(role.oid, space.oid, p)
    UNION ALL
    SELECT role.name, 'schema ' || space.name, 'OWNER' FROM role JOIN space ON space.owner = role.oid
    UNION ALL
    SELECT DISTINCT role.name, 'table ' || relation.name, p
      FROM role CROSS JOIN relation
     CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p
     WHERE relation.kind <> 'S' AND relation.owner <> role.oid AND has_table_privilege(role.oid, relation.oid, p)
    UNION ALL
    SELECT DISTINCT role.name, 'column ' || relation.name || '.' || a.attname, p
      FROM role CROSS JOIN relation
      JOIN pg_attribute a ON a.attrelid = relation.oid AND a.attnum > 0 AND NOT a.attisdropped
     CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS p
     WHERE relation.kind <> 'S' AND has_column_privilege(role.oid, relation.oid, a.attnum, p)
       AND NOT has_table_privilege(role.oid, relation.oid, p)
    UNION ALL
    SELECT role.name, 'sequence ' || relation.name, p
      FROM role CROSS JOIN relation CROSS JOIN unnest(ARRAY['USAGE', 'SELECT', 'UPDATE']) AS p
     WHERE relation.kind = 'S' AND relation.owner <> role.oid AND has_sequence_privilege(role.oid, relation.oid, p)
    UNION ALL
    SELECT DISTINCT role.name, 'table ' || relation.name, 'OWNER' FROM role JOIN relation ON relation.owner = role.oid
    UNION ALL
    -- Overloads have one name, and each counts.
    SELECT role.name, 'function ' || f.proname, CASE WHEN f.proowner = role.oid THEN 'OWNER' ELSE 'EXECUTE' END
      FROM role CROSS JOIN pg_proc f JOIN space ON space.oid = f.pronamespace
     WHERE f.proowner = role.oid OR has_function_privilege(role.oid, f.oid, 'EXECUTE')
)
SELECT role, object, privilege FROM granted
