CREATE OR REPLACE FUNCTION retire_vault_keys(p_tenant uuid) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
BEGIN
    IF NOT is_operator() THEN
        RETURN reject('forbidden');
    END IF;
    UPDATE vault_keys SET state = 'retiring', retired_at = now()
     WHERE state = 'active' AND (p_tenant IS NULL OR tenant_id = p_tenant);
    RETURN NULL;
END $$;

COMMENT ON FUNCTION retire_vault_keys IS
    'Retires the active data keys of a tenant, or of all (NULL): the next value of each purpose is sealed under a new one.';
ALTER FUNCTION retire_vault_keys OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION retire_vault_keys TO holdfast_admin;
