//! `cloud-bridge erase`: what is known of a customer, or of one order, is deleted for good.

use anyhow::Context as _;
use clap::builder::FalseyValueParser;
use clap::{ArgGroup, Args};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, ServerArgs, understood};
use super::deliveries::{number_of, status_cell};
use super::identifiers::{Kind, ShortIds, order_or_delivery};
use super::input;
use super::output::{self, cell};
use super::owners::{Owners, Store};

/// Erase what is known of a customer, or of one order, for good
///
/// Shows first how many deliveries match, and which. Their names, e-mail addresses, usernames and raw webhooks are
/// erased, and what was still to be delivered is cancelled; so is every other webhook that names the customer or the order.
/// An e-mail address means also what a store names by the customer's id alone, where the store has named both together.
/// That there were orders, and what became of them, stays. A backup that was made before holds them still.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("whose").required(true), after_long_help = "\
Examples:
  cloud-bridge erase --customer fan@example.com --reason 'ticket 4711'
  cloud-bridge erase --order 1042 --account ID --yes

An administrator's key sees every account: without --account the same customer or order number is erased in all of
them. How many those are is said before and after.")]
pub(super) struct Erase {
    /// Everything of this customer: an e-mail address, the store's customer id, or a username
    #[arg(long, env = "CLOUD_BRIDGE_CUSTOMER", value_name = "TEXT", group = "whose", hide_env_values = true)]
    customer: Option<String>,
    /// This order: the store's id of it, its number, or the id of its delivery
    #[arg(long, env = "CLOUD_BRIDGE_ORDER", value_name = "ORDER", group = "whose")]
    order: Option<String>,
    /// Only in this account [default: all that the API key sees]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    /// Erase without asking
    #[arg(long, env = "CLOUD_BRIDGE_YES", value_parser = FalseyValueParser::new())]
    yes: bool,
    #[command(flatten)]
    server: ServerArgs,
}

const ERASE: &str = "mutation($input: ErasePersonalDataInput!) {
  erasePersonalData(input: $input) {
    matched accounts erased dataRequests otherWebhooks publishedEvents more
    deliveries { id orderId orderNumber status integration { id name account { id name } } }
    userErrors { code message field } } }";

/// Deliveries that are listed before it is asked whether to go on; scripts get a hundred.
const SHOWN: usize = 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    matched: usize,
    accounts: usize,
    erased: usize,
    data_requests: usize,
    other_webhooks: usize,
    published_events: usize,
    more: bool,
    deliveries: Vec<Delivery>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delivery {
    id: String,
    order_id: String,
    order_number: Option<String>,
    status: String,
    integration: Store,
}

impl Erase {
    pub(super) async fn run(mut self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        if let Some(order) = &self.order {
            self.order = Some(order_or_delivery(&client, order).await?);
        }
        let preview = self.ask(&client, true).await.context("nothing was erased")?;
        let found: Outcome = understood(&preview)?;
        if !self.yes {
            let ids = found.deliveries.iter().take(SHOWN).map(|delivery| delivery.id.as_str());
            show(&found, &ShortIds::of(&client, Kind::Delivery, ids).await?)?;
            let question = format!("Erase what is personal in {}, for good?", found.extent());
            input::confirm(&question).context("nothing was erased")?;
        }
        if self.yes && found.accounts > 1 {
            input::note(&found.spans())?;
        }
        let mut erased = 0;
        loop {
            let step: Outcome = understood(&self.ask(&client, false).await?)?;
            erased += step.erased;
            // What is erased is no longer found by its customer: each step finds the next ones.
            if !step.more || (step.erased == 0 && step.other_webhooks == 0 && step.published_events == 0) {
                break;
            }
        }
        if json {
            let listed = &preview["deliveries"];
            return Ok(output::print_json(
                &json!({ "matched": found.matched, "accounts": found.accounts, "erased": erased,
                    "dataRequests": found.data_requests, "otherWebhooks": found.other_webhooks,
                    "publishedEvents": found.published_events, "deliveries": listed }),
            )?);
        }
        let before = found.matched.saturating_sub(erased);
        output::say(&found.outcome(erased))?;
        if before > 0 {
            output::say(&format!("In {} nothing personal was left before.", number_of(before as u64)))?;
        }
        Ok(())
    }

    async fn ask(&self, client: &Client, dry_run: bool) -> anyhow::Result<Value> {
        let input = json!({
            "customer": self.customer, "orderId": self.order, "accountId": self.account, "dryRun": dry_run });
        client.change(ERASE, json!({ "input": input }), "erasePersonalData").await
    }
}

