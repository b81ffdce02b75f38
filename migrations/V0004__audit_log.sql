-- The audit log, and the seals that prove it unchanged (docs/audit-format.md). Nobody but the owner can change or
-- delete rows.

CREATE TABLE http_audit_log (
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    request_id text NOT NULL CHECK (octet_length(request_id) <= 64),
    tenant_id uuid NOT NULL,
    actor_kind text NOT NULL CHECK (actor_kind IN ('anonymous', 'user', 'api_token', 'system')),
    actor_id uuid,
    actor_name text CHECK (char_length(actor_name) <= 200),
    role text CHECK (octet_length(role) <= 64),
    session_id uuid,
    action text NOT NULL CHECK (octet_length(action) <= 64),
    method text NOT NULL CHECK (octet_length(method) <= 16),
    path text NOT NULL CHECK (octet_length(path) <= 2048),
    status smallint NOT NULL,
    source_ip text CHECK (octet_length(source_ip) <= 64),
    user_agent text CHECK (char_length(user_agent) <= 256),
    reason text CHECK (length(reason) BETWEEN 1 AND 256),
    targets jsonb NOT NULL DEFAULT '{}' CHECK (pg_column_size(targets) <= 4096),
    changed text[] NOT NULL DEFAULT '{}' CHECK (pg_column_size(changed) <= 4096),
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    epoch integer NOT NULL DEFAULT 1 CHECK (epoch > 0),
    account_id text GENERATED ALWAYS AS (targets ->> 'account_id') STORED,
    PRIMARY KEY (at, id)
) PARTITION BY RANGE (at);
CREATE INDEX http_audit_log_newest ON http_audit_log (tenant_id, at DESC, id DESC);
CREATE INDEX http_audit_log_by_request ON http_audit_log (tenant_id, request_id);
CREATE INDEX http_audit_log_by_actor ON http_audit_log (tenant_id, actor_id, at DESC, id DESC);
CREATE INDEX http_audit_log_by_action ON http_audit_log (tenant_id, action, at DESC, id DESC);
CREATE INDEX http_audit_log_by_transaction ON http_audit_log (epoch, transaction_id);
CREATE INDEX http_audit_log_in_order ON http_audit_log (tenant_id, epoch, transaction_id, id);
CREATE INDEX http_audit_log_by_account ON http_audit_log (tenant_id, account_id, at DESC, id DESC)
    WHERE account_id IS NOT NULL;
COMMENT ON TABLE http_audit_log IS
    'Who did or attempted what, when, with which outcome. No values, only the names of changed fields. Partitioned '
    'by month.';
COMMENT ON COLUMN http_audit_log.id IS 'UUIDv7 of the row.';
COMMENT ON COLUMN http_audit_log.at IS 'Time at which the row was written, by the clock of the database.';
COMMENT ON COLUMN http_audit_log.request_id IS
    'X-Request-Id of the response; of aggregated rejections, of the first of them.';
COMMENT ON COLUMN http_audit_log.tenant_id IS
    'The tenant concerned; the nil UUID for the platform and for credentials that name no tenant.';
COMMENT ON COLUMN http_audit_log.actor_kind IS
    'Kind of principal; ''system'' for what was done on the database itself, with the owner''s login.';
COMMENT ON COLUMN http_audit_log.actor_id IS 'Id of the user or API token.';
COMMENT ON COLUMN http_audit_log.actor_name IS 'Name of the actor at that time.';
COMMENT ON COLUMN http_audit_log.role IS 'Role of the actor at that time.';
COMMENT ON COLUMN http_audit_log.session_id IS 'Session of the actor.';
COMMENT ON COLUMN http_audit_log.action IS 'Action done or attempted, such as account.create.';
COMMENT ON COLUMN http_audit_log.method IS 'HTTP method.';
COMMENT ON COLUMN http_audit_log.path IS
    'Requested path, without the query. Of aggregated rejections the route, such as /accounts/{id}, or * for several.';
COMMENT ON COLUMN http_audit_log.status IS 'HTTP status of the response.';
COMMENT ON COLUMN http_audit_log.source_ip IS
    'Client address as the gateway saw it. Of aggregated rejections the address block, NULL for several.';
COMMENT ON COLUMN http_audit_log.user_agent IS
    'User-Agent header, truncated; of aggregated rejections, of the first of them.';
