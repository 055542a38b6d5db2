//! `cloud-bridge erase`: what is known of a customer, or of one order, is deleted for good.

use anyhow::Context as _;
use clap::builder::FalseyValueParser;
use clap::{ArgGroup, Args};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, ServerArgs, understood};
use super::deliveries::{number_of, status_cell};
use super::identifiers::{Kind, ShortIds};
use super::input;
use super::output::{self, cell};

/// Erase what is known of a customer, or of one order, for good
///
/// Shows first how many deliveries are meant, and which. Their names, e-mail addresses, usernames and raw webhooks are
/// erased, and what was still to be delivered is cancelled. With --customer also what stores asked about the customer,
/// where it names the same e-mail address or customer id. That there were orders, and what became of them, stays. A
/// backup that was made before holds them still.
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
    /// This order: the store's id of it, or its number
    #[arg(long, env = "CLOUD_BRIDGE_ORDER", value_name = "ID", group = "whose")]
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
    matched accounts erased dataRequests more
    deliveries { id orderId orderNumber status integration { name } }
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
    integration: Integration,
}

#[derive(Deserialize)]
struct Integration {
    name: String,
}

impl Erase {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let preview = self.ask(&client, true).await.context("nothing was erased")?;
        let found: Outcome = understood(&preview)?;
        if !self.yes {
            let ids = found.deliveries.iter().take(SHOWN).map(|delivery| delivery.id.as_str());
            show(&found, &ShortIds::of(&client, Kind::Delivery, ids).await?)?;
            let question = format!("Erase what is personal in {}, for good?", found.extent());
            input::confirm(&question).context("nothing was erased")?;
        }
        if self.yes && found.accounts > 1 {
            input::tell(&found.spans())?;
        }
        let mut erased = 0;
        loop {
            let step: Outcome = understood(&self.ask(&client, false).await?)?;
            erased += step.erased;
            // What is erased is no longer found by its customer: each step finds the next ones.
            if !step.more || step.erased == 0 {
                break;
            }
        }
        if json {
            let listed = &preview["deliveries"];
            return Ok(output::print_json(
                &json!({ "matched": found.matched, "accounts": found.accounts, "erased": erased,
                    "dataRequests": found.data_requests, "deliveries": listed }),
            )?);
        }
        let before = found.matched.saturating_sub(erased);
        output::print(format_args!(
            "Erased what was personal in {}{}.",
            number_of(erased as u64),
            if found.accounts > 1 { format!(", over {} accounts", found.accounts) } else { String::new() }
        ))?;
        if found.data_requests > 0 {
            output::print(format_args!("And in {}.", requests(found.data_requests)))?;
        }
        if before > 0 {
            output::print(format_args!("In {} nothing personal was left before.", number_of(before as u64)))?;
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
    let mut table = output::table(&["ID", "ORDER", "STORE", "STATUS"]);
    for delivery in found.deliveries.iter().take(SHOWN) {
        table.add_row([
            cell(short.get(&delivery.id)),
            cell(delivery.order_number.as_ref().unwrap_or(&delivery.order_id)),
            cell(&delivery.integration.name),
            status_cell(&delivery.status),
        ]);
    }
    output::keep_whole(&mut table, 0);
    let mut parts = vec![output::rendered(&table)];
    if found.matched > SHOWN {
        parts.push(format!("… and {} more", found.matched - SHOWN));
    }
    if found.accounts > 1 {
        parts.push(format!("\n{}", found.spans()));
    }
    if found.data_requests > 0 {
        parts.push(format!("\nThe same customer is named in {}.", requests(found.data_requests)));
    }
    Ok(input::tell(&parts.join("\n"))?)
}

impl Outcome {
    /// Said before anything is erased: who sees every account may not have meant every account.
    fn spans(&self) -> String {
        format!("They belong to {} accounts: name one with --account.", self.accounts)
    }

    fn extent(&self) -> String {
        let over = if self.accounts > 1 { format!(" of {} accounts", self.accounts) } else { String::new() };
        format!("{}{over}", number_of(self.matched as u64))
    }
}

fn requests(number: usize) -> String {
    let questions = if number == 1 { "1 question".to_owned() } else { format!("{number} questions") };
    format!("{questions} that a store asked about the customer")
}
