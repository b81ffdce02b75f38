CREATE OR REPLACE FUNCTION record_rejections(p_now timestamptz, p_limit integer) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    row_at timestamptz := clock_timestamp();
    recorded bigint;
BEGIN
    -- No request is so slow that it still counts in a minute that ended a minute ago.
    WITH past AS (
        DELETE FROM rejection_counts WHERE (minute, tenant_id, slot) IN (
            SELECT minute, tenant_id, slot FROM rejection_counts WHERE minute <= p_now - interval '2 minutes'
             ORDER BY minute, tenant_id, slot LIMIT p_limit)
        RETURNING *
    )
    INSERT INTO http_audit_log (id, at, request_id, tenant_id, actor_kind, actor_id, actor_name, role, session_id,
        action, method, path, status, source_ip, user_agent, targets)
    SELECT audit_row_id(row_at), row_at, request_id, tenant_id, actor ->> 'kind', (actor ->> 'id')::uuid,
           actor ->> 'name', actor ->> 'role', (actor ->> 'session_id')::uuid, action, method, route, status,
           address_block, user_agent,
           jsonb_strip_nulls(jsonb_build_object('rejections', rejections, 'addresses', addresses, 'user_id', user_id,
               'minute', to_char(minute AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')))
      FROM past;
    GET DIAGNOSTICS recorded = ROW_COUNT;
    RETURN recorded;
END $$;

COMMENT ON FUNCTION record_rejections IS
    'Replaces the counts of past minutes, at most so many, by rows of the audit log. Returns how many. Each row says '
    'in its targets how many rejections it stands for.';
ALTER FUNCTION record_rejections OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION record_rejections TO holdfast_maintenance;
