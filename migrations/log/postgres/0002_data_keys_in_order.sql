-- Data keys in the order in which streams begin, not by their random ids: appending fresh streams fills one page after
-- the other, where each had dirtied a page of its own.
CREATE TABLE data_keys_in_order (
    stream  bigint PRIMARY KEY,          -- position of the stream's first event
    wrapped bytea  NOT NULL
);
INSERT INTO data_keys_in_order (stream, wrapped)
SELECT e.position, k.wrapped
FROM data_keys k
JOIN events e ON e.aggregate_type = k.aggregate_type AND e.aggregate_id = k.aggregate_id AND e.sequence = 1
ORDER BY e.position;
DROP TABLE data_keys;
ALTER TABLE data_keys_in_order RENAME TO data_keys;
ALTER INDEX data_keys_in_order_pkey RENAME TO data_keys_pkey;

-- Appends a batch: each append wholly or, where another came first, not at all; one's conflict never fails another's.
-- A function, because each of its statements sees what was committed before it: a single statement that waits for the
-- lock would go on with the snapshot it took before it waited.
CREATE OR REPLACE FUNCTION append_events(
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
        INSERT INTO data_keys (stream, wrapped)
        SELECT CASE WHEN a.sequence = 1 THEN a.position ELSE
                   -- A look-up for each, not a join: planned while the table was small, a join would read all of it.
                   (SELECT b.position FROM events b WHERE b.aggregate_type = a.aggregate_type
                        AND b.aggregate_id = a.aggregate_id AND b.sequence = 1) END,
               k.wrapped
        FROM unnest(key_append_nos, wrapped_keys) AS k(append_no, wrapped)
             JOIN (SELECT DISTINCT ON (f.append_no) f.append_no, f.aggregate_type, f.aggregate_id, f.sequence,
                          f.position
                   FROM accepted f ORDER BY f.append_no, f.sequence) a ON a.append_no = k.append_no
        ON CONFLICT (stream) DO NOTHING
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
