CREATE OR REPLACE FUNCTION update_tenant(
    p_id uuid,
    p_versions bigint[],
    p_name text,
    p_status text,
    p_quotas jsonb,
    p_now timestamptz
) RETURNS text
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    found_version bigint;
BEGIN
    IF NOT is_platform_operator() THEN
        RETURN reject('forbidden');
    END IF;
    SELECT version INTO found_version FROM tenants WHERE id = p_id AND id <> current_tenant() FOR UPDATE;
    IF NOT FOUND THEN
        RETURN reject('not_found');
    ELSIF found_version <> ALL (p_versions) THEN
        RETURN reject('precondition_failed');
    END IF;
    UPDATE tenants SET name = coalesce(p_name, name), status = coalesce(p_status, status), version = version + 1,
           updated_at = p_now
     WHERE id = p_id;
    IF p_quotas IS NOT NULL THEN
        PERFORM set_quotas(p_id, p_quotas);
    END IF;
    RETURN NULL;
END $$;

COMMENT ON FUNCTION update_tenant IS
    'Changes the fields that are given of a tenant that is at one of these versions (NULL: at any). The platform '
    'itself is not found.';
GRANT EXECUTE ON FUNCTION update_tenant TO holdfast_admin;
