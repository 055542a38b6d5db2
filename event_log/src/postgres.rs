//! Appending on Postgres: one call of one function, which is one round trip and one commit.

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use super::append::{Append, NewEvent, NewSnapshot, StreamAppend, StreamEnd, StreamKey};
use super::batch::{self, OtherEnds};
use super::row::StoredEvent;

/// How a stream ends that does not end as expected; without a number, the head of the log before what was appended.
#[derive(sqlx::FromRow)]
struct Found {
    stream_no: Option<i64>,
    last_sequence: i64,
    last_hash: Option<Vec<u8>>,
}

enum Called<'a> {
    /// All of it is stored, after this head of the log.
    Appended { head: i64 },
    /// Nothing is stored: these streams do not end as expected.
    Refused(OtherEnds<'a>),
}

/// How often the ends of streams are learnt from the function before a batch is given back to its callers.
const MAX_CALLS: usize = 16;

/// Appends a batch. Returns for each append the position of its last event, or none where another append came first.
///
/// The function stores all or nothing. Where another node came first, what was decided on that is left out, and the rest
/// is appended by another call.
pub(super) async fn append(connection: &mut PgConnection, appends: &[&Append]) -> sqlx::Result<Vec<Option<i64>>> {
    let mut others = OtherEnds::new();
    for _ in 0..MAX_CALLS {
        // Also where nothing is known of other nodes: what does not follow on the append before it is left out here.
        let accepted = batch::accepted(appends, &others);
        let chosen: Vec<&Append> =
            appends.iter().zip(&accepted).filter(|(_, accepted)| **accepted).map(|(append, _)| *append).collect();
        if chosen.is_empty() {
            break;
        }
        match call(connection, &chosen).await? {
            Called::Appended { head } => return Ok(batch::positions(appends, &accepted, head)),
            Called::Refused(found) => others.extend(found),
        }
    }
    Ok(vec![None; appends.len()])
}

async fn call<'a>(connection: &mut PgConnection, appends: &[&'a Append]) -> sqlx::Result<Called<'a>> {
    let expected = batch::expected_ends(appends);
    let ends = |field: fn(&StreamKey<'a>) -> &'a str| expected.iter().map(|(key, _)| field(key)).collect::<Vec<_>>();
    let events: Vec<&NewEvent> = appends.iter().flat_map(|append| append.events()).collect();
    let texts = |field: fn(&StoredEvent) -> &str| events.iter().map(|event| field(&event.stored)).collect::<Vec<_>>();
    let numbers = |field: fn(&StoredEvent) -> i64| events.iter().map(|event| field(&event.stored)).collect::<Vec<_>>();
    let ids =
        |field: fn(&StoredEvent) -> Option<Uuid>| events.iter().map(|event| field(&event.stored)).collect::<Vec<_>>();
    let streams = || appends.iter().flat_map(|append| &append.streams);
    let keys: Vec<_> = streams().filter_map(|stream| stream.new_data_key.as_ref()).collect();
    let snapshots = latest_snapshots(streams());
    let found: Vec<Found> = sqlx::query_as(
        "SELECT stream_no, last_sequence, last_hash \
         FROM append_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, \
         $21, $22, $23, $24, $25, $26, $27, $28, $29)",
    )
    .bind(ends(|key| key.aggregate_type))
    .bind(ends(|key| key.aggregate_id))
    .bind(expected.iter().map(|(_, end)| end.sequence).collect::<Vec<_>>())
    .bind(expected.iter().map(|(_, end)| (end.sequence > 0).then_some(&end.hash[..])).collect::<Vec<_>>())
    .bind(texts(|event| &event.aggregate_type))
    .bind(texts(|event| &event.aggregate_id))
    .bind(numbers(|event| event.sequence.0))
    .bind(texts(|event| &event.event_type))
    .bind(texts(|event| &event.event_version))
    .bind(texts(|event| &event.payload))
    .bind(texts(|event| &event.metadata))
    .bind(ids(|event| event.account_id))
    .bind(ids(|event| event.integration_id))
    .bind(events.iter().map(|event| event.stored.caused_by).collect::<Vec<_>>())
    .bind(ids(|event| Some(event.correlation_id)))
    .bind(ids(|event| event.data_key_id))
    .bind(numbers(|event| event.recorded_at.0))
    .bind(events.iter().map(|event| event.stored.hash.as_slice()).collect::<Vec<_>>())
    .bind(events.iter().map(|event| event.body.as_deref()).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| key.id).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| key.wrapped.as_slice()).collect::<Vec<_>>())
    .bind(streams().filter_map(|stream| stream.erased_data_key).collect::<Vec<_>>())
    .bind(snapshots.iter().map(|(last, _)| last.aggregate_type.as_str()).collect::<Vec<_>>())
    .bind(snapshots.iter().map(|(last, _)| last.aggregate_id.as_str()).collect::<Vec<_>>())
    .bind(snapshots.iter().map(|(last, _)| last.sequence).collect::<Vec<_>>())
    .bind(snapshots.iter().map(|(last, _)| last.hash.as_slice()).collect::<Vec<_>>())
    .bind(snapshots.iter().map(|(_, snapshot)| snapshot.schema_version).collect::<Vec<_>>())
    .bind(snapshots.iter().map(|(_, snapshot)| snapshot.state.as_str()).collect::<Vec<_>>())
    .bind(snapshots.iter().map(|(_, snapshot)| snapshot.data_key_id).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    if let Some(head) = found.iter().find(|found| found.stream_no.is_none()) {
        return Ok(Called::Appended { head: head.last_sequence });
    }
    let others = found.into_iter().filter_map(|found| {
        let index = usize::try_from(found.stream_no? - 1).ok()?;
        Some((expected.get(index)?.0, StreamEnd::stored(found.last_sequence, found.last_hash.as_deref())))
    });
    Ok(Called::Refused(others.collect()))
}

/// The last snapshot of each stream: one statement cannot write a row twice.
fn latest_snapshots<'a>(streams: impl Iterator<Item = &'a StreamAppend>) -> Vec<(&'a StoredEvent, &'a NewSnapshot)> {
    let taken = streams.filter_map(|stream| Some((stream.key(), (stream.last(), stream.snapshot.as_ref()?))));
    taken.collect::<HashMap<_, _>>().into_values().collect()
}
