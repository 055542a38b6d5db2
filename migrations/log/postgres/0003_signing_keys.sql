-- The keys that sign checkpoints. The one with the greatest number signs; those before it stay, because what they signed
-- is verified with them. Numbers, so that several nodes that need a first key at once make one.
CREATE TABLE signing_keys (
    number     bigint  PRIMARY KEY,      -- 1, 2, 3, …
    key_id     text    NOT NULL UNIQUE,  -- first 8 bytes of a hash of the public key, in hexadecimal
    public_key bytea   NOT NULL,         -- Ed25519, 32 bytes
    wrapped    bytea   NOT NULL,         -- the secret part, sealed by the master key, in the form of data keys
    created_at bigint  NOT NULL          -- microseconds since 1970
);
