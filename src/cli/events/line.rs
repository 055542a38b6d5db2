//! An event as it is printed: a line for people, or an object of JSON. Nothing private is in either, but for the reason
//! that somebody gave: in an object, until it is erased.

use console::Style;
use domain::delivery::DeliveryEvent;
use event_log::recorded::AnyEvent;
use serde_json::{Value, json};

use super::super::output::{clean, moment, width, wrapped};
use crate::app::summary::{leave_out_key_hash, summary};
use event_log::EventLog;
use event_log::selection::Chosen;

/// Where the sentence begins on a wide terminal.
const BEFORE_SENTENCE: usize = 106;
/// The room that a sentence wants beside the columns; where there is less it goes below them.
const SENTENCE: usize = 40;
/// Where the sentence begins below the columns.
const BELOW: usize = 10;

/// How lines are laid out where they go to.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    /// The width of the terminal; none where lines are left whole.
    width: Option<usize>,
}

impl Layout {
    /// For standard output as it is.
    pub(super) fn of_stdout() -> Self {
        Self { width: width() }
    }

    pub(super) fn header(self) -> String {
        let (stream, gap) = (self.room_of_stream(), self.gap());
        let position = self.room_of_position();
        let columns =
            format!("{:>position$}{gap}{:<19}{gap}{:<stream$}{gap}{:<24}", "POSITION", "WHEN (UTC)", "STREAM", "EVENT");
        let line = match self.narrow() {
            Some(_) => columns.trim_end().to_owned(),
            None => format!("{columns}  {:<20}  WHAT HAPPENED", "WHO"),
        };
        Style::new().for_stdout().bold().apply_to(line).to_string()
    }

    /// A line for an event of the log that it was read from: the log says how its stream's id can be shortened.
    pub(super) async fn line_of(self, log: &EventLog, event: &Chosen) -> anyhow::Result<String> {
        let stored = &event.stored;
        let id = match self.width {
            Some(_) => log.shortest_id(&stored.aggregate_type, &stored.aggregate_id).await?,
            None => stored.aggregate_id.clone(),
        };
        Ok(self.line(event, &id))
    }

    fn line(self, event: &Chosen, id: &str) -> String {
        let stored = &event.stored;
        let at = stored.recorded_at.moment().map(moment).unwrap_or_default();
        let (room, gap, position) = (self.room_of_stream(), self.gap(), self.room_of_position());
        let stream = format!("{} {}", clean(&stored.aggregate_type), clean(id));
        let actor = event.recorded.as_ref().map_or_else(|_| String::new(), |recorded| clean(&recorded.actor));
        let actor = shown_actor(&actor);
        let sentence = clean(&said(event));
        let sentence = match stored.caused_by {
            Some(position) => format!("{sentence} (from {position})"),
            None => sentence,
        };
        let dim = Style::new().for_stdout().dim();
        let event_type = clean(&stored.event_type);
        let event_type = if self.narrow().is_some() { event_type } else { format!("{event_type:<24}") };
        let columns = format!(
            "{}{gap}{}{gap}{}{gap}{}",
            dim.apply_to(format_args!("{:>position$}", stored.position)),
            dim.apply_to(at),
            format_args!("{stream:<room$}"),
            style(&stored.event_type).apply_to(event_type),
        );
        if let Some(width) = self.narrow() {
            let sentence = if actor.is_empty() { sentence } else { format!("{sentence} [{actor}]") };
            return format!("{columns}\n{}{}", " ".repeat(BELOW), wrapped(&sentence, width, BELOW));
        }
        let sentence = self.width.map_or(sentence.clone(), |width| wrapped(&sentence, width, BEFORE_SENTENCE));
        format!("{columns}  {actor:<20}  {sentence}")
    }

    /// Room for a position. A longer one pushes what comes after it.
    fn room_of_position(self) -> usize {
        if self.narrow().is_some() { 7 } else { 8 }
    }

    /// Room for the longest kind of stream, and an id of a busy moment.
    fn room_of_stream(self) -> usize {
        if self.width.is_some() { 25 } else { 49 }
    }

    /// Between columns.
    fn gap(self) -> &'static str {
        if self.narrow().is_some() { " " } else { "  " }
    }

    /// The width of a terminal on which the sentence has no room beside the columns.
    fn narrow(self) -> Option<usize> {
        self.width.filter(|width| *width < BEFORE_SENTENCE + SENTENCE)
    }
}