COMMENT ON COLUMN http_audit_log.reason IS
    'Why the actor did it, in its own words: an operator who changes something in a tenant has to say so.';
COMMENT ON COLUMN http_audit_log.targets IS
    'Ids of the objects acted on, such as account_id. Of aggregated rejections also their number, minute and '
    'addresses.';
COMMENT ON COLUMN http_audit_log.changed IS 'Names of the fields that were set; never their values.';
COMMENT ON COLUMN http_audit_log.transaction_id IS 'The transaction that wrote the row; rows are sealed in this order.';
COMMENT ON COLUMN http_audit_log.epoch IS
    'Generation of transaction numbers: a restored or upgraded cluster may start lower, and gets the next epoch.';
COMMENT ON COLUMN http_audit_log.account_id IS
    'The account among the targets, as a column: under row-level security no condition on jsonb can use an index.';

-- Rows outside every month's partition go here, so that an audit row is never rejected for want of a partition. The
-- months are created by create_audit_partitions(), after each migration and by the maintenance function.
CREATE TABLE http_audit_log_rest PARTITION OF http_audit_log DEFAULT;
COMMENT ON TABLE http_audit_log_rest IS 'Rows outside every month''s partition; empty while maintenance runs.';
ALTER TABLE http_audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE http_audit_log FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON http_audit_log FOR SELECT TO holdfast_admin USING (tenant_id = (SELECT current_tenant()));
-- Rows are added by record_audit() alone, which takes the actor, tenant and session from the authorization. It is not
-- limited to a tenant: a rejection is recorded after the transaction has left its tenant.
CREATE POLICY append ON http_audit_log FOR INSERT TO holdfast_definer WITH CHECK (true);
CREATE POLICY backup ON http_audit_log FOR SELECT TO holdfast_backup, holdfast_maintenance USING (true);
GRANT SELECT ON http_audit_log TO holdfast_admin, holdfast_backup, holdfast_maintenance;
GRANT INSERT ON http_audit_log TO holdfast_definer;

-- Rejections that anybody can cause without end cost a bounded number of rows: 20 of these for each tenant and minute,
-- and one for each status beyond them, which the key ensures.
CREATE TABLE rejection_counts (
    minute timestamptz NOT NULL,
    tenant_id uuid NOT NULL,
    slot smallint NOT NULL CHECK (slot BETWEEN 1 AND 20 OR slot BETWEEN 400 AND 599),
    key bytea CHECK (octet_length(key) = 32),
    rejections bigint NOT NULL DEFAULT 1 CHECK (rejections > 0),
    request_id text NOT NULL CHECK (octet_length(request_id) <= 64),
    actor jsonb NOT NULL CHECK (pg_column_size(actor) <= 2048),
    action text NOT NULL CHECK (octet_length(action) <= 64),
    method text NOT NULL CHECK (octet_length(method) <= 16),
    route text NOT NULL CHECK (octet_length(route) <= 2048),
    status smallint NOT NULL,
    user_id text CHECK (octet_length(user_id) <= 64),
    address_block text CHECK (octet_length(address_block) <= 64),
    addresses text[] NOT NULL CHECK (cardinality(addresses) <= 10 AND pg_column_size(addresses) <= 1024),
    user_agent text CHECK (char_length(user_agent) <= 256),
    PRIMARY KEY (minute, tenant_id, slot),
    UNIQUE (minute, tenant_id, key),
    CHECK ((key IS NULL) = (slot >= 400))
) WITH (fillfactor = 50);
COMMENT ON TABLE rejection_counts IS
    'Rejections without a principal that is live, counted by minute until the maintenance function adds their rows to '
    'the log. Reached only through count_rejection() and record_rejections().';
COMMENT ON COLUMN rejection_counts.minute IS 'Start of the minute, by the clock of the database.';
COMMENT ON COLUMN rejection_counts.tenant_id IS 'The tenant concerned, as in the log.';
COMMENT ON COLUMN rejection_counts.slot IS
    'Number of the count in its minute; beyond 20 the status, for all other rejections with that status.';
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
ALTER TABLE rejection_counts ENABLE ROW LEVEL SECURITY;
ALTER TABLE rejection_counts FORCE ROW LEVEL SECURITY;
CREATE POLICY backup ON rejection_counts FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON rejection_counts TO holdfast_definer USING (true);
GRANT SELECT ON rejection_counts TO holdfast_backup;
GRANT DELETE, INSERT, SELECT, UPDATE ON rejection_counts TO holdfast_definer;

