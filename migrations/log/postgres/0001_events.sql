-- The event log. The first seven columns are those of postgres-es, whose repository can read this table.
CREATE TABLE events (
    aggregate_type text   NOT NULL,
    aggregate_id   text   NOT NULL,
    sequence       bigint NOT NULL CHECK (sequence >= 1),
    event_type     text   NOT NULL,
    event_version  text   NOT NULL,
    payload        json   NOT NULL,      -- json, not jsonb: it keeps the bytes that the hash was made over
    metadata       json   NOT NULL,
    position       bigint NOT NULL,      -- 1, 2, 3, … over all streams, without a gap, visible in this order
    recorded_at    bigint NOT NULL,      -- microseconds since 1970
    hash           bytea  NOT NULL,      -- SHA-256 over the previous event's hash of this stream and this row's bytes
    body           bytea,                -- the raw body of a webhook, compressed and sealed; no fold reads it
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)
);
CREATE UNIQUE INDEX events_position ON events (position);
-- What is sealed cannot be compressed; rows stay whole up to a page, so that an order's body costs no second table.
ALTER TABLE events ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE events SET (toast_tuple_target = 8160);

-- The key that seals the private fields of a stream, itself sealed by the master key. Deleting a row erases for good.
CREATE TABLE data_keys (
    aggregate_type text  NOT NULL,
    aggregate_id   text  NOT NULL,
    wrapped        bytea NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id)
);

-- The latest fold of long streams, so that loading one never reads more than a bounded number of events.
CREATE TABLE snapshots (
    aggregate_type text   NOT NULL,
    aggregate_id   text   NOT NULL,
    sequence       bigint NOT NULL,
    hash           bytea  NOT NULL,
    schema_version bigint NOT NULL,
    state          text   NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id)
);

-- How far each follower that acts on the log has come.
CREATE TABLE followers (
    name     text   PRIMARY KEY,
    position bigint NOT NULL
);

-- Webhooks that were not let in, counted by the hour: what is unsigned never enters the log, and cannot fill the disk.
CREATE TABLE refusals (
    account_id     text   NOT NULL,
    integration_id text   NOT NULL,
    reason         text   NOT NULL,
    hour           bigint NOT NULL,      -- microseconds since 1970, whole hours
    refused        bigint NOT NULL,
    last_at        bigint NOT NULL,
    PRIMARY KEY (account_id, integration_id, reason, hour)
);

CREATE TABLE vault (
    master_key_id bytea PRIMARY KEY
);

-- Appends a batch: each append wholly or, where another came first, not at all; one's conflict never fails another's.
-- A function, because each of its statements sees what was committed before it: a single statement that waits for the
-- lock would go on with the snapshot it took before it waited.
CREATE FUNCTION append_events(
    append_nos bigint[], aggregate_types text[], aggregate_ids text[], sequences bigint[], event_types text[],
    event_versions text[], payloads text[], metadatas text[], recorded_ats bigint[], hashes bytea[], bodies bytea[],
    key_append_nos bigint[], wrapped_keys bytea[],
    snapshot_append_nos bigint[], snapshot_versions bigint[], snapshot_states text[]
) RETURNS TABLE (append_no bigint, last_position bigint) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    head bigint;
BEGIN
    -- One writer at a time over all nodes, until its commit is visible: so positions become visible in order.
    PERFORM pg_advisory_xact_lock(4919131313);
    SELECT coalesce(max(e.position), 0) INTO head FROM events e;
    RETURN QUERY
    WITH input AS MATERIALIZED (
        SELECT *
        FROM unnest(append_nos, aggregate_types, aggregate_ids, sequences, event_types, event_versions, payloads,
                    metadatas, recorded_ats, hashes, bodies)
             WITH ORDINALITY AS i(append_no, aggregate_type, aggregate_id, sequence, event_type, event_version, payload,
                                  metadata, recorded_at, hash, body, ordinal)
    ), starts AS (
        SELECT DISTINCT ON (i.append_no) i.append_no, i.aggregate_type, i.aggregate_id, i.sequence
        FROM input i ORDER BY i.append_no, i.sequence
    ), allowed AS MATERIALIZED (
        SELECT s.append_no, s.aggregate_type, s.aggregate_id
        FROM starts s
        WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.aggregate_type = s.aggregate_type
                              AND e.aggregate_id = s.aggregate_id AND e.sequence = s.sequence)
          AND (s.sequence = 1
               OR EXISTS (SELECT 1 FROM events e WHERE e.aggregate_type = s.aggregate_type
                              AND e.aggregate_id = s.aggregate_id AND e.sequence = s.sequence - 1))
    ), accepted AS MATERIALIZED (
        SELECT i.*, head + row_number() OVER (ORDER BY i.ordinal) AS position
        FROM input i JOIN allowed a ON a.append_no = i.append_no
    ), inserted AS (
        INSERT INTO events (aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata,
                            position, recorded_at, hash, body)
        SELECT a.aggregate_type, a.aggregate_id, a.sequence, a.event_type, a.event_version, a.payload::json,
               a.metadata::json, a.position, a.recorded_at, a.hash, a.body
        FROM accepted a ORDER BY a.position
    ), keyed AS (
        INSERT INTO data_keys (aggregate_type, aggregate_id, wrapped)
        SELECT a.aggregate_type, a.aggregate_id, k.wrapped
        FROM unnest(key_append_nos, wrapped_keys) AS k(append_no, wrapped) JOIN allowed a ON a.append_no = k.append_no
        ON CONFLICT (aggregate_type, aggregate_id) DO NOTHING
    ), shot AS (
        INSERT INTO snapshots (aggregate_type, aggregate_id, sequence, hash, schema_version, state)
        SELECT DISTINCT ON (s.append_no) a.aggregate_type, a.aggregate_id, a.sequence, a.hash, s.version, s.state
        FROM unnest(snapshot_append_nos, snapshot_versions, snapshot_states) AS s(append_no, version, state)
             JOIN accepted a ON a.append_no = s.append_no
        ORDER BY s.append_no, a.sequence DESC
        ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE
            SET sequence = excluded.sequence, hash = excluded.hash, schema_version = excluded.schema_version,
                state = excluded.state
    )
    SELECT a.append_no, max(a.position) FROM accepted a GROUP BY a.append_no;
    PERFORM pg_notify('cloud_bridge_events', '');
END
$$;
