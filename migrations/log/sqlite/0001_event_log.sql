-- The event log, and what lies beside it. The same tables as on Postgres; see there. Ids that are UUIDs are their 16 bytes,
-- but for those that name a stream: those are texts, as postgres-es has them.
-- Strict: a column takes what it is declared as and nothing else, as on Postgres.
CREATE TABLE events (
    position       INTEGER PRIMARY KEY,  -- 1, 2, 3, … over all streams, without a gap
    aggregate_type TEXT    NOT NULL,
    aggregate_id   TEXT    NOT NULL,
    sequence       INTEGER NOT NULL CHECK (sequence >= 1),
    event_type     TEXT    NOT NULL,
    event_version  TEXT    NOT NULL,
    payload        TEXT    NOT NULL,     -- the event's fields as an object of JSON, private values sealed
    metadata       TEXT    NOT NULL,     -- who made it happen, and why, sealed
    account_id     BLOB,                 -- whose it is, where it is one account's
    integration_id BLOB,                 -- the store link that it is about, where it is about one
    caused_by      INTEGER,              -- position of the event that this one follows from, where there is one
    correlation_id BLOB    NOT NULL,     -- what belongs together across streams has the same
    data_key_id    BLOB,                 -- the data key that sealed its private values, its reason and its body, if any
    recorded_at    INTEGER NOT NULL,     -- microseconds since 1970
    hash           BLOB    NOT NULL,     -- SHA-256 over the previous event's hash of this stream and this row's bytes
    body           BLOB,                 -- the raw body of a webhook, compressed and sealed; last, so no fold reads it
    UNIQUE (aggregate_type, aggregate_id, sequence)
) STRICT;
CREATE INDEX events_account ON events (account_id, position) WHERE account_id IS NOT NULL;
CREATE INDEX events_integration ON events (integration_id, position) WHERE integration_id IS NOT NULL;
CREATE INDEX events_caused_by ON events (caused_by) WHERE caused_by IS NOT NULL;

-- The keys that seal the private values of streams, themselves sealed by the master key. Deleting a row erases for good.
CREATE TABLE data_keys (
    id      BLOB PRIMARY KEY,            -- a UUID of version 7: fresh streams fill one page after the other
    wrapped BLOB NOT NULL
) WITHOUT ROWID, STRICT;

-- The latest fold of long streams, so that loading one never reads more than a bounded number of events.
CREATE TABLE snapshots (
    aggregate_type TEXT    NOT NULL,
    aggregate_id   TEXT    NOT NULL,
    sequence       INTEGER NOT NULL,
    hash           BLOB    NOT NULL,
    schema_version INTEGER NOT NULL,
    state          TEXT    NOT NULL,
    data_key_id    BLOB,                 -- the stream's data key, which seals the state too
    PRIMARY KEY (aggregate_type, aggregate_id)
) STRICT;

-- How far each process manager has come, which event that was, and which node runs it until when.
CREATE TABLE followers (
    name       TEXT    PRIMARY KEY,
    position   INTEGER NOT NULL,
    hash       BLOB    NOT NULL,
    held_by    TEXT,                     -- none where it was handed back
    held_until INTEGER NOT NULL          -- microseconds since 1970; 0 where no node holds it
) STRICT;

-- Events that a process manager could not handle. It went on without them, and tries them again.
CREATE TABLE parked_events (
    process        TEXT    NOT NULL,
    position       INTEGER NOT NULL,
    aggregate_type TEXT    NOT NULL,
    aggregate_id   TEXT    NOT NULL,
    event_type     TEXT    NOT NULL,
    account_id     BLOB,                 -- whose event it is, where it is one account's
    reason         TEXT    NOT NULL,     -- names streams and rules; never what an event says
    tries          INTEGER NOT NULL,
    parked_at      INTEGER NOT NULL,     -- microseconds since 1970, like the two below
    last_tried_at  INTEGER NOT NULL,
    retry_at       INTEGER NOT NULL,
    PRIMARY KEY (process, position)
) STRICT;
CREATE INDEX parked_events_retry ON parked_events (process, retry_at);

-- Webhooks that were not let in, counted by the hour: what is unsigned never enters the log, and cannot fill the disk.
CREATE TABLE refusals (
    account_id     TEXT    NOT NULL,
    integration_id TEXT    NOT NULL,
    reason         TEXT    NOT NULL,
    hour           INTEGER NOT NULL,     -- microseconds since 1970, whole hours
    refused        INTEGER NOT NULL,
    last_at        INTEGER NOT NULL,
    message        TEXT,                 -- the sentence that the sender of the latest of the hour got
    PRIMARY KEY (account_id, integration_id, reason, hour)
) STRICT;
CREATE INDEX refusals_newest ON refusals (last_at);

-- The master keys by which anything here may be wrapped.
CREATE TABLE vault (
    master_key_id BLOB PRIMARY KEY
) STRICT;

-- The keys that sign checkpoints. The one with the greatest number signs; those before it stay, because what they signed
-- is verified with them. Numbers, so that several nodes that need a first key at once make one.
CREATE TABLE signing_keys (
    number     INTEGER PRIMARY KEY,      -- 1, 2, 3, …
    key_id     TEXT    NOT NULL UNIQUE,  -- first 8 bytes of a hash of the public key, in hexadecimal
    public_key BLOB    NOT NULL,         -- Ed25519, 32 bytes
    wrapped    BLOB    NOT NULL,         -- the secret part, sealed by the master key, in the form of data keys
    created_at INTEGER NOT NULL          -- microseconds since 1970
) STRICT;

-- Keys of the log as a whole, each sealed by the master key in the form of data keys. They cannot be rebuilt.
CREATE TABLE sealed_keys (
    name    TEXT PRIMARY KEY,
    wrapped BLOB NOT NULL
) STRICT;

-- One row that is written to learn whether a write works: reads go on where a disk is full.
CREATE TABLE write_probe (
    id        INTEGER PRIMARY KEY,
    probed_at INTEGER NOT NULL,          -- microseconds since 1970
    weight    BLOB    NOT NULL           -- as much as some orders, so that what has room for it has room for them
) STRICT;

-- What is stored of each account's webhooks in its latest day.
CREATE TABLE daily_bytes (
    account_id TEXT    PRIMARY KEY,
    day        INTEGER NOT NULL,         -- since 1970, UTC
    bytes      INTEGER NOT NULL
) STRICT;

-- How many attempts accounts may start in a minute. Requests of API keys are counted in memory: one process has the file.
CREATE TABLE rates (
    key     TEXT    PRIMARY KEY,         -- what is counted, and of whom
    full_at INTEGER NOT NULL             -- when as much may be done at once again; microseconds since 1970
) STRICT;
