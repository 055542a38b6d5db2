//! `cloud-bridge events`: the event log itself, read beside a server that may be running.

use anyhow::{Context as _, bail};
use chrono::DateTime;
use clap::builder::FalseyValueParser;
use clap::{Args, Subcommand};
use domain::delivery::DeliveryEvent;
use projections::feed::{Fact, Recorded};
use serde_json::{Value, json};

use super::output::{self, cell, clean, moment};
use super::stores::StoreArgs;
use crate::event_log::row::{StoredEvent, WholeEvent, first_broken};
use crate::event_log::{EventLog, HeadListener};
use crate::summary::{leave_out_key_hash, summary};

/// Read the event log: everything that ever happened
#[derive(Debug, Subcommand)]
pub(super) enum Events {
    Show(Show),
    Tail(Tail),
}

/// Show every event of one stream, and check that none was changed
///
/// The streams are `account`, `integration`, `delivery`, `notice` and `checkpoint`, by their ids. Private fields (usernames, e-mail
/// addresses, names, secrets) are never printed.
#[derive(Args, Debug)]
pub(super) struct Show {
    #[arg(value_name = "AGGREGATE_TYPE")]
    aggregate_type: String,
    #[arg(value_name = "ID")]
    id: String,
    /// How many events at most, from the first on
    #[arg(long, env = "CLOUD_BRIDGE_FIRST", value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(i64).range(1..=100_000))]
    first: i64,
    #[command(flatten)]
    stores: StoreArgs,
}

/// Show the newest events of all streams, and with --follow those to come
#[derive(Args, Debug)]
pub(super) struct Tail {
    /// Wait for more, until Ctrl-C
    #[arg(long, short, env = "CLOUD_BRIDGE_FOLLOW", value_parser = FalseyValueParser::new())]
    follow: bool,
    /// Begin at this position [default: the last 20 events]
    #[arg(long, env = "CLOUD_BRIDGE_FROM", value_name = "POSITION", value_parser = clap::value_parser!(i64).range(1..))]
    from: Option<i64>,
    #[command(flatten)]
    stores: StoreArgs,
}

/// Events that are shown where no position is given.
const NEWEST: i64 = 20;
const BATCH: i64 = 500;

impl Events {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Show(command) => command.run(json).await,
            Self::Tail(command) => command.run(json).await,
        }
    }
}

impl Show {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let log = self.stores.open_log().await?;
        let stream = log.whole_stream(&self.aggregate_type, &self.id, self.first).await?;
        if stream.is_empty() {
            bail!(
                "there is no stream {} {}: streams are account, integration, delivery, notice and checkpoint, each by its id",
                clean(&self.aggregate_type),
                clean(&self.id)
            );
        }
        let wrapped = log.wrapped_data_key(&self.aggregate_type, &self.id).await?;
        // Before the events are opened: a row that was changed can often not be opened at all.
        let broken = first_broken(&stream).map(|event| event.sequence);
        let shown = stream.iter().map(|whole| opened(&log, whole, wrapped.as_deref())).collect::<Vec<_>>();
        log.close().await;
        if json {
            let events: Vec<Value> =
                stream.iter().zip(&shown).map(|(whole, shown)| whole_json(&whole.event, shown)).collect();
            output::print_json(&json!({ "events": events, "chainIntact": broken.is_none(), "firstBroken": broken }))?;
        } else {
            let mut table = output::table(&["SEQUENCE", "WHEN (UTC)", "WHO", "EVENT", "WHAT HAPPENED"]);
            for (whole, shown) in stream.iter().zip(&shown) {
                let at = DateTime::from_timestamp_micros(whole.event.recorded_at).map(moment).unwrap_or_default();
                table.add_row([
                    cell(whole.event.sequence.to_string()),
                    cell(at),
                    cell(&shown.actor),
                    cell(&whole.event.event_type),
                    cell(&shown.summary),
                ]);
            }
            output::print(output::rendered(&table))?;
        }
        match broken {
            None if json => Ok(()),
            None => {
                Ok(output::print(format_args!("\nThe chain of hashes over these {} events is intact.", stream.len()))?)
            }
            Some(sequence) => {
                bail!("the chain of hashes breaks at event {sequence}: it, or one before it, was changed")
            }
        }
    }
}

