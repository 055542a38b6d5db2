-- The event log. The first seven columns are those of postgres-es, whose repository can read this table.
-- Texts that an index orders have the collation "C", by their bytes: the order of the operating system's languages may
-- change when it is upgraded, and an index that was built in the old order then misses rows or takes a key twice.
CREATE TABLE events (
    aggregate_type text   COLLATE "C" NOT NULL,
    aggregate_id   text   COLLATE "C" NOT NULL,
    sequence       bigint NOT NULL CHECK (sequence >= 1),
    event_type     text   NOT NULL,
    event_version  text   NOT NULL,
    payload        json   NOT NULL,      -- the event's fields as an object, private values sealed; json, not jsonb: it keeps
                                         -- the bytes that the hash was made over
    metadata       json   NOT NULL,      -- who made it happen, and why, sealed
    position       bigint NOT NULL,      -- 1, 2, 3, … over all streams, without a gap, visible in this order
    account_id     uuid,                 -- whose it is, where it is one account's
    integration_id uuid,                 -- the store link that it is about, where it is about one
    caused_by      bigint,               -- position of the event that this one follows from, where there is one
    correlation_id uuid   NOT NULL,      -- what belongs together across streams has the same
    data_key_id    uuid,                 -- the data key that sealed its private values, its reason and its body, if any
    recorded_at    bigint NOT NULL,      -- microseconds since 1970
    hash           bytea  NOT NULL,      -- SHA-256 over the previous event's hash of this stream and this row's bytes
    body           bytea,                -- the raw body of a webhook, compressed and sealed; no fold reads it
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
);
CREATE UNIQUE INDEX events_position ON events (position);
CREATE INDEX events_account ON events (account_id, position) WHERE account_id IS NOT NULL;
CREATE INDEX events_integration ON events (integration_id, position) WHERE integration_id IS NOT NULL;
CREATE INDEX events_caused_by ON events (caused_by) WHERE caused_by IS NOT NULL;
-- What is sealed cannot be compressed; rows stay whole up to a page, so that an order's body costs no second table.
ALTER TABLE events ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE events SET (toast_tuple_target = 8160);

-- The keys that seal the private values of streams, themselves sealed by the master key. Deleting a row erases for good.
CREATE TABLE data_keys (
    id      uuid  PRIMARY KEY,           -- of version 7: fresh streams fill one page after the other
    wrapped bytea NOT NULL
);

-- The latest fold of long streams, so that loading one never reads more than a bounded number of events.
CREATE TABLE snapshots (
    aggregate_type text   COLLATE "C" NOT NULL,
    aggregate_id   text   COLLATE "C" NOT NULL,
    sequence       bigint NOT NULL,
    hash           bytea  NOT NULL,
    schema_version bigint NOT NULL,
    state          text   NOT NULL,
    data_key_id    uuid,                 -- the stream's data key, which seals the state too
    PRIMARY KEY (aggregate_type, aggregate_id)
);

-- How far each process manager has come, which event that was (positions alone do not tell one log from another), and
-- which node runs it until when.
CREATE TABLE followers (
    name       text   COLLATE "C" PRIMARY KEY,
    position   bigint NOT NULL,
    hash       bytea  NOT NULL,
    held_by    text,                     -- none where it was handed back
    held_until bigint NOT NULL           -- microseconds since 1970; 0 where no node holds it
);

-- Events that a process manager could not handle. It went on without them, and tries them again.
CREATE TABLE parked_events (
    process        text   COLLATE "C" NOT NULL,
    position       bigint NOT NULL,
    aggregate_type text   NOT NULL,
    aggregate_id   text   NOT NULL,
    event_type     text   NOT NULL,
    account_id     uuid,                 -- whose event it is, where it is one account's
    reason         text   NOT NULL,      -- names streams and rules; never what an event says
    tries          bigint NOT NULL,
    parked_at      bigint NOT NULL,      -- microseconds since 1970, like the two below
    last_tried_at  bigint NOT NULL,
    retry_at       bigint NOT NULL,
    PRIMARY KEY (process, position)
);
CREATE INDEX parked_events_retry ON parked_events (process, retry_at);

-- Webhooks that were not let in, counted by the hour: what is unsigned never enters the log, and cannot fill the disk.
CREATE TABLE refusals (
    account_id     text   COLLATE "C" NOT NULL,
    integration_id text   COLLATE "C" NOT NULL,
    reason         text   COLLATE "C" NOT NULL,
    hour           bigint NOT NULL,      -- microseconds since 1970, whole hours
    refused        bigint NOT NULL,
    last_at        bigint NOT NULL,
    message        text,                 -- the sentence that the sender of the latest of the hour got
    PRIMARY KEY (account_id, integration_id, reason, hour)
);
CREATE INDEX refusals_newest ON refusals (last_at);

-- The master keys by which anything here may be wrapped.
CREATE TABLE vault (
    master_key_id bytea PRIMARY KEY
);

-- The keys that sign checkpoints. The one with the greatest number signs; those before it stay, because what they signed
-- is verified with them. Numbers, so that several nodes that need a first key at once make one.
CREATE TABLE signing_keys (
    number     bigint PRIMARY KEY,       -- 1, 2, 3, …
    key_id     text   COLLATE "C" NOT NULL UNIQUE, -- first 8 bytes of a hash of the public key, in hexadecimal
    public_key bytea  NOT NULL,          -- Ed25519, 32 bytes
    wrapped    bytea  NOT NULL,          -- the secret part, sealed by the master key, in the form of data keys
    created_at bigint NOT NULL           -- microseconds since 1970
);

