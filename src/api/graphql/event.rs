//! Events of the log as people read them.

use std::sync::Arc;

use async_graphql::connection::Connection;
use async_graphql::{Context, ID, Json, SimpleObject};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::account::int;
use super::moment::{Moment, moment};
use super::page::{Cursor, page};
use crate::app::App;
use crate::app::summary;
use event_log::{OpenedEvent, Sequence};

/// Something that happened.
#[derive(SimpleObject)]
pub(super) struct Event {
    /// 64-bit: its place among all events.
    position: String,
    aggregate_type: String,
    aggregate_id: ID,
    sequence: i32,
    #[graphql(name = "type")]
    event_type: String,
    /// A sentence.
    summary: String,
    /// The event's fields. Personal ones only for callers who may read them, and null once erased. Secrets never.
    data: Json<Value>,
    /// Store, worker, key name or operator.
    actor: String,
    /// Why, in the words of the person who did it with an API key.
    reason: Option<String>,
    /// The position of the event that this one follows from, where there is one.
    caused_by: Option<String>,
    /// What belongs together has the same, on whatever stream: an order's delivery, or what one request did.
    correlation_id: ID,
    recorded_at: Moment,
    /// Of the chain that runs through its stream; hexadecimal.
    hash: String,
}

impl Event {
    fn of(event: OpenedEvent, reveals: bool) -> Self {
        let OpenedEvent { stored, recorded, mut data } = event;
        disclose(&mut data, reveals);
        summary::leave_out_key_hash(&stored.event_type, &mut data);
        Self {
            position: stored.position.to_string(),
            summary: summary::summary(&recorded),
            aggregate_type: stored.aggregate_type,
            aggregate_id: ID(stored.aggregate_id),
            sequence: int(stored.sequence.0),
            event_type: stored.event_type,
            data: Json(data),
            actor: recorded.actor,
            reason: recorded.operator.and_then(|operator| operator.reason),
            caused_by: stored.caused_by.map(|position| position.to_string()),
            correlation_id: ID(stored.correlation_id.to_string()),
            recorded_at: moment(stored.recorded_at.0),
            hash: hex::encode(stored.hash),
        }
    }
}

/// Puts plain values in the place of the marks, or null.
fn disclose(value: &mut Value, reveals: bool) {
    match value {
        Value::Object(map) => {
            if let Some(plain) = map.remove("$private") {
                *value = if reveals { plain } else { Value::Null };
            } else if map.contains_key("$erased") {
                *value = Value::Null;
            } else {
                map.values_mut().for_each(|value| disclose(value, reveals));
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| disclose(value, reveals)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A stream, oldest first; as it was at a moment, where one is given.
pub(super) async fn events(
    context: &Context<'_>,
    (aggregate_type, id): (&str, &str),
    as_of: Option<DateTime<Utc>>,
    (after, first): (Option<String>, Option<i32>),
    reveals: bool,
) -> async_graphql::Result<Connection<Cursor<Sequence>, Event>> {
    let app = context.data_unchecked::<Arc<App>>();
    page((after, None), (first, None), |wanted| async move {
        let opened =
            app.core.log.opened_stream(aggregate_type, id, wanted.after.unwrap_or_default(), wanted.limit()).await?;
        let until =
            opened.into_iter().take_while(|event| as_of.is_none_or(|as_of| event.recorded.recorded_at <= as_of));
        Ok(until.map(|event| (event.stored.sequence, Event::of(event, reveals))).collect())
    })
    .await
}
