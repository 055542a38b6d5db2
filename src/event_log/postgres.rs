//! Appending on Postgres: one call of one function, which is one round trip and one commit.

use sqlx::PgConnection;
use uuid::Uuid;

use super::append::{Append, NewEvent};
use super::row::StoredEvent;

/// Statements a batch costs.
pub(super) const STATEMENTS: u64 = 1;

#[derive(sqlx::FromRow)]
struct Accepted {
    append_no: i64,
    last_position: i64,
}

/// Appends a batch with at most one append for each stream. Answers for each the position of its last event, or nothing
/// where another append came first.
pub(super) async fn append(connection: &mut PgConnection, appends: &[Append]) -> sqlx::Result<Vec<Option<i64>>> {
    let events: Vec<(i64, &NewEvent)> = (0_i64..)
        .zip(appends)
        .flat_map(|(number, append)| append.events.iter().map(move |event| (number, event)))
        .collect();
    let texts = |field: fn(&NewEvent) -> &str| events.iter().map(|(_, event)| field(event)).collect::<Vec<_>>();
    let numbers = |field: fn(&NewEvent) -> i64| events.iter().map(|(_, event)| field(event)).collect::<Vec<_>>();
    let ids = |field: fn(&StoredEvent) -> Option<Uuid>| {
        events.iter().map(|(_, event)| field(&event.stored)).collect::<Vec<_>>()
    };
    let keys: Vec<_> =
        (0_i64..).zip(appends).filter_map(|(number, append)| Some((number, append.new_data_key.as_ref()?))).collect();
    let erased: Vec<(i64, Uuid)> =
        (0_i64..).zip(appends).filter_map(|(number, append)| Some((number, append.erased_data_key?))).collect();
    let snapshots: Vec<_> =
        (0_i64..).zip(appends).filter_map(|(number, append)| Some((number, append.snapshot.as_ref()?))).collect();
    let accepted: Vec<Accepted> = sqlx::query_as(
        "SELECT append_no, last_position \
         FROM append_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, \
         $21, $22, $23, $24, $25)",
    )
    .bind(events.iter().map(|(number, _)| *number).collect::<Vec<_>>())
    .bind(texts(|event| &event.stored.aggregate_type))
    .bind(texts(|event| &event.stored.aggregate_id))
    .bind(numbers(|event| event.stored.sequence))
    .bind(texts(|event| &event.stored.event_type))
    .bind(texts(|event| &event.stored.event_version))
    .bind(texts(|event| &event.stored.payload))
    .bind(texts(|event| &event.stored.metadata))
    .bind(ids(|event| event.account_id))
    .bind(ids(|event| event.integration_id))
    .bind(events.iter().map(|(_, event)| event.stored.caused_by).collect::<Vec<_>>())
    .bind(ids(|event| Some(event.correlation_id)))
    .bind(ids(|event| event.data_key_id))
    .bind(numbers(|event| event.stored.recorded_at))
    .bind(events.iter().map(|(_, event)| event.stored.hash.as_slice()).collect::<Vec<_>>())
    .bind(events.iter().map(|(_, event)| event.body.as_deref()).collect::<Vec<_>>())
    .bind(keys.iter().map(|(number, _)| *number).collect::<Vec<_>>())
    .bind(keys.iter().map(|(_, key)| key.id).collect::<Vec<_>>())
    .bind(keys.iter().map(|(_, key)| key.wrapped.as_slice()).collect::<Vec<_>>())
    .bind(erased.iter().map(|(number, _)| *number).collect::<Vec<_>>())
    .bind(erased.iter().map(|(_, id)| *id).collect::<Vec<_>>())
    .bind(snapshots.iter().map(|(number, _)| *number).collect::<Vec<_>>())
    .bind(snapshots.iter().map(|(_, snapshot)| snapshot.schema_version).collect::<Vec<_>>())
    .bind(snapshots.iter().map(|(_, snapshot)| snapshot.state.as_str()).collect::<Vec<_>>())
    .bind(snapshots.iter().map(|(_, snapshot)| snapshot.data_key_id).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    let mut positions = vec![None; appends.len()];
    for Accepted { append_no, last_position } in accepted {
        if let Some(position) = usize::try_from(append_no).ok().and_then(|index| positions.get_mut(index)) {
            *position = Some(last_position);
        }
    }
    Ok(positions)
}
