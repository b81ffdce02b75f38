-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE login_throttles (
    key bytea NOT NULL,
    failures integer NOT NULL,
    failed_at timestamp with time zone NOT NULL,
    blocked_until timestamp with time zone NOT NULL,
    CONSTRAINT login_throttles_pkey PRIMARY KEY (key),
    CONSTRAINT login_throttles_key_check CHECK ((octet_length(key) = 32))
);
CREATE INDEX login_throttles_by_age ON login_throttles USING btree (failed_at);
GRANT SELECT ON login_throttles TO holdfast_backup;
GRANT DELETE, INSERT, SELECT, UPDATE ON login_throttles TO holdfast_definer;
GRANT DELETE, SELECT ON login_throttles TO holdfast_maintenance;
COMMENT ON TABLE login_throttles IS 'Failed sign-ins by user and by address. Unknown users are counted alike.';
COMMENT ON COLUMN login_throttles.key IS 'SHA-256 of the subject that is counted: an address, a tenant and username, or both.';
COMMENT ON COLUMN login_throttles.failures IS 'Consecutive failures; reset after a day without one.';
COMMENT ON COLUMN login_throttles.failed_at IS 'Time of the newest failure.';
COMMENT ON COLUMN login_throttles.blocked_until IS 'Attempts before this time are rejected without evaluation.';
