//! Appending on SQLite: one transaction of the file's only writing connection, one statement for each table.

use sqlx::{QueryBuilder, Sqlite, SqliteConnection, SqlitePool};

use super::append::{Append, NewEvent};

/// Statements a batch of fresh orders costs, its begin and commit included. None of them is a round trip.
pub(super) const STATEMENTS: u64 = 5;

#[derive(sqlx::FromRow)]
struct Found {
    append_no: Option<i64>,
    head: i64,
}

/// Appends a batch with at most one append for each stream. Answers for each the position of its last event, or nothing
/// where another append came first.
pub(super) async fn append(pool: &SqlitePool, appends: &[Append]) -> sqlx::Result<Vec<Option<i64>>> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let (head, refused) = head_and_refused(&mut transaction, appends).await?;
    let accepted: Vec<&Append> =
        appends.iter().zip(&refused).filter(|(_, refused)| !**refused).map(|(append, _)| append).collect();
    let mut last = head;
    let positions = appends.iter().zip(&refused).map(|(append, refused)| {
        (!refused).then(|| {
            last += i64::try_from(append.events.len()).unwrap_or(i64::MAX);
            last
        })
    });
    let positions = positions.collect();
    if !accepted.is_empty() {
        insert_events(&mut transaction, head + 1, &accepted).await?;
        insert_keys(&mut transaction, &accepted).await?;
        delete_keys(&mut transaction, &accepted).await?;
        insert_snapshots(&mut transaction, &accepted).await?;
        transaction.commit().await?;
    }
    Ok(positions)
}

/// The head of the log, and for each append whether its place is taken or not reached yet.
async fn head_and_refused(connection: &mut SqliteConnection, appends: &[Append]) -> sqlx::Result<(i64, Vec<bool>)> {
    let starts = (0_i64..).zip(appends).map(|(number, append)| {
        let first = append.first();
        serde_json::json!([number, first.aggregate_type, first.aggregate_id, first.sequence])
    });
    let starts = serde_json::Value::Array(starts.collect()).to_string();
    let found: Vec<Found> = sqlx::query_as(
        "WITH starts AS (SELECT json_extract(value, '$[0]') AS append_no, json_extract(value, '$[1]') AS aggregate_type, \
                json_extract(value, '$[2]') AS aggregate_id, json_extract(value, '$[3]') AS sequence \
            FROM json_each($1)) \
         SELECT NULL AS append_no, (SELECT coalesce(max(position), 0) FROM events) AS head \
         UNION ALL \
         SELECT append_no, 0 FROM starts s \
         WHERE EXISTS (SELECT 1 FROM events e WHERE e.aggregate_type = s.aggregate_type \
                AND e.aggregate_id = s.aggregate_id AND e.sequence = s.sequence) \
            OR (s.sequence > 1 AND NOT EXISTS (SELECT 1 FROM events e WHERE e.aggregate_type = s.aggregate_type \
                AND e.aggregate_id = s.aggregate_id AND e.sequence = s.sequence - 1))",
    )
    .bind(starts)
    .fetch_all(connection)
    .await?;
    let head = found.iter().find(|found| found.append_no.is_none()).map_or(0, |found| found.head);
    let mut refused = vec![false; appends.len()];
    for number in found.iter().filter_map(|found| usize::try_from(found.append_no?).ok()) {
        refused[number] = true;
    }
    Ok((head, refused))
}

async fn insert_events(
    connection: &mut SqliteConnection,
    first_position: i64,
    accepted: &[&Append],
) -> sqlx::Result<()> {
    let events = accepted.iter().flat_map(|append| &append.events);
    let mut insert = QueryBuilder::<Sqlite>::new(
        "INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_type, event_version, payload, \
         metadata, account_id, integration_id, caused_by, correlation_id, data_key_id, recorded_at, hash, body) ",
    );
    insert.push_values((first_position..).zip(events), |mut row, (position, NewEvent { stored, body })| {
        row.push_bind(position)
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
    insert.build().persistent(false).execute(connection).await.map(drop)
}

async fn insert_keys(connection: &mut SqliteConnection, accepted: &[&Append]) -> sqlx::Result<()> {
    let keys: Vec<_> = accepted.iter().filter_map(|append| append.new_data_key.as_ref()).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO data_keys (id, wrapped) ");
    insert.push_values(keys, |mut row, key| {
        row.push_bind(key.id).push_bind(key.wrapped.as_slice());
    });
    insert.build().persistent(false).execute(connection).await.map(drop)
}

/// Deletes the data keys of the streams from which a person is erased.
async fn delete_keys(connection: &mut SqliteConnection, accepted: &[&Append]) -> sqlx::Result<()> {
    for id in accepted.iter().filter_map(|append| append.erased_data_key) {
        sqlx::query("DELETE FROM data_keys WHERE id = $1").bind(id).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn insert_snapshots(connection: &mut SqliteConnection, accepted: &[&Append]) -> sqlx::Result<()> {
    let snapshots: Vec<_> =
        accepted.iter().filter_map(|append| Some((append.last(), append.snapshot.as_ref()?))).collect();
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
