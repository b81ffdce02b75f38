-- Enters a tenant and leaves it again, so that what is counted is that tenant's. Only an operator can call it, and an
-- operator may choose any tenant anyway. It reads nothing that an operator does not see: it counts.
CREATE OR REPLACE FUNCTION set_quotas(p_tenant uuid, p_quotas jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NOT is_platform_operator() THEN
        RETURN;
    END IF;
    PERFORM set_config('holdfast.tenant', p_tenant::text, true);
    -- Waits for every transaction that has reserved or released, so that its rows are counted here, or by itself
    -- afterwards.
    PERFORM FROM tenants WHERE id = p_tenant FOR UPDATE;
    DELETE FROM tenant_quotas
     WHERE tenant_id = p_tenant AND kind IN (SELECT key FROM jsonb_each_text(p_quotas) WHERE value IS NULL);
    INSERT INTO tenant_quotas (tenant_id, kind, max_count, used)
    SELECT p_tenant, key, value::bigint, quota_usage(key) FROM jsonb_each_text(p_quotas) WHERE value IS NOT NULL
    ON CONFLICT (tenant_id, kind) DO UPDATE SET max_count = excluded.max_count, used = excluded.used;
    PERFORM set_config('holdfast.tenant', '00000000-0000-0000-0000-000000000000', true);
END $$;

COMMENT ON FUNCTION set_quotas IS 'Sets the limits that are named, with the current usage of each; null removes one.';
ALTER FUNCTION set_quotas OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION set_quotas TO holdfast_admin;
