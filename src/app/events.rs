//! Events of the log as people read them: each with what it says in a sentence, and as much of it as the caller may read.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use domain::account::Role;
use event_log::recorded::Recorded;
use event_log::{OpenedEvent, Position, Sequence};
use serde_json::Value;

use super::error::Error;
use super::log_and_views::LogAndViews;
use super::summary;
use super::viewer::Viewer;

/// Reads streams.
pub struct Events {
    data: LogAndViews,
}

/// An event, and what it says in a sentence. Its data are as the caller reads them: personal values in the place of their
/// marks, or null; secrets never.
pub struct DisclosedEvent {
    pub event: OpenedEvent,
    pub summary: String,
    /// What the event says that this one follows from, where that is one of another stream of the same account.
    pub cause: Option<String>,
}

impl Events {
    pub fn new(data: LogAndViews) -> Self {
        Self { data }
    }

    /// Any stream after a place, without what is personal: for support and administrators.
    pub async fn stream(
        &self,
        viewer: &Viewer,
        (aggregate_type, id): (&str, &str),
        (after, limit): (Sequence, i64),
    ) -> Result<Vec<DisclosedEvent>, Error> {
        viewer.require(Role::Support)?;
        read(&self.data, (aggregate_type, id), None, (after, limit), false).await
    }
}

/// A stream after a place, oldest first; as it was at a moment, where one is given. `reveals` says whether personal values
/// are shown.
pub(super) async fn read(
    data: &LogAndViews,
    (aggregate_type, id): (&str, &str),
    as_of: Option<DateTime<Utc>>,
    (after, limit): (Sequence, i64),
    reveals: bool,
) -> Result<Vec<DisclosedEvent>, Error> {
    let opened = data.log.opened_stream(aggregate_type, id, after, limit).await?;
    let until = opened.into_iter().take_while(|event| as_of.is_none_or(|as_of| event.recorded.recorded_at <= as_of));
    let mut shown: Vec<DisclosedEvent> = until.map(|event| DisclosedEvent::of(event, reveals)).collect();
    name_causes(data, &mut shown).await?;
    Ok(shown)
}

/// Says of each event what it follows from. An event of another account is not shown.
async fn name_causes(data: &LogAndViews, shown: &mut [DisclosedEvent]) -> Result<(), Error> {
    let here: HashSet<Position> = shown.iter().map(|shown| shown.event.stored.position).collect();
    let causes: BTreeSet<Position> = shown.iter().filter_map(|shown| shown.event.stored.caused_by).collect();
    let elsewhere: Vec<Position> = causes.into_iter().filter(|cause| !here.contains(cause)).collect();
    if elsewhere.is_empty() {
        return Ok(());
    }
    let causes = data.log.read_at(&elsewhere).await?;
    let causes: HashMap<Position, Recorded> = causes.into_iter().map(|cause| (cause.position, cause)).collect();
    for DisclosedEvent { event, cause, .. } in shown {
        let known = event.stored.caused_by.and_then(|position| causes.get(&position));
        let of_another_stream = known.filter(|known| {
            known.account_id == event.recorded.account_id && known.aggregate_id != event.stored.aggregate_id
        });
        *cause = of_another_stream.map(summary::summary);
    }
    Ok(())
}

impl DisclosedEvent {
    fn of(mut event: OpenedEvent, reveals: bool) -> Self {
        disclose(&mut event.data, reveals);
        summary::leave_out_key_hash(&event.stored.event_type, &mut event.data);
        Self { summary: summary::summary(&event.recorded), event, cause: None }
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