CREATE TABLE request_binding_keys (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    inner_pad bytea NOT NULL CHECK (octet_length(inner_pad) = 64),
    outer_pad bytea NOT NULL CHECK (octet_length(outer_pad) = 64)
);
COMMENT ON TABLE request_binding_keys IS
    'The key that binds an authorized actor to its transaction: the authorizing functions write with it and '
    'record_audit() verifies. One row, created when first needed; no login can read it, so no backup has it.';
COMMENT ON COLUMN request_binding_keys.single IS 'True: there is one key.';
COMMENT ON COLUMN request_binding_keys.inner_pad IS 'The key combined with the inner padding of HMAC (RFC 2104).';
COMMENT ON COLUMN request_binding_keys.outer_pad IS 'The key combined with the outer padding.';
ALTER TABLE request_binding_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE request_binding_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY definer ON request_binding_keys TO holdfast_definer USING (true);
GRANT INSERT, SELECT ON request_binding_keys TO holdfast_definer;
-- The role of backups may read every table; without a policy it sees no row of this one.
GRANT SELECT ON request_binding_keys TO holdfast_backup;

CREATE TABLE audit_keys (
    kid text PRIMARY KEY,
    x text NOT NULL,
    y text NOT NULL,
    provider_key text,
    created_at timestamptz NOT NULL
);
COMMENT ON TABLE audit_keys IS
    'Public keys (P-256) of all keys that ever sealed. The private keys are in KMS, or locally in a key file.';
COMMENT ON COLUMN audit_keys.kid IS 'RFC 7638 thumbprint of the key.';
COMMENT ON COLUMN audit_keys.x IS 'x coordinate of the public key, base64url.';
COMMENT ON COLUMN audit_keys.y IS 'y coordinate of the public key, base64url.';
COMMENT ON COLUMN audit_keys.provider_key IS 'ARN of the KMS key; NULL for a key in a file.';
COMMENT ON COLUMN audit_keys.created_at IS 'Time of its first seal.';
GRANT SELECT ON audit_keys TO holdfast_auth, holdfast_admin, holdfast_backup;
GRANT INSERT, SELECT ON audit_keys TO holdfast_maintenance;

CREATE TABLE audit_seals (
    number bigint PRIMARY KEY CHECK (number > 0),
    epoch integer NOT NULL,
    from_transaction xid8 NOT NULL,
    to_transaction xid8 NOT NULL,
    rows bigint NOT NULL,
    sealed_at timestamptz NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    kid text NOT NULL REFERENCES audit_keys (kid),
    document text NOT NULL
);
COMMENT ON TABLE audit_seals IS
    'Seals, each naming the one before it. The document is authoritative; the columns repeat it.';
COMMENT ON COLUMN audit_seals.number IS 'Number from 1, without a gap.';
COMMENT ON COLUMN audit_seals.epoch IS 'Epoch of the transactions.';
COMMENT ON COLUMN audit_seals.from_transaction IS 'First transaction that it seals.';
COMMENT ON COLUMN audit_seals.to_transaction IS 'First transaction after those that it seals.';
COMMENT ON COLUMN audit_seals.rows IS 'Number of rows, of all tenants.';
COMMENT ON COLUMN audit_seals.sealed_at IS 'Time of sealing.';
COMMENT ON COLUMN audit_seals.hash IS 'Digest by which the next seal names it.';
COMMENT ON COLUMN audit_seals.kid IS 'The key that signed it.';
COMMENT ON COLUMN audit_seals.document IS 'The seal: a compact JWS (RFC 7515).';
GRANT SELECT ON audit_seals TO holdfast_admin, holdfast_backup, holdfast_metrics;
GRANT INSERT, SELECT ON audit_seals TO holdfast_maintenance;

