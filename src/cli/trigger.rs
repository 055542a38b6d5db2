//! `cloud-bridge trigger`: makes an event of a type happen, by the path that a real one takes.

mod published;
mod webhook;

use anyhow::{Context as _, bail};
use clap::Args;
use commerce::{CommerceEventType, Publisher};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use std::path::PathBuf;

use super::acting::Acting;
use super::developing::{Bench, DeveloperArgs};
use super::identifiers::{self, Kind};
use super::input;
use super::output::{self, clean};
use published::Published;

/// Make an event of a type happen, by the path that a real one takes
///
/// What stores publish comes from a signed sample webhook of the store's platform. What an account's own programs publish is
/// published as they do it. While `cloud-bridge demo` runs in the same folder it needs nothing else; for a store of your own give
/// its signing secret. It says what it did, and which events followed.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge trigger order.paid                                # beside `cloud-bridge demo`
  cloud-bridge trigger product.enriched
  cloud-bridge trigger order.refunded --integration INTEGRATION_ID --secret-file secret.txt")]
pub(super) struct Trigger {
    /// The type of the event, such as order.paid: `event-types` lists them
    #[arg(value_name = "TYPE")]
    event_type: String,
    /// The store in which it happens [default: of a demonstration, the first that can report it]
    #[arg(long, env = "CLOUD_BRIDGE_INTEGRATION", value_name = "INTEGRATION_ID")]
    integration: Option<String>,
    /// The store's signing secret. On the command line others on this machine can see it: better give it in the variable, or in
    /// a file
    #[arg(long, env = "CLOUD_BRIDGE_SECRET", hide_env_values = true)]
    secret: Option<SecretString>,
    /// A file with the store's signing secret, `-` for standard input
    #[arg(long, env = "CLOUD_BRIDGE_SECRET_FILE", value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// The account whose program publishes it, for administrators [default: the calling key's]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    developer: DeveloperArgs,
}

const PUBLISH: &str = "mutation($input: PublishEventInput!) {
  publishEvent(input: $input) {
    commerceEvent { id type objectKind objectId recordedAt } userErrors { code message field } } }";

impl Trigger {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let Some(of) = CommerceEventType::parse(self.event_type.trim()) else {
            bail!("there is no type {}: `cloud-bridge event-types` lists them", clean(&self.event_type));
        };
        if let Some(instead) = what_to_do_instead(of) {
            bail!("{} cannot be triggered: {instead}", of.as_str());
        }
        let bench = self.developer.bench().await?;
        match of.publisher() {
            Publisher::Store => self.report(&bench, of, json).await,
            Publisher::Account | Publisher::Service => self.publish(&bench, of, json).await,
        }
    }

    /// As a program of the account would.
    async fn publish(&self, bench: &Bench, of: CommerceEventType, json: bool) -> anyhow::Result<()> {
        let acting = Acting::on_merchant(&bench.client, self.account.as_deref(), "the event").await?;
        acting.print_account()?;
        let sample: Value = serde_json::from_str(commerce::sample(of)).context("the sample is not JSON")?;
        let input = json!({
            "accountId": acting.account_id, "integrationId": self.integration, "type": of.as_str(), "data": sample["data"],
        });
        let mut payload = bench.client.change(PUBLISH, json!({ "input": input }), "publishEvent").await?;
        let event = payload["commerceEvent"].take();
        if json {
            return Ok(output::print_json(&json!({ "sent": [], "events": [event] }))?);
        }
        output::say(
            "It was published by publishEvent, as a program of the account does it, with the data of the sample.",
        )?;
        published::print(&[event], bench.demo.is_some())
    }

    /// As a store would.
    async fn report(&self, bench: &Bench, of: CommerceEventType, json: bool) -> anyhow::Result<()> {
        let integration = match &self.integration {
            Some(id) => Some(identifiers::whole(&bench.client, Kind::Integration, id).await?),
            None => None,
        };
        let store = webhook::Store::choose(bench, integration.as_deref(), of).await?;
        let secret = self.secret_of(bench, &store.id)?;
        let before = Published::until_now(&bench.client, &store.id).await?;
        let sent = store.report(of, secret.expose_secret()).await?;
        let events = before.followed_by(of).await?;
        if json {
            let sent: Vec<Value> = sent.iter().map(webhook::Sent::json).collect();
            return Ok(output::print_json(&json!({ "integrationId": store.id, "sent": sent, "events": events }))?);
        }
        for sent in &sent {
            output::say(&clean(&sent.sentence(&store)))?;
        }
        published::print(&events, bench.demo.is_some())
    }

    fn secret_of(&self, bench: &Bench, integration: &str) -> anyhow::Result<SecretString> {
        let given = match &self.secret_file {
            Some(file) => Some(input::file(file)?),
            None => self.secret.clone(),
        };
        if let Some(secret) = given {
            return Ok(secret.expose_secret().trim().into());
        }
        let of_demo = bench.demo.iter().flat_map(|demo| &demo.stores).find(|store| store.integration_id == integration);
        of_demo.map(|store| store.secret.as_str().into()).context(
            "the store's signing secret is needed: give it in CLOUD_BRIDGE_SECRET or a file with --secret-file. It was shown when the \
             integration was created, or is the store's own; `cloud-bridge integrations rotate-secret` makes another",
        )
    }
}