/// What may be shown of an event.
struct Shown {
    actor: String,
    summary: String,
    data: Value,
}

fn opened(log: &EventLog, whole: &WholeEvent, wrapped: Option<&[u8]>) -> Shown {
    match log.recorded(whole.event.clone(), wrapped) {
        Ok(recorded) => {
            Shown { summary: summary(&recorded), data: without_private(data_of(&recorded.fact)), actor: recorded.actor }
        }
        Err(error) => Shown { actor: String::new(), summary: error.to_string(), data: Value::Null },
    }
}

fn whole_json(event: &StoredEvent, shown: &Shown) -> Value {
    json!({
        "position": event.position.to_string(),
        "aggregateType": event.aggregate_type,
        "aggregateId": event.aggregate_id,
        "sequence": event.sequence,
        "type": event.event_type,
        "summary": shown.summary,
        "data": shown.data,
        "actor": shown.actor,
        "recordedAt": DateTime::from_timestamp_micros(event.recorded_at),
        "hash": hex::encode(&event.hash),
    })
}

fn data_of(fact: &Fact) -> Value {
    let data = match fact {
        Fact::Account(event) => serde_json::to_value(event),
        Fact::Integration(event) => serde_json::to_value(event),
        Fact::Delivery(event) => serde_json::to_value::<&DeliveryEvent>(event),
        Fact::Notice(event) => serde_json::to_value(event),
        Fact::Operation(event) => serde_json::to_value(event),
        Fact::Checkpoint(event) => serde_json::to_value(event),
        Fact::Foreign => Ok(Value::Null),
    };
    let mut data = data.unwrap_or_default();
    leave_out_key_hash(&mut data);
    data
}

/// Data without what is private: told by the mark that the store seals by. What was erased is null.
fn without_private(value: Value) -> Value {
    match value {
        Value::Object(fields) if fields.contains_key("$private") => json!("[private]"),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, without_private(value))).collect(),
        Value::Array(values) => values.into_iter().map(without_private).collect(),
        Value::String(text) if text == "$erased" => Value::Null,
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
}

impl Tail {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let log = self.stores.open_log().await?;
        let mut heads = log.head_changes();
        let listener = self.follow.then(|| HeadListener::start(&log));
        let mut position = self.from.map_or((log.head() - NEWEST).max(0), |from| from - 1);
        loop {
            heads.mark_unchanged();
            let events = log.read_after(position, BATCH).await?;
            for event in &events {
                position = event.position;
                print(event, json)?;
            }
            if !events.is_empty() {
                continue;
            }
            if !self.follow {
                break;
            }
            heads.changed().await.context("the event log is closed")?;
        }
        if let Some(listener) = listener {
            listener.stop();
        }
        log.close().await;
        Ok(())
    }
}

fn print(event: &Recorded, json: bool) -> std::io::Result<()> {
    let (stream, kind) = (event.fact.aggregate_type(), event.fact.event_type());
    if json {
        return output::print_json_line(&json!({
            "position": event.position.to_string(),
            "aggregateType": stream,
            "aggregateId": event.aggregate_id,
            "sequence": event.sequence,
            "type": kind,
            "summary": summary(event),
            "data": without_private(data_of(&event.fact)),
            "actor": event.actor,
            "recordedAt": event.recorded_at,
        }));
    }
    let (position, at) = (event.position, moment(event.recorded_at));
    let stream = format!("{} {}", stream.unwrap_or("unknown"), clean(&event.aggregate_id));
    output::print(format_args!(
        "{position:>8}  {at}  {stream:<48}  {}  [{}]",
        clean(&summary(event)),
        clean(&event.actor)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_private_is_never_printed() {
        let data = json!({ "a": { "$private": "max" }, "b": ["$erased", { "$private": { "deep": 1 } }], "c": 1 });
        assert_eq!(without_private(data), json!({ "a": "[private]", "b": [null, "[private]"], "c": 1 }));
    }
}