/// The event's colour, by what it means for the merchant.
fn style(event_type: &str) -> Style {
    let style = Style::new().for_stdout();
    match event_type {
        "completed" | "asset_shared" | "followed" | "credits_granted" => style.green(),
        "action_required" | "cancellation_requested" => style.yellow(),
        "failed_permanently" | "credits_released" => style.red(),
        "started" | "retry_scheduled" | "requeued" | "retry_requested" => style.cyan(),
        _ => style,
    }
}

/// Who it was: on a terminal no more of a worker's name than distinguishes it.
pub(in crate::cli) fn shown_actor(actor: &str) -> String {
    const LENGTH: usize = 20;
    if width().is_none() || actor.chars().count() <= LENGTH {
        return actor.to_owned();
    }
    actor.chars().take(LENGTH - 1).chain(['…']).collect()
}

/// What happened, in a sentence.
pub(super) fn said(event: &Chosen) -> String {
    event.recorded.as_ref().map_or_else(ToString::to_string, summary)
}

/// An event as one object. Its shape is the same in every command.
pub(super) fn object(event: &Chosen) -> Value {
    let stored = &event.stored;
    let recorded = event.recorded.as_ref().ok();
    let operator = recorded.and_then(|recorded| recorded.operator.as_ref());
    json!({
        "position": stored.position.to_string(),
        "aggregateType": stored.aggregate_type,
        "aggregateId": stored.aggregate_id,
        "sequence": stored.sequence,
        "type": stored.event_type,
        "summary": said(event),
        "data": recorded.map(|recorded| without_private(data_of(&stored.event_type, &recorded.event))),
        "actor": recorded.map(|recorded| &recorded.actor),
        "keyId": operator.map(|operator| &operator.key_id),
        "reason": operator.and_then(|operator| operator.reason.as_ref()?.known()),
        "accountId": stored.account_id,
        "integrationId": stored.integration_id,
        "causedBy": stored.caused_by.map(|position| position.to_string()),
        "correlationId": stored.correlation_id,
        "recordedAt": stored.recorded_at.moment(),
        "hash": hex::encode(&stored.hash),
    })
}

fn data_of(event_type: &str, event: &AnyEvent) -> Value {
    let data = match event {
        AnyEvent::Account(event) => serde_json::to_value(event),
        AnyEvent::Integration(event) => serde_json::to_value(event),
        AnyEvent::Ledger(event) => serde_json::to_value(event),
        AnyEvent::Delivery(event) => serde_json::to_value::<&DeliveryEvent>(event),
        AnyEvent::Notice(event) => serde_json::to_value(event),
        AnyEvent::OperatorAction(event) => serde_json::to_value(event),
        AnyEvent::Resource(event) => serde_json::to_value(event),
        AnyEvent::Publication(event) => serde_json::to_value(event),
        AnyEvent::Endpoint(event) => serde_json::to_value(event),
        AnyEvent::Dispatch(event) => serde_json::to_value(event),
        AnyEvent::Checkpoint(event) => serde_json::to_value(event),
        AnyEvent::Store(event) => serde_json::to_value(event),
        AnyEvent::Instance(event) => serde_json::to_value(event),
        AnyEvent::Unknown => Ok(Value::Null),
    };
    let mut data = data.map(|mut tagged| tagged["payload"].take()).unwrap_or_default();
    leave_out_key_hash(event_type, &mut data);
    data
}

/// Data without what is private: known by the mark that sealed values have. What was erased is null.
fn without_private(value: Value) -> Value {
    match value {
        Value::Object(fields) if fields.contains_key("$private") => json!("[private]"),
        Value::Object(fields) if fields.contains_key("$erased") => Value::Null,
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, without_private(value))).collect(),
        Value::Array(values) => values.into_iter().map(without_private).collect(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_private_is_never_printed() {
        let data = json!({ "a": { "$private": "max" }, "b": [{ "$erased": true }, { "$private": { "deep": 1 } }], "c": "$erased" });
        assert_eq!(without_private(data), json!({ "a": "[private]", "b": [null, "[private]"], "c": "$erased" }));
    }
}
