CREATE OR REPLACE FUNCTION audit_page(p_after bigint) RETURNS TABLE (first bigint, last bigint)
LANGUAGE sql STABLE
AS $$
    SELECT min(page.number), max(page.number) FROM (
        SELECT s.number, s.epoch = first_value(s.epoch) OVER (ORDER BY s.number) AS same,
               sum(coalesce(b.count, 0)) OVER (ORDER BY s.number) - coalesce(b.count, 0) AS before
          FROM (SELECT number, epoch FROM audit_seals WHERE number > p_after ORDER BY number LIMIT 200) s
          LEFT JOIN audit_batches b ON b.tenant_id = current_tenant() AND b.seal_number = s.number) page
     WHERE page.same AND page.before < 10000
$$;

COMMENT ON FUNCTION audit_page IS
    'The seals after this one that are verified together: of one epoch, at most 200, and no more once the tenant has '
    '10000 rows in them.';
GRANT EXECUTE ON FUNCTION audit_page TO holdfast_admin;
