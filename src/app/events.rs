//! Events of the log as people read them: each with what it says in a sentence, and as much of it as the caller may read.

use chrono::{DateTime, Utc};
use domain::account::Role;
use event_log::{OpenedEvent, Sequence};
use serde_json::Value;

use super::core::Core;
use super::error::Error;
use super::summary;
use super::viewer::Viewer;

/// Reads streams.
pub struct Events {
    core: Core,
}

/// An event, and what it says in a sentence. Its data are as the caller reads them: personal values in the place of their
/// marks, or null; secrets never.
pub struct DisclosedEvent {
    pub event: OpenedEvent,
    pub summary: String,
}

impl Events {
    pub fn new(core: Core) -> Self {
        Self { core }
    }

    /// Any stream after a place, without what is personal: for support and administrators.
    pub async fn stream(
        &self,
        viewer: &Viewer,
        (aggregate_type, id): (&str, &str),
        (after, limit): (Sequence, i64),
    ) -> Result<Vec<DisclosedEvent>, Error> {
        viewer.require(Role::Support)?;
        read(&self.core, (aggregate_type, id), None, (after, limit), false).await
    }
}

/// A stream after a place, oldest first; as it was at a moment, where one is given. `reveals` says whether personal values
/// are shown.
pub(super) async fn read(
    core: &Core,
    (aggregate_type, id): (&str, &str),
    as_of: Option<DateTime<Utc>>,
    (after, limit): (Sequence, i64),
    reveals: bool,
) -> Result<Vec<DisclosedEvent>, Error> {
    let opened = core.log.opened_stream(aggregate_type, id, after, limit).await?;
    let until = opened.into_iter().take_while(|event| as_of.is_none_or(|as_of| event.recorded.recorded_at <= as_of));
    Ok(until.map(|event| DisclosedEvent::of(event, reveals)).collect())
}

impl DisclosedEvent {
    fn of(mut event: OpenedEvent, reveals: bool) -> Self {
        disclose(&mut event.data, reveals);
        summary::leave_out_key_hash(&event.stored.event_type, &mut event.data);
        Self { summary: summary::summary(&event.recorded), event }
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
