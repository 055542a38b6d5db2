//! Appending on SQLite: a batch is one round trip to the thread of the file's only writing connection. All of it is sent at
//! once: a transaction that fails where a stream does not end as expected. Only then the ends are read, and what may be stored
//! is.

use std::collections::HashMap;

use sqlx::query_builder::Separated;
use sqlx::{Executor as _, QueryBuilder, Sqlite, SqliteConnection};
use storage::SqliteFile;

use super::append::{Append, NewEvent, StreamAppend, StreamEnd, StreamKey};
use super::batch::{self, OtherEnds};
use super::data_keys::WrappedDataKey;
use super::row::GENESIS;

/// Rows in one statement: as many as there are, or a few that are empty. Each number of rows is a text of its own, which
/// SQLite prepares once and keeps.
const ROWS_AT_ONCE: [usize; 7] = [1, 2, 4, 8, 16, 32, MAX_ROWS];
const MAX_ROWS: usize = 64;
const EVENT_COLUMNS: usize = 16;

/// Statements a batch of fresh orders costs, its begin and commit included. Together they are one round trip.
pub(super) const STATEMENTS: u64 = 5;

/// What the appends of a batch were decided on.
struct Expected {
    head: i64,
    /// The last events of the streams that are not new, as JSON. That nothing is where the events of a batch go, is what
    /// makes them unique.
    ends: String,
}

/// How a stream ends that does not end as expected; without a number, the head of the log.
#[derive(sqlx::FromRow)]
struct Found {
    stream_no: Option<i64>,
    sequence: i64,
    hash: Option<Vec<u8>>,
}

/// Appends a batch to a log that most likely ends with `head`. Returns for each append the position of its last event, or
/// none where another append came first.
pub(super) async fn append(file: &SqliteFile, head: i64, appends: &[&Append]) -> sqlx::Result<Vec<Option<i64>>> {
    file.transaction_of_statements(async |connection| {
        let expected = batch::expected_ends(appends);
        // Also where nothing is known of other appends: what does not follow on the append before it is left out here.
        let accepted = batch::accepted(appends, &OtherEnds::new());
        let at_once = Expected { head, ends: ends_json(expected.iter().filter(|(_, end)| end.sequence > 0)) };
        match insert(connection, Some(at_once), head, &streams(appends, &accepted)).await {
            Ok(()) => return Ok(batch::positions(appends, &accepted, head)),
            Err(error) => tracing::debug!(%error, "a batch is not stored as it was decided"),
        }
        // SQLite may have rolled back by itself.
        connection.execute("ROLLBACK").await.ok();
        // On the connection that writes: nothing is written in between.
        let (head, others) = head_and_other_ends(connection, &expected).await?;
        let accepted = batch::accepted(appends, &others);
        insert(connection, None, head, &streams(appends, &accepted)).await?;
        Ok(batch::positions(appends, &accepted, head))
    })
    .await
}

fn streams<'a>(appends: &[&'a Append], accepted: &[bool]) -> Vec<&'a StreamAppend> {
    let accepted = appends.iter().zip(accepted).filter(|(_, accepted)| **accepted);
    accepted.flat_map(|(append, _)| &append.streams).collect()
}

fn ends_json<'a: 'e, 'e>(ends: impl Iterator<Item = &'e (StreamKey<'a>, StreamEnd)>) -> String {
    let ends = ends.map(|(key, end)| {
        let hash = if end.sequence == 0 { None } else { Some(hex::encode_upper(end.hash)) };
        serde_json::json!([key.aggregate_type, key.aggregate_id, end.sequence, hash])
    });
    serde_json::Value::Array(ends.collect()).to_string()
}