CREATE TABLE audit_batches (
    tenant_id uuid NOT NULL,
    seal_number bigint NOT NULL REFERENCES audit_seals (number),
    count bigint NOT NULL CHECK (count > 0),
    total bigint NOT NULL,
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    head bytea NOT NULL CHECK (octet_length(head) = 32),
    entries bytea NOT NULL CHECK (octet_length(entries) = count * 48),
    state_index bigint NOT NULL,
    state_size bigint NOT NULL,
    state_path bytea NOT NULL,
    PRIMARY KEY (tenant_id, seal_number)
);
CREATE INDEX audit_batches_of_seal ON audit_batches (seal_number);
COMMENT ON TABLE audit_batches IS 'New rows of a tenant in a seal.';
COMMENT ON COLUMN audit_batches.tenant_id IS 'The tenant.';
COMMENT ON COLUMN audit_batches.seal_number IS 'The seal.';
COMMENT ON COLUMN audit_batches.count IS 'Number of rows.';
COMMENT ON COLUMN audit_batches.total IS 'Number of the tenant''s rows ever sealed, these included.';
COMMENT ON COLUMN audit_batches.root IS 'Merkle root over the entries.';
COMMENT ON COLUMN audit_batches.head IS 'Head of the tenant''s hash chain of batches.';
COMMENT ON COLUMN audit_batches.entries IS 'The rows in order: 16 bytes of id and 32 of digest each.';
COMMENT ON COLUMN audit_batches.state_index IS 'Index of the tenant in the seal''s state tree.';
COMMENT ON COLUMN audit_batches.state_size IS 'Number of tenants in that tree.';
COMMENT ON COLUMN audit_batches.state_path IS 'Inclusion proof in that tree, 32 bytes per step, from the leaf up.';
-- Digests do not compress.
ALTER TABLE audit_batches ALTER COLUMN entries SET STORAGE EXTERNAL;
ALTER TABLE audit_batches ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_batches FORCE ROW LEVEL SECURITY;
CREATE POLICY own_tenant ON audit_batches FOR SELECT TO holdfast_admin USING (tenant_id = (SELECT current_tenant()));
CREATE POLICY backup ON audit_batches FOR SELECT TO holdfast_backup USING (true);
CREATE POLICY definer ON audit_batches FOR SELECT TO holdfast_definer USING (true);
CREATE POLICY seal ON audit_batches TO holdfast_maintenance USING (true);
GRANT SELECT ON audit_batches TO holdfast_admin, holdfast_backup, holdfast_definer;
GRANT INSERT, SELECT ON audit_batches TO holdfast_maintenance;

CREATE TABLE audit_deliveries (
    seal_number bigint PRIMARY KEY REFERENCES audit_seals (number),
    location text NOT NULL,
    delivered_at timestamptz NOT NULL
);
COMMENT ON TABLE audit_deliveries IS 'Seals that were written to a store that the database''s owner cannot change.';
COMMENT ON COLUMN audit_deliveries.seal_number IS 'The seal.';
COMMENT ON COLUMN audit_deliveries.location IS 'An object in S3, or a file.';
COMMENT ON COLUMN audit_deliveries.delivered_at IS 'Time of delivery.';
GRANT SELECT ON audit_deliveries TO holdfast_backup;
GRANT INSERT, SELECT ON audit_deliveries TO holdfast_maintenance;

CREATE TABLE audit_drops (
    partition text PRIMARY KEY CHECK (partition ~ '^http_audit_log_[0-9]{4}_[0-9]{2}$'),
    from_at timestamptz NOT NULL,
    before_at timestamptz NOT NULL,
    rows bigint NOT NULL,
    seal_number bigint NOT NULL REFERENCES audit_seals (number)
);
COMMENT ON TABLE audit_drops IS
    'Expired months. Each is named in a seal before it is dropped, so that its absence is accounted for.';
COMMENT ON COLUMN audit_drops.partition IS 'The partition.';
COMMENT ON COLUMN audit_drops.from_at IS 'Start of the month: rows at or after this time.';
COMMENT ON COLUMN audit_drops.before_at IS 'End of the month: rows before this time.';
COMMENT ON COLUMN audit_drops.rows IS 'Number of rows that it had.';
COMMENT ON COLUMN audit_drops.seal_number IS 'The seal that names it.';
GRANT SELECT ON audit_drops TO holdfast_admin, holdfast_backup;
GRANT INSERT, SELECT ON audit_drops TO holdfast_maintenance;