/// What is about to be erased, on standard error: standard output is for the outcome.
fn show(found: &Outcome, short: &ShortIds) -> anyhow::Result<()> {
    let mut parts = vec![];
    let owners = Owners::of(found.deliveries.iter().map(|delivery| &delivery.integration.account));
    let mut header = vec!["ID", "ORDER", "STORE", "STATUS"];
    if owners.is_some() {
        header.insert(2, "ACCOUNT");
    }
    let mut table = output::table(&header);
    for delivery in found.deliveries.iter().take(SHOWN) {
        let mut row = vec![
            cell(short.get(&delivery.id)),
            cell(delivery.order_number.as_ref().unwrap_or(&delivery.order_id)),
            cell(&delivery.integration.name),
            status_cell(&delivery.status),
        ];
        if let Some(owners) = &owners {
            row.insert(2, cell(owners.name(&delivery.integration.account)));
        }
        table.add_row(row);
    }
    output::keep_whole(&mut table, 0);
    output::may_shorten(&mut table, &["ORDER", "STORE", "ACCOUNT"]);
    if found.matched > 0 {
        parts.push(output::rendered(&table));
    }
    if found.matched > SHOWN {
        parts.push(format!("… and {} more", found.matched - SHOWN));
    }
    if found.accounts > 1 {
        parts.push(found.spans());
    }
    if found.is_named_elsewhere() {
        parts.push(match found.matched {
            0 => format!("No delivery is of this customer or order, who is named in {}.", found.elsewhere()),
            _ => format!("The same customer is named in {}.", found.elsewhere()),
        });
    }
    Ok(input::note(&parts.join("\n"))?)
}

impl Outcome {
    fn is_named_elsewhere(&self) -> bool {
        self.data_requests > 0 || self.other_webhooks > 0 || self.published_events > 0
    }

    /// Webhooks about no order that name the customer, and events that were published.
    fn elsewhere(&self) -> String {
        let questions = (self.data_requests > 0).then(|| requests(self.data_requests));
        let others = counted(self.other_webhooks, "other webhook");
        let published = counted(self.published_events, "published event");
        questions.into_iter().chain(others).chain(published).collect::<Vec<_>>().join(" and ")
    }

    /// What was erased, in a sentence.
    fn outcome(&self, erased: usize) -> String {
        let over = if self.accounts > 1 { format!(", over {} accounts", self.accounts) } else { String::new() };
        let deliveries = (erased > 0).then(|| format!("{}{over}", number_of(erased as u64)));
        let elsewhere = self.is_named_elsewhere().then(|| self.elsewhere());
        let places: Vec<String> = deliveries.into_iter().chain(elsewhere).collect();
        if places.is_empty() {
            return "Nothing personal was left to erase.".to_owned();
        }
        format!("Erased what was personal in {}.", places.join(", and in "))
    }

    /// Said before anything is erased: who sees every account may not want every account.
    fn spans(&self) -> String {
        format!("They belong to {} accounts: name one with --account.", self.accounts)
    }

    fn extent(&self) -> String {
        let over = if self.accounts > 1 { format!(" of {} accounts", self.accounts) } else { String::new() };
        let deliveries = (self.matched > 0).then(|| format!("{}{over}", number_of(self.matched as u64)));
        let elsewhere = self.is_named_elsewhere().then(|| self.elsewhere());
        deliveries.into_iter().chain(elsewhere).collect::<Vec<_>>().join(" and ")
    }
}

/// So many of something, in words; nothing of none.
pub(super) fn counted(number: usize, what: &str) -> Option<String> {
    match number {
        0 => None,
        1 => Some(format!("1 {what}")),
        many => Some(format!("{many} {what}s")),
    }
}

fn requests(number: usize) -> String {
    let questions = if number == 1 { "1 question".to_owned() } else { format!("{number} questions") };
    format!("{questions} that a store asked about the customer")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_names_what_was_erased_and_nothing_else() {
        let found = |accounts, data_requests, other_webhooks, published_events| Outcome {
            matched: 0,
            accounts,
            erased: 0,
            data_requests,
            other_webhooks,
            published_events,
            more: false,
            deliveries: vec![],
        };
        for (erased, found, said) in [
            (2, found(2, 0, 0, 0), "Erased what was personal in 2 deliveries, over 2 accounts."),
            (1, found(1, 0, 1, 0), "Erased what was personal in 1 delivery, and in 1 other webhook."),
            (0, found(1, 0, 0, 1), "Erased what was personal in 1 published event."),
            (
                0,
                found(0, 1, 2, 0),
                "Erased what was personal in 1 question that a store asked about the customer and 2 other webhooks.",
            ),
            (0, found(1, 0, 0, 0), "Nothing personal was left to erase."),
        ] {
            assert_eq!(found.outcome(erased), said);
        }
    }
}
