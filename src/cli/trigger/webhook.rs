//! A sample webhook, signed and sent as the store would.

use std::time::Duration;

use anyhow::{Context as _, bail};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use commerce::CommerceEventType;
use domain::integration::Provider;
use event_log::clock::Clock;
use event_log::ids;
use providers::{Example, Outgoing, Platform, Sample};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::client::understood;
use crate::cli::developing::Bench;
use crate::cli::output::clean;

const TIMEOUT: Duration = Duration::from_secs(15);
/// Numbers that stores give to what they report are smaller.
const MAX_NUMBER: u64 = 1_000_000_000_000;

const INTEGRATIONS: &str =
    "{ integrations(first: 100) { nodes { id name provider active purpose webhookUrl notificationUrl } } }";
const INTEGRATION: &str =
    "query($id: ID!) { integration(id: $id) { id name provider active purpose webhookUrl notificationUrl } }";

/// A store of which something is reported.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Store {
    pub(super) id: String,
    name: String,
    provider: String,
    active: bool,
    purpose: String,
    webhook_url: String,
    /// The one that the store has, which some platforms sign.
    notification_url: String,
}

/// A webhook that was sent.
pub(super) struct Sent {
    topic: Option<&'static str>,
    status: u16,
    response: Value,
}

impl Store {
    /// The store that is named, else the first of a demonstration's that can report this.
    pub(super) async fn choose(bench: &Bench, named: Option<&str>, of: CommerceEventType) -> anyhow::Result<Self> {
        if let Some(id) = named {
            let found = bench.client.ask(INTEGRATION, json!({ "id": id })).await?["integration"].take();
            if found.is_null() {
                bail!("there is no integration {}: `cloud-bridge integrations list` shows them", clean(id));
            }
            let store: Self = understood(&found)?;
            store.check(of)?;
            return Ok(store);
        }
        let Some(demo) = &bench.demo else {
            bail!("{} happens in a store: name one with --integration (`cloud-bridge integrations list`)", of.as_str());
        };
        let stores = bench.client.ask(INTEGRATIONS, json!({})).await?["integrations"]["nodes"].take();
        let stores: Vec<Self> = understood(&stores)?;
        let is_known = |store: &Self| demo.stores.iter().any(|known| known.integration_id == store.id);
        let fitting = stores.into_iter().find(|store| is_known(store) && store.check(of).is_ok());
        fitting.with_context(|| format!("no store of the demonstration can report {}", of.as_str()))
    }

    fn platform(&self) -> anyhow::Result<&'static dyn Platform> {
        let provider = Provider::parse(&self.provider.to_lowercase());
        Ok(providers::of(
            provider.context("this version does not know the store's platform: is the server a later one?")?,
        ))
    }

    /// Whether it can report that, and is to.
    fn check(&self, of: CommerceEventType) -> anyhow::Result<()> {
        let (name, id) = (clean(&self.name), clean(&self.id));
        if !self.active {
            bail!("{name} is not active: `cloud-bridge integrations activate {id}`");
        }
        if self.purpose == "DELIVERS" {
            bail!("{name} publishes no events: `cloud-bridge integrations update {id} --purpose both` lets it");
        }
        let platform = self.platform()?;
        if platform.examples(of, &example(Clock::default().now())).is_none() {
            bail!(
                "a webhook of {} cannot say {}: it has none, or one that names what has to be read at the store. Let it happen in the \
                 store itself, in `cloud-bridge store-sandbox`, or name a store of another platform with --integration",
                platform.name(),
                of.as_str()
            );
        }
        Ok(())
    }

    /// Sends the webhooks by which the store says that this happened.
    pub(super) async fn report(&self, of: CommerceEventType, secret: &str) -> anyhow::Result<Vec<Sent>> {
        let platform = self.platform()?;
        let samples = platform.examples(of, &example(Clock::default().now())).unwrap_or_default();
        let http = reqwest::Client::builder().timeout(TIMEOUT).build().context("no HTTP client can be made")?;
        let mut sent = vec![];
        for sample in samples {
            sent.push(self.send(&http, platform, sample, secret).await?);
        }
        Ok(sent)
    }

    async fn send(
        &self,
        http: &reqwest::Client,
        platform: &dyn Platform,
        sample: Sample,
        secret: &str,
    ) -> anyhow::Result<Sent> {
        let outgoing = Outgoing { address: &self.notification_url, body: &sample.body, at: Clock::default().now() };
        let signed = platform.sign(&outgoing, secret);
        let mut request = http.post(&self.webhook_url).header("content-type", "application/json").body(sample.body);
        for (name, value) in sample.topic.map(|(name, value)| (name, value.to_owned())).into_iter().chain(signed) {
            request = request.header(name, value);
        }
        let sent = request.send().await;
        let response = sent.with_context(|| format!("nothing answers at {}", clean(&self.webhook_url)))?;
        let status = response.status();
        let response = response.json().await.unwrap_or(Value::Null);
        if status == reqwest::StatusCode::UNAUTHORIZED {
            bail!("{} refused the signature: the secret is not that of the store", clean(&self.name));
        }
        if !status.is_success() {
            bail!("the webhook was answered with {status}: {}", clean(&response.to_string()));
        }
        Ok(Sent { topic: sample.topic.map(|(_, topic)| topic), status: status.as_u16(), response })
    }
}

impl Sent {
    pub(super) fn sentence(&self, store: &Store) -> String {
        let topic = self.topic.map(|topic| format!(" {topic}")).unwrap_or_default();
        let platform = store.platform().map_or("its platform", Platform::name);
        let Self { status, .. } = self;
        format!("Sent a webhook{topic} of {}, signed as {platform} signs: accepted with {status}.", store.name)
    }

    pub(super) fn json(&self) -> Value {
        json!({ "topic": self.topic, "status": self.status, "response": self.response })
    }
}

/// Something that happens now, to a thing of its own.
fn example(now: DateTime<Utc>) -> Example {
    let written = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    Example {
        number: ids::fresh().as_u64_pair().1 % MAX_NUMBER,
        at: written(now),
        later: written(now + TimeDelta::seconds(1)),
    }
}
