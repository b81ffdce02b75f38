-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE rejection_counts (
    minute timestamp with time zone NOT NULL,
    tenant_id uuid NOT NULL,
    slot smallint NOT NULL,
    key bytea,
    rejections bigint NOT NULL DEFAULT 1,
    request_id text NOT NULL,
    actor jsonb NOT NULL,
    action text NOT NULL,
    method text NOT NULL,
    route text NOT NULL,
    status smallint NOT NULL,
    user_id text,
    address_block text,
    addresses text[] NOT NULL,
    user_agent text,
    CONSTRAINT rejection_counts_pkey PRIMARY KEY (minute, tenant_id, slot),
    CONSTRAINT rejection_counts_action_check CHECK ((octet_length(action) <= 64)),
    CONSTRAINT rejection_counts_actor_check CHECK ((pg_column_size(actor) <= 2048)),
    CONSTRAINT rejection_counts_address_block_check CHECK ((octet_length(address_block) <= 64)),
    CONSTRAINT rejection_counts_addresses_check CHECK (((cardinality(addresses) <= 10) AND (pg_column_size(addresses) <= 1024))),
    CONSTRAINT rejection_counts_check CHECK (((key IS NULL) = (slot >= 400))),
    CONSTRAINT rejection_counts_key_check CHECK ((octet_length(key) = 32)),
    CONSTRAINT rejection_counts_method_check CHECK ((octet_length(method) <= 16)),
    CONSTRAINT rejection_counts_rejections_check CHECK ((rejections > 0)),
    CONSTRAINT rejection_counts_request_id_check CHECK ((octet_length(request_id) <= 64)),
    CONSTRAINT rejection_counts_route_check CHECK ((octet_length(route) <= 2048)),
    CONSTRAINT rejection_counts_slot_check CHECK ((((slot >= 1) AND (slot <= 20)) OR ((slot >= 400) AND (slot <= 599)))),
    CONSTRAINT rejection_counts_user_agent_check CHECK ((char_length(user_agent) <= 256)),
    CONSTRAINT rejection_counts_user_id_check CHECK ((octet_length(user_id) <= 64)),
    CONSTRAINT rejection_counts_minute_tenant_id_key_key UNIQUE (minute, tenant_id, key)
);
ALTER TABLE rejection_counts ENABLE ROW LEVEL SECURITY;
ALTER TABLE rejection_counts FORCE ROW LEVEL SECURITY;
CREATE POLICY backup ON rejection_counts FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON rejection_counts FOR ALL TO holdfast_definer USING (true);
GRANT SELECT ON rejection_counts TO holdfast_backup;
GRANT DELETE, INSERT, SELECT, UPDATE ON rejection_counts TO holdfast_definer;
COMMENT ON TABLE rejection_counts IS 'Rejections without a principal that is live, counted by minute until the maintenance function adds their rows to the log. Reached only through count_rejection() and record_rejections().';
COMMENT ON COLUMN rejection_counts.minute IS 'Start of the minute, by the clock of the database.';
COMMENT ON COLUMN rejection_counts.tenant_id IS 'The tenant concerned, as in the log.';
COMMENT ON COLUMN rejection_counts.slot IS 'Number of the count in its minute; beyond 20 the status, for all other rejections with that status.';
COMMENT ON COLUMN rejection_counts.key IS 'SHA-256 of what the counted rejections have in common.';
COMMENT ON COLUMN rejection_counts.rejections IS 'Number of rejections.';
COMMENT ON COLUMN rejection_counts.request_id IS 'X-Request-Id of the first rejection.';
COMMENT ON COLUMN rejection_counts.actor IS 'The principal: anonymous, or one that is no longer live.';
COMMENT ON COLUMN rejection_counts.action IS 'Action attempted; * for several.';
COMMENT ON COLUMN rejection_counts.method IS 'HTTP method; * for several.';
COMMENT ON COLUMN rejection_counts.route IS 'Path of the route; * for several.';
COMMENT ON COLUMN rejection_counts.status IS 'HTTP status of the responses.';
COMMENT ON COLUMN rejection_counts.user_id IS 'User that a sign-in names.';
COMMENT ON COLUMN rejection_counts.address_block IS 'IPv4 network of 24 bits or IPv6 network of 48 of the client.';
COMMENT ON COLUMN rejection_counts.addresses IS 'The first ten client addresses.';
COMMENT ON COLUMN rejection_counts.user_agent IS 'User-Agent header of the first rejection, truncated.';
