//! Appending on SQLite: one transaction of the file's only writing connection, one statement for each table.

use std::collections::HashMap;

use sqlx::{QueryBuilder, Sqlite, SqliteConnection, SqlitePool};

use super::append::{Append, NewEvent, StreamAppend, StreamEnd, StreamKey};
use super::batch::{self, OtherEnds};
use super::row::GENESIS;

/// Rows in one statement. Each number of rows is a text of its own, which SQLite prepares once and keeps.
const ROWS_AT_ONCE: usize = 64;

/// Statements a batch of fresh orders costs, its begin and commit included. None of them is a round trip.
pub(super) const STATEMENTS: u64 = 5;

/// How a stream ends that does not end as expected; without a number, the head of the log.
#[derive(sqlx::FromRow)]
struct Found {
    stream_no: Option<i64>,
    sequence: i64,
    hash: Option<Vec<u8>>,
}

/// Appends a batch. Returns for each append the position of its last event, or none where another append came first.
pub(super) async fn append(pool: &SqlitePool, appends: &[&Append]) -> sqlx::Result<Vec<Option<i64>>> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let expected = batch::expected_ends(appends);
    let (head, others) = head_and_other_ends(&mut transaction, &expected).await?;
    let accepted = batch::accepted(appends, &others);
    let positions = batch::positions(appends, &accepted, head);
    let streams: Vec<&StreamAppend> = appends
        .iter()
        .zip(&accepted)
        .filter(|(_, accepted)| **accepted)
        .flat_map(|(append, _)| &append.streams)
        .collect();
    if !streams.is_empty() {
        insert_events(&mut transaction, head + 1, &streams).await?;
        insert_keys(&mut transaction, &streams).await?;
        delete_keys(&mut transaction, &streams).await?;
        insert_snapshots(&mut transaction, &streams).await?;
        transaction.commit().await?;
    }
    Ok(positions)
}

/// The head of the log, and the streams that do not end as expected.
async fn head_and_other_ends<'a>(
    connection: &mut SqliteConnection,
    expected: &[(StreamKey<'a>, StreamEnd)],
) -> sqlx::Result<(i64, OtherEnds<'a>)> {
    let streams = expected.iter().map(|(key, end)| {
        let hash = if end.sequence == 0 { None } else { Some(hex::encode_upper(end.hash)) };
        serde_json::json!([key.aggregate_type, key.aggregate_id, end.sequence, hash])
    });
    let streams = serde_json::Value::Array(streams.collect()).to_string();
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
    .bind(streams)
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

async fn insert_events(
    connection: &mut SqliteConnection,
    first_position: i64,
    streams: &[&StreamAppend],
) -> sqlx::Result<()> {
    let events: Vec<_> = (first_position..).zip(streams.iter().flat_map(|stream| &stream.events)).collect();
    for some in events.chunks(ROWS_AT_ONCE) {
        insert_some_events(connection, some).await?;
    }
    Ok(())
}

async fn insert_some_events(connection: &mut SqliteConnection, events: &[(i64, &NewEvent)]) -> sqlx::Result<()> {
    let mut insert = QueryBuilder::<Sqlite>::new(
        "INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_type, event_version, payload, \
         metadata, account_id, integration_id, caused_by, correlation_id, data_key_id, recorded_at, hash, body) ",
    );
    insert.push_values(events, |mut row, (position, NewEvent { stored, body })| {
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
    });
    insert.build().execute(connection).await.map(drop)
}

async fn insert_keys(connection: &mut SqliteConnection, streams: &[&StreamAppend]) -> sqlx::Result<()> {
    let keys: Vec<_> = streams.iter().filter_map(|stream| stream.new_data_key.as_ref()).collect();
    for some in keys.chunks(ROWS_AT_ONCE) {
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO data_keys (id, wrapped) ");
        insert.push_values(some, |mut row, key| {
            row.push_bind(key.id).push_bind(key.wrapped.as_slice());
        });
        insert.build().execute(&mut *connection).await?;
    }
    Ok(())
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
