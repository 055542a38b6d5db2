//! Which events followed from what was sent.

use std::time::Duration;

use anyhow::bail;
use chrono::{DateTime, Utc};
use commerce::CommerceEventType;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cli::client::{Client, understood};
use crate::cli::output::{self, cell, moment};

/// How long an event may take. It takes moments, where the service keeps up.
const TIMEOUT: Duration = Duration::from_secs(15);
const POLL_EVERY: Duration = Duration::from_millis(100);

const EVENTS: &str = "query($filter: CommerceEventFilter) {
  commerceEvents(first: 20, filter: $filter) { nodes { id type objectKind objectId recordedAt } } }";

/// What a store had published before.
pub(super) struct Published<'c> {
    client: &'c Client,
    integration: &'c str,
    /// The latest event.
    latest: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    id: String,
    r#type: String,
    object_kind: String,
    object_id: String,
    recorded_at: DateTime<Utc>,
}

impl<'c> Published<'c> {
    pub(super) async fn until_now(client: &'c Client, integration: &'c str) -> anyhow::Result<Self> {
        let events = events(client, integration).await?;
        let latest = events.first().and_then(|event| event["id"].as_str()).map(str::to_owned);
        Ok(Self { client, integration, latest })
    }

    /// What was published since, the oldest first, once an event of this type is among it.
    pub(super) async fn followed_by(&self, of: CommerceEventType) -> anyhow::Result<Vec<Value>> {
        let until = Instant::now() + TIMEOUT;
        loop {
            let is_later = |event: &Value| self.latest.is_none() || event["id"].as_str() != self.latest.as_deref();
            let mut later: Vec<Value> =
                events(self.client, self.integration).await?.into_iter().take_while(is_later).collect();
            if later.iter().any(|event| event["type"] == of.as_str()) {
                later.reverse();
                return Ok(later);
            }
            if Instant::now() > until {
                bail!(
                    "the webhook was accepted, and no event {} followed within {} seconds: `cloud-bridge webhooks list` says what came \
                     of it",
                    of.as_str(),
                    TIMEOUT.as_secs()
                );
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
    }
}

async fn events(client: &Client, integration: &str) -> anyhow::Result<Vec<Value>> {
    let mut found = client.ask(EVENTS, json!({ "filter": { "integrationId": integration } })).await?;
    understood(&found["commerceEvents"]["nodes"].take())
}

/// Prints which events followed. A demonstration printed with which key other commands see them.
pub(super) fn print(events: &[Value], is_of_demo: bool) -> anyhow::Result<()> {
    let mut table =
        output::list(&[("PUBLISHED (UTC)", Some(1)), ("TYPE", None), ("ABOUT", Some(2)), ("EVENT ID", None)]);
    for event in events {
        let Event { id, r#type, object_kind, object_id, recorded_at } = understood(event)?;
        let about = format!("{object_kind} {object_id}");
        table.add_row([cell(moment(recorded_at)), cell(r#type), cell(about), cell(id)]);
    }
    output::may_shorten(&mut table, &["ABOUT"]);
    output::print(format_args!("\n{}", output::rendered(&table)))?;
    let with_key = if is_of_demo { " (after the `export` lines that the demonstration printed)" } else { "" };
    Ok(output::print(format_args!(
        "\n`cloud-bridge dispatches list --event EVENT_ID`{with_key} shows to which endpoints one is sent."
    ))?)
}
