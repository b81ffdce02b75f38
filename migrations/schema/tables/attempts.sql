-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE attempts (
    key bytea NOT NULL,
    level double precision NOT NULL,
    counted_at timestamp with time zone NOT NULL,
    CONSTRAINT attempts_pkey PRIMARY KEY (key),
    CONSTRAINT attempts_key_check CHECK ((octet_length(key) = 32)),
    CONSTRAINT attempts_level_check CHECK ((level >= (0)::double precision))
);
CREATE INDEX attempts_by_age ON attempts USING btree (counted_at);
GRANT SELECT ON attempts TO holdfast_backup;
GRANT DELETE, INSERT, SELECT, UPDATE ON attempts TO holdfast_definer;
GRANT DELETE, SELECT ON attempts TO holdfast_maintenance;
COMMENT ON TABLE attempts IS 'Attempts at passwords and codes, each counted before it is evaluated. Unknown users are counted alike.';
COMMENT ON COLUMN attempts.key IS 'SHA-256 of the subject that is counted: an address, a tenant and username, both together, a session, or a user.';
COMMENT ON COLUMN attempts.level IS 'Attempts that count against the subject at that time. Falls steadily, and by each attempt that succeeded.';
COMMENT ON COLUMN attempts.counted_at IS 'Time of the newest attempt that was evaluated.';