/// The head of the log, and the streams that do not end as expected.
async fn head_and_other_ends<'a>(
    connection: &mut SqliteConnection,
    expected: &[(StreamKey<'a>, StreamEnd)],
) -> sqlx::Result<(i64, OtherEnds<'a>)> {
    let found: Vec<Found> = sqlx::query_as(
        "WITH ends AS (SELECT s.key AS stream_no, s.value ->> 2 AS expected_sequence, s.value ->> 3 AS expected_hash, \
                (SELECT max(sequence) FROM events e WHERE e.aggregate_type = s.value ->> 0 \
                    AND e.aggregate_id = s.value ->> 1) AS sequence, \
                s.value ->> 0 AS aggregate_type, s.value ->> 1 AS aggregate_id \
            FROM json_each($1) s), \
         hashed AS (SELECT ends.*, (SELECT hash FROM events e WHERE e.aggregate_type = ends.aggregate_type \
                    AND e.aggregate_id = ends.aggregate_id AND e.sequence = ends.sequence) AS hash FROM ends) \
         SELECT NULL AS stream_no, (SELECT coalesce(max(position), 0) FROM events) AS sequence, NULL AS hash \
         UNION ALL \
         SELECT stream_no, coalesce(sequence, 0), hash FROM hashed \
         WHERE coalesce(sequence, 0) <> expected_sequence OR hex(hash) IS NOT coalesce(expected_hash, '')",
    )
    .bind(ends_json(expected.iter()))
    .fetch_all(connection)
    .await?;
    let head = found.iter().find(|found| found.stream_no.is_none()).map_or(0, |found| found.sequence);
    let others = found.into_iter().filter_map(|found| {
        let (key, _) = expected.get(usize::try_from(found.stream_no?).ok()?)?;
        Some((*key, end_of(found.sequence, found.hash.as_deref())))
    });
    Ok((head, others.collect::<HashMap<_, _>>()))
}

/// A stream's end as it is stored. A hash of another length is that of no event that anything was decided on.
pub(super) fn end_of(sequence: i64, hash: Option<&[u8]>) -> StreamEnd {
    StreamEnd { sequence, hash: hash.and_then(|hash| hash.try_into().ok()).unwrap_or(GENESIS) }
}

/// Writes all of it after the head of the log, begun and committed by the statements themselves; nothing where the log is not
/// as expected.
async fn insert(
    connection: &mut SqliteConnection,
    mut expected: Option<Expected>,
    head: i64,
    streams: &[&StreamAppend],
) -> sqlx::Result<()> {
    let events: Vec<_> = (head + 1..).zip(streams.iter().flat_map(|stream| &stream.events)).collect();
    let keys: Vec<_> = streams.iter().filter_map(|stream| stream.new_data_key.as_ref()).collect();
    let has_more = streams.iter().any(|stream| stream.erased_data_key.is_some() || stream.snapshot.is_some());
    let chunks = events.len().div_ceil(MAX_ROWS);
    // A key comes with an event, so there are no more of them.
    let mut keys = keys.chunks(MAX_ROWS);
    for (index, events) in events.chunks(MAX_ROWS).enumerate() {
        let mut insert = QueryBuilder::new(if index == 0 { "BEGIN IMMEDIATE; " } else { "" });
        if let Some(expected) = expected.take() {
            push_expected(&mut insert, expected);
        }
        push_some(&mut insert, events, keys.next().unwrap_or_default());
        if index + 1 == chunks && !has_more {
            insert.push("; COMMIT");
        }
        insert.build().execute(&mut *connection).await?;
    }
    if has_more {
        delete_keys(connection, streams).await?;
        insert_snapshots(connection, streams).await?;
        connection.execute("COMMIT").await?;
    }
    Ok(())
}

/// A statement that fails where the log is not as expected: by a row that no event may be.
fn push_expected(insert: &mut QueryBuilder<'_, Sqlite>, Expected { head, ends }: Expected) {
    insert
        .push(
            "INSERT INTO events (sequence, aggregate_type, aggregate_id, event_type, event_version, payload, metadata, \
             correlation_id, recorded_at, hash) SELECT 0, '', '', '', '', '', '', '', 0, '' \
             WHERE (SELECT coalesce(max(position), 0) FROM events) <> ",
        )
        .push_bind(head)
        .push(" OR EXISTS (SELECT 1 FROM json_each(")
        .push_bind(ends)
        .push(
            ") s WHERE s.value ->> 3 IS NOT (SELECT hex(e.hash) FROM events e WHERE e.aggregate_type = s.value ->> 0 \
             AND e.aggregate_id = s.value ->> 1 AND e.sequence = s.value ->> 2)); ",
        );
}

fn push_some<'e>(insert: &mut QueryBuilder<'e, Sqlite>, events: &[(i64, &'e NewEvent)], keys: &[&'e WrappedDataKey]) {
    let rows = ROWS_AT_ONCE.into_iter().find(|rows| *rows >= events.len()).unwrap_or(MAX_ROWS);
    insert.push(
        "INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_type, event_version, payload, \
         metadata, account_id, integration_id, caused_by, correlation_id, data_key_id, recorded_at, hash, body) \
         SELECT * FROM (",
    );
    insert.push_values(padded(events, rows), |mut row, event| match event {
        Some(event) => push_event(&mut row, event),
        None => (0..EVENT_COLUMNS).for_each(|_| _ = row.push_bind(None::<i64>)),
    });
    insert.push(") WHERE column1 IS NOT NULL");
    if !keys.is_empty() {
        insert.push("; INSERT INTO data_keys (id, wrapped) SELECT * FROM (");
        insert.push_values(padded(keys, rows), |mut row, key| {
            row.push_bind(key.map(|key| key.id)).push_bind(key.map(|key| key.wrapped.as_slice()));
        });
        insert.push(") WHERE column1 IS NOT NULL");
    }
}

/// As many rows as a statement has, the last of them empty.
fn padded<T>(some: &[T], rows: usize) -> impl Iterator<Item = Option<&T>> {
    some.iter().map(Some).chain(std::iter::repeat_with(|| None)).take(rows)
}

fn push_event<'e>(row: &mut Separated<'_, 'e, Sqlite, &'static str>, (position, event): &(i64, &'e NewEvent)) {
    let NewEvent { stored, body } = event;
    row.push_bind(*position)
        .push_bind(&stored.aggregate_type)
        .push_bind(&stored.aggregate_id)
        .push_bind(stored.sequence)
        .push_bind(&stored.event_type)
        .push_bind(&stored.event_version)
        .push_bind(&stored.payload)
        .push_bind(&stored.metadata)
        .push_bind(stored.account_id)
        .push_bind(stored.integration_id)
        .push_bind(stored.caused_by)
        .push_bind(stored.correlation_id)
        .push_bind(stored.data_key_id)
        .push_bind(stored.recorded_at)
        .push_bind(stored.hash.as_slice())
        .push_bind(body.as_deref());
}

/// Deletes the data keys of the streams from which a person is erased.
async fn delete_keys(connection: &mut SqliteConnection, streams: &[&StreamAppend]) -> sqlx::Result<()> {
    for id in streams.iter().filter_map(|stream| stream.erased_data_key) {
        sqlx::query("DELETE FROM data_keys WHERE id = $1").bind(id).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn insert_snapshots(connection: &mut SqliteConnection, streams: &[&StreamAppend]) -> sqlx::Result<()> {
    let snapshots: Vec<_> =
        streams.iter().filter_map(|stream| Some((stream.last(), stream.snapshot.as_ref()?))).collect();
    if snapshots.is_empty() {
        return Ok(());
    }
    let mut insert = QueryBuilder::<Sqlite>::new(
        "INSERT OR REPLACE INTO snapshots (aggregate_type, aggregate_id, sequence, hash, schema_version, state, data_key_id) ",
    );
    insert.push_values(snapshots, |mut row, (last, snapshot)| {
        row.push_bind(&last.aggregate_type)
            .push_bind(&last.aggregate_id)
            .push_bind(last.sequence)
            .push_bind(last.hash.as_slice())
            .push_bind(snapshot.schema_version)
            .push_bind(&snapshot.state)
            .push_bind(snapshot.data_key_id);
    });
    insert.build().persistent(false).execute(connection).await.map(drop)
}
