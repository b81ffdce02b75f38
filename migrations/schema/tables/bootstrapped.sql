-- As the migrations leave it. Generated; see migrations/README.md.
CREATE TABLE bootstrapped (
    kind text NOT NULL,
    name text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT bootstrapped_pkey PRIMARY KEY (kind, name),
    CONSTRAINT bootstrapped_kind_check CHECK ((kind = ANY (ARRAY['tenant'::text, 'user'::text, 'api_token'::text, 'signing_key'::text]))),
    CONSTRAINT bootstrapped_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 512)))
);
GRANT SELECT ON bootstrapped TO holdfast_backup;
COMMENT ON TABLE bootstrapped IS 'What the settings of the migrate function once named. It is created at most once: what was deleted, renamed or revoked since does not return while the setting still names it.';
COMMENT ON COLUMN bootstrapped.kind IS 'Kind of object.';
COMMENT ON COLUMN bootstrapped.name IS 'Slug of the tenant; slug, colon and name of the user; SHA-256 of the token; kid of the key.';
COMMENT ON COLUMN bootstrapped.at IS 'Time at which the setting first named it.';
