//! Appending on SQLite: by a connection of the writer's own thread, so that a batch meets no other thread. What each stream of
//! the batch ends with is read first; then what may be stored is.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::append::{Append, NewEvent, NewSnapshot, StreamAppend, StreamEnd, StreamKey};
use super::batch::{self, OtherEnds};
use super::row::StoredEvent;

/// Appends a batch. Returns for each append the position of its last event, or none where another append came first.
///
/// # Errors
/// Nothing is stored then, and the connection is not used again.
pub(super) fn append(connection: &mut Connection, appends: &[&Append]) -> rusqlite::Result<Vec<Option<i64>>> {
    // Immediate: it must not find out half-way that it read an older state than it writes on.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let accepted = batch::accepted(appends, &ends(&transaction, appends)?);
    let head = head(&transaction)?;
    let stored = appends.iter().zip(&accepted).filter(|(_, accepted)| **accepted);
    let streams: Vec<&StreamAppend> = stored.flat_map(|(append, _)| &append.streams).collect();
    insert_events(&transaction, head, &streams)?;
    insert_keys(&transaction, &streams)?;
    for stream in streams {
        if let Some(id) = stream.erased_data_key {
            transaction.prepare_cached("DELETE FROM data_keys WHERE id = ?1")?.execute([id.as_bytes()])?;
        }
        if let Some(snapshot) = &stream.snapshot {
            insert_snapshot(&transaction, stream.last(), snapshot)?;
        }
    }
    transaction.commit()?;
    Ok(batch::positions(appends, &accepted, head))
}

fn head(transaction: &Transaction<'_>) -> rusqlite::Result<i64> {
    transaction.prepare_cached("SELECT coalesce(max(position), 0) FROM events")?.query_row([], |row| row.get(0))
}

/// What the streams of the batch end with.
fn ends<'a>(transaction: &Transaction<'_>, appends: &[&'a Append]) -> rusqlite::Result<OtherEnds<'a>> {
    let mut last = transaction.prepare_cached(
        "SELECT sequence, hash FROM events WHERE aggregate_type = ?1 AND aggregate_id = ?2 ORDER BY sequence DESC LIMIT 1",
    )?;
    let mut ends = HashMap::with_capacity(appends.len());
    for (key, _) in batch::expected_ends(appends) {
        let StreamKey { aggregate_type, aggregate_id } = key;
        let found = last.query_row([aggregate_type, aggregate_id], |row| {
            Ok(StreamEnd::stored(row.get(0)?, row.get_ref(1)?.as_blob().ok()))
        });
        ends.insert(key, found.optional()?.unwrap_or(StreamEnd::INITIAL));
    }
    Ok(ends)
}

fn insert_events(transaction: &Transaction<'_>, head: i64, streams: &[&StreamAppend]) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_type, event_version, payload, \
         metadata, account_id, integration_id, caused_by, correlation_id, data_key_id, recorded_at, hash, body) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
    )?;
    let events = streams.iter().flat_map(|stream| &stream.events);
    for (position, NewEvent { stored, body }) in (head + 1..).zip(events) {
        insert.execute(params![
            position,
            stored.aggregate_type,
            stored.aggregate_id,
            stored.sequence.0,
            stored.event_type,
            stored.event_version,
            stored.payload,
            stored.metadata,
            blob(stored.account_id.as_ref()),
            blob(stored.integration_id.as_ref()),
            stored.caused_by.map(|position| position.0),
            stored.correlation_id.as_bytes(),
            blob(stored.data_key_id.as_ref()),
            stored.recorded_at.0,
            stored.hash,
            body,
        ])?;
    }
    Ok(())
}

fn blob(id: Option<&Uuid>) -> Option<&[u8; 16]> {
    id.map(Uuid::as_bytes)
}

fn insert_keys(transaction: &Transaction<'_>, streams: &[&StreamAppend]) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached("INSERT INTO data_keys (id, wrapped) VALUES (?1, ?2)")?;
    for key in streams.iter().filter_map(|stream| stream.new_data_key.as_ref()) {
        insert.execute(params![key.id.as_bytes(), key.wrapped])?;
    }
    Ok(())
}

fn insert_snapshot(transaction: &Transaction<'_>, last: &StoredEvent, snapshot: &NewSnapshot) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT OR REPLACE INTO snapshots (aggregate_type, aggregate_id, sequence, hash, schema_version, state, \
         data_key_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let of_stream = params![
        last.aggregate_type,
        last.aggregate_id,
        last.sequence.0,
        last.hash,
        snapshot.schema_version,
        snapshot.state,
        blob(snapshot.data_key_id.as_ref()),
    ];
    insert.execute(of_stream).map(drop)
}
