//! Events of the log as people read them.

use async_graphql::{ID, Json, SimpleObject};
use domain::Private;
use event_log::{OpenedEvent, Sequence};
use serde_json::Value;

use super::account::int;
use super::moment::{Moment, moment};
use crate::app::events::DisclosedEvent;

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
    /// Whether a reason was given that was erased since, with the customer whom it may have named.
    reason_erased: bool,
    /// The position of the event that this one follows from, where there is one.
    caused_by: Option<String>,
    /// That event in a sentence, where it is one of another stream of the same account.
    cause: Option<String>,
    /// What belongs together has the same, on whatever stream: an order's delivery, or what one request did.
    correlation_id: ID,
    recorded_at: Moment,
    /// Of the chain that runs through its stream; hexadecimal.
    hash: String,
}

impl From<DisclosedEvent> for Event {
    fn from(DisclosedEvent { event, summary, cause }: DisclosedEvent) -> Self {
        let OpenedEvent { stored, recorded, data } = event;
        let reason = recorded.operator.and_then(|operator| operator.reason);
        Self {
            position: stored.position.to_string(),
            summary,
            aggregate_type: stored.aggregate_type,
            aggregate_id: ID(stored.aggregate_id),
            sequence: int(stored.sequence.0),
            event_type: stored.event_type,
            data: Json(data),
            actor: recorded.actor,
            reason: reason.as_ref().and_then(Private::known).cloned(),
            reason_erased: reason == Some(Private::Erased),
            caused_by: stored.caused_by.map(|position| position.to_string()),
            cause,
            correlation_id: ID(stored.correlation_id.to_string()),
            recorded_at: moment(stored.recorded_at.0),
            hash: hex::encode(stored.hash),
        }
    }
}

/// Events with their places in their stream.
pub(super) fn with_sequences(events: Vec<DisclosedEvent>) -> Vec<(Sequence, Event)> {
    events.into_iter().map(|shown| (shown.event.stored.sequence, Event::from(shown))).collect()
}
