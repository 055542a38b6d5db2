-- The keys that sign checkpoints. The one with the greatest number signs; those before it stay, because what they signed
-- is verified with them. Numbers, so that several nodes that need a first key at once make one.
CREATE TABLE signing_keys (
    number     INTEGER PRIMARY KEY,      -- 1, 2, 3, …
    key_id     TEXT    NOT NULL UNIQUE,  -- first 8 bytes of a hash of the public key, in hexadecimal
    public_key BLOB    NOT NULL,         -- Ed25519, 32 bytes
    wrapped    BLOB    NOT NULL,         -- the secret part, sealed by the master key, in the form of data keys
    created_at INTEGER NOT NULL          -- microseconds since 1970
);
