CREATE OR REPLACE FUNCTION keep_vault_canary(
    p_provider text,
    p_provider_key text,
    p_wrapped bytea,
    p_sealed bytea,
    p_now timestamptz
) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
BEGIN ATOMIC
    INSERT INTO vault_canary (provider, provider_key, wrapped, sealed, sealed_at)
    VALUES (p_provider, p_provider_key, p_wrapped, p_sealed, p_now)
    ON CONFLICT (id) DO UPDATE SET provider = excluded.provider, provider_key = excluded.provider_key,
        wrapped = excluded.wrapped, sealed = excluded.sealed, sealed_at = excluded.sealed_at;
END;

COMMENT ON FUNCTION keep_vault_canary IS 'Replaces the canary.';
ALTER FUNCTION keep_vault_canary OWNER TO holdfast_definer;
GRANT EXECUTE ON FUNCTION keep_vault_canary TO holdfast_backup;
