CREATE OR REPLACE FUNCTION count_rejection(
    p_tenant uuid,
    p_actor jsonb,
    p_request_id text,
    p_action text,
    p_method text,
    p_route text,
    p_status integer,
    p_source_ip text,
    p_user_agent text,
    p_user text
) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    this_minute timestamptz := date_trunc('minute', clock_timestamp());
    block text := address_block(p_source_ip);
    own_key bytea := sha256(convert_to(
        jsonb_build_array(p_actor, p_action, p_method, p_route, p_status, block, p_user)::text, 'UTF8'));
    address text[] := array_remove(ARRAY[p_source_ip], NULL);
    free integer;
BEGIN
    -- Whoever counts in the same row waits for this transaction, but not for a disk: a crash may lose the newest
    -- counts.
    PERFORM set_config('synchronous_commit', 'off', true);
    -- One row is locked, and it is the last thing that the transaction does: nothing can deadlock here.
    FOR attempt IN 1 .. 5 LOOP
        UPDATE rejection_counts AS c
           SET rejections = c.rejections + 1,
               addresses = CASE WHEN c.addresses @> address OR cardinality(c.addresses) >= 10 THEN c.addresses
                                ELSE c.addresses || address END
         WHERE c.minute = this_minute AND c.tenant_id = p_tenant AND c.key = own_key;
        IF FOUND THEN
            RETURN;
        END IF;
        -- Those that come at once try different slots.
        SELECT n INTO free FROM generate_series(1, 20) AS n
         WHERE NOT EXISTS (SELECT FROM rejection_counts AS c
                            WHERE c.minute = this_minute AND c.tenant_id = p_tenant AND c.slot = n)
         ORDER BY (n + get_byte(own_key, 0)) % 20 LIMIT 1;
        EXIT WHEN free IS NULL;
        INSERT INTO rejection_counts (minute, tenant_id, slot, key, request_id, actor, action, method, route, status,
            user_id, address_block, addresses, user_agent)
        VALUES (this_minute, p_tenant, free, own_key, p_request_id, p_actor, p_action, p_method, p_route, p_status,
            p_user, block, address, p_user_agent)
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            RETURN;
        END IF;
    END LOOP;
    INSERT INTO rejection_counts AS c (minute, tenant_id, slot, request_id, actor, action, method, route, status,
        addresses, user_agent)
    VALUES (this_minute, p_tenant, p_status, p_request_id, '{"kind": "anonymous"}', '*', '*', '*', p_status, address,
        p_user_agent)
    ON CONFLICT (minute, tenant_id, slot) DO UPDATE
       SET rejections = c.rejections + 1,
           addresses = CASE WHEN c.addresses @> excluded.addresses OR cardinality(c.addresses) >= 10 THEN c.addresses
                            ELSE c.addresses || excluded.addresses END;
END $$;

COMMENT ON FUNCTION count_rejection IS
    'Counts a rejection by minute, tenant, principal, route, status, address block and the user that a sign-in names. '
    'A minute of a tenant has 20 such counts; what is beyond them is counted by status alone.';
GRANT EXECUTE ON FUNCTION count_rejection TO holdfast_definer;
