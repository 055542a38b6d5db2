//! `cloud-bridge export-personal-data`: everything that is known of a customer, for the customer.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{ArgGroup, Args};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{ServerArgs, understood};
use super::deliveries::number_of;
use super::erase::counted;
use super::output;
use event_log::vault::write_private;
use projections::notices::PUBLICATION;

/// Write out what is known of a customer, as JSON for the customer
///
/// Every delivery of the customer with each webhook's names and addresses and its raw body, and every other webhook that
/// names the customer. That it was written out is recorded, with the reason that you give.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("whose").required(true), after_long_help = "\
Examples:
  cloud-bridge export-personal-data --customer fan@example.com --to fan.json --reason 'ticket 4711'
  cloud-bridge export-personal-data --request ID --to customer.json     # ID as data-requests lists it")]
pub(super) struct ExportPersonalData {
    /// An e-mail address, the store's customer id, or a username
    #[arg(long, env = "CLOUD_BRIDGE_CUSTOMER", value_name = "TEXT", group = "whose", hide_env_values = true)]
    customer: Option<String>,
    /// The customer of a store's data request, which also counts it as answered: an id as `data-requests` lists it
    #[arg(long, env = "CLOUD_BRIDGE_REQUEST", value_name = "ID", group = "whose")]
    request: Option<String>,
    /// Only in this account [default: all that the API key sees]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    /// A file that is not there yet, which only you may read [default: standard output]
    #[arg(long, env = "CLOUD_BRIDGE_TO", value_name = "FILE")]
    to: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

const EXPORT: &str = "mutation($input: ExportPersonalDataInput!) {
  exportPersonalData(input: $input) {
    matched customerEmail customerId deliveries otherWebhooks endCursor userErrors { code message field } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    customer_email: Option<String>,
    customer_id: Option<String>,
    deliveries: Vec<Value>,
    other_webhooks: Vec<Value>,
    end_cursor: Option<String>,
}

impl ExportPersonalData {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let (mut deliveries, mut others, mut after) = (vec![], vec![], None);
        let mut customer = json!(self.customer);
        loop {
            let input = json!({
                "customer": self.customer, "dataRequest": self.request, "accountId": self.account, "after": after });
            let payload = client.change(EXPORT, json!({ "input": input }), "exportPersonalData").await;
            let part: Part = understood(&payload.context("nothing was written")?)?;
            deliveries.extend(part.deliveries);
            others.extend(part.other_webhooks);
            if self.request.is_some() {
                customer = json!({ "email": part.customer_email, "id": part.customer_id });
            }
            after = part.end_cursor;
            if after.is_none() {
                break;
            }
        }
        let published = others.iter().filter(|other| other["kind"] == PUBLICATION).count();
        let (number, webhooks) = (deliveries.len(), others.len() - published);
        let document = json!({ "customer": customer, "deliveries": deliveries, "otherWebhooks": others });
        let Some(file) = self.to else {
            return Ok(output::print_json(&document)?);
        };
        let text = serde_json::to_string_pretty(&document)?;
        write_private(&file, &text).with_context(|| format!("{} cannot be written", file.display()))?;
        if json {
            return Ok(output::print_json(&json!({ "file": file, "deliveries": number, "otherWebhooks": webhooks,
                "publishedEvents": published }))?);
        }
        let others = [counted(webhooks, "other webhook"), counted(published, "published event")];
        let sources: Vec<String> =
            std::iter::once(number_of(number as u64)).chain(others.into_iter().flatten()).collect();
        Ok(output::print(format_args!(
            "What is known from {} is in {}, which only you may read.",
            sources.join(" and "),
            file.display()
        ))?)
    }
}
