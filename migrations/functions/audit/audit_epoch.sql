CREATE OR REPLACE FUNCTION audit_epoch() RETURNS integer
LANGUAGE sql STABLE
RETURN (
    SELECT pg_get_expr(d.adbin, d.adrelid)::integer
      FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
     WHERE d.adrelid = 'public.http_audit_log'::regclass AND a.attname = 'epoch');

COMMENT ON FUNCTION audit_epoch IS 'The epoch that new rows of the audit log get.';
GRANT EXECUTE ON FUNCTION audit_epoch TO holdfast_admin, holdfast_backup, holdfast_maintenance;
