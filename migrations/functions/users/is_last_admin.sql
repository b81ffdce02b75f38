CREATE OR REPLACE FUNCTION is_last_admin(p_user uuid) RETURNS boolean
LANGUAGE sql STABLE
RETURN EXISTS (
        SELECT FROM users
         WHERE tenant_id = current_tenant() AND role IN ('admin', 'operator') AND status = 'active' AND id = p_user)
    AND NOT EXISTS (
        SELECT FROM users
         WHERE tenant_id = current_tenant() AND role IN ('admin', 'operator') AND status = 'active' AND id <> p_user);

COMMENT ON FUNCTION is_last_admin IS
    'True where this is the only active admin of the tenant, or the only active operator of the platform. Stays true '
    'while the tenant''s row is locked.';
GRANT EXECUTE ON FUNCTION is_last_admin TO holdfast_admin;
