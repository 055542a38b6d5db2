//! `cloud-bridge endpoints show`.

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::Args;
use serde::Deserialize;
use serde_json::json;

use crate::cli::client::{ServerArgs, understood};
use crate::cli::identifiers::{self, Kind};
use crate::cli::output::{self, clean, moment, word};

/// Show an endpoint: what it is sent, how, and how it fares
#[derive(Args, Debug)]
pub(in crate::cli) struct Show {
    #[arg(value_name = "ENDPOINT_ID")]
    id: String,
    #[command(flatten)]
    server: ServerArgs,
}

const SHOW: &str = "query($id: ID!) { endpoint(id: $id) {
  id url description eventTypes integrations { id name } filter headerNames profile headerWord elementKey hasSignatureKey schedule ordered
  ratePerSecond concurrency status failing { percent since reason } disabled { cause reason } signingSecretPreview previousSecretsUntil
  createdAt updatedAt deletedAt account { id name } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    id: String,
    url: String,
    description: String,
    event_types: Vec<String>,
    integrations: Vec<Named>,
    filter: Option<String>,
    header_names: Vec<String>,
    profile: String,
    header_word: Option<String>,
    element_key: Option<String>,
    has_signature_key: Option<bool>,
    schedule: String,
    ordered: bool,
    rate_per_second: Option<u32>,
    concurrency: u32,
    status: String,
    failing: Option<Failing>,
    disabled: Option<Disabled>,
    signing_secret_preview: String,
    previous_secrets_until: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    deleted_at: Option<DateTime<Utc>>,
    account: Named,
}

#[derive(Deserialize)]
struct Named {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Failing {
    percent: u8,
    since: DateTime<Utc>,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Disabled {
    cause: String,
    reason: Option<String>,
}

impl Show {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let id = identifiers::whole(&client, Kind::Endpoint, &self.id).await?;
        let found = client.ask(SHOW, json!({ "id": id })).await?["endpoint"].take();
        if found.is_null() {
            bail!("{}", identifiers::unknown(Kind::Endpoint, &self.id));
        }
        if json {
            return Ok(output::print_json(&found)?);
        }
        let endpoint: Endpoint = understood(&found)?;
        for (name, value) in endpoint.facts() {
            output::print(format_args!("{name:<15}{}", output::fitted(&clean(&value), 15)))?;
        }
        Ok(())
    }
}

impl Endpoint {
    fn facts(&self) -> Vec<(&'static str, String)> {
        let or = |text: String, otherwise: &str| if text.is_empty() { otherwise.to_owned() } else { text };
        let stores: Vec<String> = self.integrations.iter().map(|store| store.name.clone()).collect();
        let rate = self.rate_per_second.map_or_else(|| "no limit".to_owned(), |rate| format!("{rate} a second"));
        let order = if self.ordered { "events about one thing one after the other" } else { "in any order" };
        let mut facts = vec![
            ("Endpoint", self.id.clone()),
            ("Account", format!("{} ({})", self.account.name, self.account.id)),
            ("URL", self.url.clone()),
            ("Description", or(self.description.clone(), "—")),
            ("Status", self.status_in_words()),
            ("Event types", self.event_types.join(", ")),
            ("Stores", or(stores.join(", "), "all, and what happens in none")),
            ("Filter", self.filter.clone().unwrap_or_else(|| "—".to_owned())),
            ("Headers", or(self.header_names.join(", "), "—")),
            ("Profile", self.profile_in_words()),
            ("Retries", self.retries_in_words()),
            ("Pace", format!("{rate}, {} at a time, {order}", self.concurrency)),
            ("Secret", self.secret_in_words()),
            ("Created", format!("{} UTC", moment(self.created_at))),
        ];
        facts.extend(self.deleted_at.map(|at| ("Deleted", format!("{} UTC", moment(at)))));
        facts
    }

    fn retries_in_words(&self) -> String {
        let when = match self.schedule.as_str() {
            "CLOUD_ELEMENTS" => "nine within three days; it is disabled with the tenth failure",
            "CLOUD_ELEMENTS_FIVE" => "five within nine and a half hours; it is disabled with the sixth failure",
            "QUEUE" => "none; what fails is a dead letter, to be redriven",
            _ => "seven within seven hours; it is degraded with the seventh failure",
        };
        format!("{}: {when}", word(&self.schedule))
    }

    fn status_in_words(&self) -> String {
        let because = |reason: &Option<String>| reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let status = word(&self.status);
        if let Some(Disabled { cause, reason }) = &self.disabled {
            return format!("{status} ({}{}); `endpoints resume` sends what waits", word(cause), because(reason));
        }
        match &self.failing {
            Some(Failing { percent, since, reason }) => {
                let hint = "; `endpoints resume` sends what waits, once it is mended";
                format!(
                    "{status}, failing since {} UTC, {percent} % of the way{}{hint}",
                    moment(*since),
                    because(reason)
                )
            }
            None => status,
        }
    }

    fn profile_in_words(&self) -> String {
        let profile = word(&self.profile);
        let element = self.element_key.as_ref().map(|key| format!(" as {key}")).unwrap_or_default();
        match (&self.header_word, self.has_signature_key) {
            (Some(header_word), _) => format!("{profile}, with the headers X-{header_word}-…"),
            (None, Some(true)) => format!("{profile}{element}, signed with its key"),
            (None, Some(false)) => format!("{profile}{element}, without its signature"),
            (None, None) => profile,
        }
    }

    fn secret_in_words(&self) -> String {
        let preview = &self.signing_secret_preview;
        match self.previous_secrets_until {
            Some(until) => format!("{preview}; with earlier ones it is signed, too, until {} UTC", moment(until)),
            None => preview.clone(),
        }
    }
}
