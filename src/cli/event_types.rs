//! `cloud-bridge event-types`: what subscribers can get. It needs no server.

use anyhow::bail;
use clap::builder::FalseyValueParser;
use clap::{ArgGroup, Args};
use commerce::CommerceEventType;
use serde_json::{Value, json};
use strum::IntoEnumIterator as _;

use super::output::{self, cell};

/// List the types of commerce events; with one, show its schema or a sample of it
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("what").requires("event_type"), after_long_help = "\
Examples:
  cloud-bridge event-types
  cloud-bridge event-types order.paid --sample
  cloud-bridge event-types order.paid --schema")]
pub(super) struct EventTypes {
    /// The type, such as order.paid
    #[arg(value_name = "TYPE")]
    event_type: Option<String>,
    /// Print the JSON schema of a notification of it
    #[arg(long, env = "CLOUD_BRIDGE_SCHEMA", group = "what", value_parser = FalseyValueParser::new())]
    schema: bool,
    /// Print a notification of it, for example
    #[arg(long, env = "CLOUD_BRIDGE_SAMPLE", group = "what", value_parser = FalseyValueParser::new())]
    sample: bool,
}

impl EventTypes {
    pub(super) fn run(self, json: bool) -> anyhow::Result<()> {
        let Some(name) = &self.event_type else { return list(json) };
        let Some(of) = CommerceEventType::parse(name) else {
            bail!("there is no type {}: `cloud-bridge event-types` lists them", output::clean(name));
        };
        if self.schema {
            return Ok(output::print(commerce::schema(of).trim_end())?);
        }
        if self.sample {
            return Ok(output::print(commerce::sample(of).trim_end())?);
        }
        if json {
            return Ok(output::print_json(&shown(of))?);
        }
        Ok(output::say(&format!("{}: {}", of.as_str(), commerce::description(of).fires_when))?)
    }
}

fn list(json: bool) -> anyhow::Result<()> {
    if json {
        return Ok(output::print_json(&Value::Array(CommerceEventType::iter().map(shown).collect()))?);
    }
    let mut table = output::list(&[("TYPE", None), ("WHEN", None)]);
    for of in CommerceEventType::iter() {
        table.add_row([cell(of.as_str()), cell(commerce::description(of).fires_when)]);
    }
    output::may_shorten(&mut table, &["WHEN"]);
    Ok(output::print(output::rendered(&table))?)
}

fn shown(of: CommerceEventType) -> Value {
    let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
    json!({
        "name": of.as_str(),
        "description": commerce::description(of).fires_when,
        "schema": read(commerce::schema(of)),
        "sample": read(commerce::sample(of)),
    })
}