-- Keys of the log as a whole, each sealed by the master key in the form of data keys. They cannot be rebuilt.
CREATE TABLE sealed_keys (
    name    text  COLLATE "C" PRIMARY KEY,
    wrapped bytea NOT NULL
);

-- One row that is written to learn whether a write works: reads go on where a disk is full.
CREATE TABLE write_probe (
    id        bigint PRIMARY KEY,
    probed_at bigint NOT NULL,           -- microseconds since 1970
    weight    bytea  NOT NULL            -- as much as some orders, so that what has room for it has room for them
);

-- What is stored of each account's webhooks in its latest day.
CREATE TABLE daily_bytes (
    account_id text   COLLATE "C" PRIMARY KEY,
    day        bigint NOT NULL,          -- since 1970, UTC
    bytes      bigint NOT NULL
);

-- What accounts and API keys may do in a minute, over all nodes.
CREATE TABLE rates (
    key     text   COLLATE "C" PRIMARY KEY, -- what is counted, and of whom
    full_at bigint NOT NULL              -- when as much may be done at once again; microseconds since 1970
);

-- Appends a batch, all or none: where a stream does not end as expected, nothing is stored and its end is returned.
-- A function, because each of its statements sees what was committed before it: a single statement that waits for the
-- lock would go on with the snapshot it took before it waited.
CREATE FUNCTION append_events(
    end_types text[], end_ids text[], end_sequences bigint[], end_hashes bytea[],
    aggregate_types text[], aggregate_ids text[], sequences bigint[], event_types text[],
    event_versions text[], payloads text[], metadatas text[], account_ids uuid[], integration_ids uuid[],
    caused_bys bigint[], correlation_ids uuid[], data_key_ids uuid[], recorded_ats bigint[], hashes bytea[],
    bodies bytea[],
    key_ids uuid[], wrapped_keys bytea[], erased_key_ids uuid[],
    snapshot_types text[], snapshot_ids text[], snapshot_sequences bigint[], snapshot_hashes bytea[],
    snapshot_versions bigint[], snapshot_states text[], snapshot_key_ids uuid[]
) RETURNS TABLE (stream_no bigint, last_sequence bigint, last_hash bytea) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    head bigint;
BEGIN
    -- One writer at a time over all nodes, until its commit is visible: so positions become visible in order.
    PERFORM pg_advisory_xact_lock(4919131313);
    RETURN QUERY
    SELECT x.stream_no, coalesce(l.sequence, 0), l.hash
    FROM unnest(end_types, end_ids, end_sequences, end_hashes)
             WITH ORDINALITY AS x(aggregate_type, aggregate_id, sequence, hash, stream_no)
         LEFT JOIN LATERAL (
             SELECT e.sequence, e.hash FROM events e
             WHERE e.aggregate_type = x.aggregate_type AND e.aggregate_id = x.aggregate_id
             ORDER BY e.sequence DESC LIMIT 1
         ) l ON true
    WHERE coalesce(l.sequence, 0) <> x.sequence OR l.hash IS DISTINCT FROM x.hash;
    IF FOUND THEN
        RETURN;
    END IF;
    SELECT coalesce(max(e.position), 0) INTO head FROM events e;
    INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata, position,
                        account_id, integration_id, caused_by, correlation_id, data_key_id, recorded_at, hash, body)
    SELECT i.aggregate_type, i.aggregate_id, i.sequence, i.event_type, i.event_version, i.payload::json,
           i.metadata::json, head + i.ordinal, i.account_id, i.integration_id, i.caused_by, i.correlation_id,
           i.data_key_id, i.recorded_at, i.hash, i.body
    FROM unnest(aggregate_types, aggregate_ids, sequences, event_types, event_versions, payloads, metadatas, account_ids,
                integration_ids, caused_bys, correlation_ids, data_key_ids, recorded_ats, hashes, bodies)
             WITH ORDINALITY AS i(aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata,
                                  account_id, integration_id, caused_by, correlation_id, data_key_id, recorded_at, hash,
                                  body, ordinal);
    INSERT INTO data_keys (id, wrapped) SELECT k.id, k.wrapped FROM unnest(key_ids, wrapped_keys) AS k(id, wrapped);
    -- Not where there is none: a plan that was made while the table was empty reads all of it.
    IF cardinality(erased_key_ids) > 0 THEN
        DELETE FROM data_keys k WHERE k.id = ANY (erased_key_ids);
    END IF;
    -- Most batches bring none, and a statement costs its start.
    IF cardinality(snapshot_types) > 0 THEN
        INSERT INTO snapshots (aggregate_type, aggregate_id, sequence, hash, schema_version, state, data_key_id)
        SELECT s.* FROM unnest(snapshot_types, snapshot_ids, snapshot_sequences, snapshot_hashes, snapshot_versions,
                               snapshot_states, snapshot_key_ids) AS s
        ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE
            SET sequence = excluded.sequence, hash = excluded.hash, schema_version = excluded.schema_version,
                state = excluded.state, data_key_id = excluded.data_key_id;
    END IF;
    PERFORM pg_notify('cloud_bridge_events', '');
    RETURN QUERY SELECT NULL::bigint, head, NULL::bytea;
END
$$;
