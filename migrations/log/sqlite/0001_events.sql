-- The event log. The same columns as on Postgres; see there.
CREATE TABLE events (
    position       INTEGER PRIMARY KEY,  -- 1, 2, 3, … over all streams, without a gap
    aggregate_type TEXT    NOT NULL,
    aggregate_id   TEXT    NOT NULL,
    sequence       INTEGER NOT NULL CHECK (sequence >= 1),
    event_type     TEXT    NOT NULL,
    event_version  TEXT    NOT NULL,
    payload        TEXT    NOT NULL,
    metadata       TEXT    NOT NULL,
    recorded_at    INTEGER NOT NULL,     -- microseconds since 1970
    hash           BLOB    NOT NULL,     -- SHA-256 over the previous event's hash of this stream and this row's bytes
    body           BLOB,                 -- the raw body of a webhook, compressed and sealed; last, so no fold reads it
    UNIQUE (aggregate_type, aggregate_id, sequence)
);

-- The key that seals the private fields of a stream, itself sealed by the master key. Deleting a row erases for good.
CREATE TABLE data_keys (
    aggregate_type TEXT NOT NULL,
    aggregate_id   TEXT NOT NULL,
    wrapped        BLOB NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id)
) WITHOUT ROWID;

-- The latest fold of long streams, so that loading one never reads more than a bounded number of events.
CREATE TABLE snapshots (
    aggregate_type TEXT    NOT NULL,
    aggregate_id   TEXT    NOT NULL,
    sequence       INTEGER NOT NULL,
    hash           BLOB    NOT NULL,
    schema_version INTEGER NOT NULL,
    state          TEXT    NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id)
);

-- How far each follower that acts on the log has come.
CREATE TABLE followers (
    name     TEXT    PRIMARY KEY,
    position INTEGER NOT NULL
);

-- Webhooks that were not let in, counted by the hour: what is unsigned never enters the log, and cannot fill the disk.
CREATE TABLE refusals (
    account_id     TEXT    NOT NULL,
    integration_id TEXT    NOT NULL,
    reason         TEXT    NOT NULL,
    hour           INTEGER NOT NULL,     -- microseconds since 1970, whole hours
    refused        INTEGER NOT NULL,
    last_at        INTEGER NOT NULL,
    PRIMARY KEY (account_id, integration_id, reason, hour)
);

CREATE TABLE vault (
    master_key_id BLOB PRIMARY KEY
);