/// Why an event cannot be made to happen by itself, and what to do.
fn what_to_do_instead(of: CommerceEventType) -> Option<&'static str> {
    match of {
        CommerceEventType::InventoryOutOfStock => Some(
            "it follows from the stock of one item that falls, and each `trigger` is of another. Set the threshold (`cloud-bridge \
             products alert --threshold 5`), and let a store report first more of an item, then less; or send a sample with \
             `cloud-bridge endpoints test ID --type`",
        ),
        CommerceEventType::DeliveryCompleted
        | CommerceEventType::DeliveryActionRequired
        | CommerceEventType::DeliveryFailed => Some(
            "it follows from the delivery of an order. Let a store that delivers and publishes (`cloud-bridge integrations update \
                 ID --purpose both`) report an order (`cloud-bridge sign` makes one; `cloud-bridge demo` has orders of every kind), or \
                 send a sample with `cloud-bridge endpoints test ID --type`",
        ),
        CommerceEventType::EndpointDegraded => Some(
            "it follows from seven failed attempts to send one event, over an hour and more. Send a sample of it with `cloud-bridge \
             endpoints test ID --type endpoint.degraded`",
        ),
        CommerceEventType::ProductSynced => Some(
            "it follows from a product that was read at its store. Send a sample of it with `cloud-bridge endpoints test ID --type \
             product.synced`",
        ),
        CommerceEventType::OrderCreated
        | CommerceEventType::OrderUpdated
        | CommerceEventType::OrderPaid
        | CommerceEventType::OrderCancelled
        | CommerceEventType::OrderRefunded
        | CommerceEventType::ProductCreated
        | CommerceEventType::ProductUpdated
        | CommerceEventType::ProductDeleted
        | CommerceEventType::CollectionUpdated
        | CommerceEventType::CollectionDeleted
        | CommerceEventType::InventoryUpdated
        | CommerceEventType::CustomerCreated
        | CommerceEventType::CustomerUpdated
        | CommerceEventType::CheckoutCompleted
        | CommerceEventType::ProductEnriched
        | CommerceEventType::ProductManuallyEdited
        | CommerceEventType::ProductRolledBack
        | CommerceEventType::FaqSubmitted
        | CommerceEventType::FaqApproved
        | CommerceEventType::FaqRejected
        | CommerceEventType::EnrichmentBulkCompleted => None,
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator as _;

    use super::*;

    #[test]
    fn what_the_service_publishes_itself_is_not_triggered_and_everything_else_is() {
        for of in CommerceEventType::iter() {
            assert_eq!(what_to_do_instead(of).is_some(), of.publisher() == Publisher::Service, "{}", of.as_str());
        }
    }
}
