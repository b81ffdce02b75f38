-- Enters the new tenant to create its first admin, and leaves it again, so that row-level security applies there too.
CREATE OR REPLACE FUNCTION create_tenant(
    p_id uuid,
    p_slug text,
    p_name text,
    p_status text,
    p_quotas jsonb,
    p_now timestamptz,
    p_admin uuid,
    p_username text,
    p_username_key text,
    p_password_hash text
) RETURNS text
LANGUAGE plpgsql VOLATILE
AS $$
BEGIN
    IF NOT is_platform_operator() THEN
        RETURN reject('forbidden');
    END IF;
    INSERT INTO tenants (id, slug, name, status, created_at, updated_at)
    VALUES (p_id, p_slug, p_name, p_status, p_now, p_now)
    ON CONFLICT (slug) DO NOTHING;
    IF NOT FOUND THEN
        RETURN reject('conflict');
    END IF;
    IF p_admin IS NOT NULL THEN
        PERFORM set_config('holdfast.tenant', p_id::text, true);
        INSERT INTO users (id, tenant_id, username, username_key, role, password_hash, created_at, updated_at)
        VALUES (p_admin, p_id, p_username, p_username_key, 'admin', p_password_hash, p_now, p_now);
        PERFORM set_config('holdfast.tenant', '00000000-0000-0000-0000-000000000000', true);
    END IF;
    PERFORM set_quotas(p_id, p_quotas);
    RETURN NULL;
END $$;

COMMENT ON FUNCTION create_tenant IS
    'Creates a tenant with its quotas and, where one is named, its first admin. Conflicts where the slug is taken.';
GRANT EXECUTE ON FUNCTION create_tenant TO holdfast_admin;
