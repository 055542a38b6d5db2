//! `cloud-bridge accounts`: merchants, their pace and their credits.

mod contact;
mod failure_policy;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::builder::FalseyValueParser;
use clap::{ArgGroup, Args, Subcommand};
use domain::account::MAX_RETENTION_DAYS;
use serde::Deserialize;
use serde_json::{Value, json};

use super::acting::Acting;
use super::client::{ServerArgs, understood};
use super::identifiers::{self, Kind, ShortIds};
use super::input;
use super::output::{self, cell, moment};
use super::paging::{PageArgs, print_cursor};

/// Open accounts, list and show them, grant credits, bound how long personal data is kept, and say whom to write to
#[derive(Debug, Subcommand)]
pub(super) enum Accounts {
    Create(Create),
    List(List),
    Show(Show),
    Grant(Grant),
    Retention(Retention),
    SetContact(contact::SetContact),
    RemoveContact(contact::RemoveContact),
    SetDefaultSecret(contact::SetDefaultSecret),
    SetFailurePolicy(failure_policy::SetFailurePolicy),
}

/// Open an account and print its first API key, which is shown this once
#[derive(Args, Debug)]
pub(super) struct Create {
    /// Name of the merchant
    #[arg(long, env = "CLOUD_BRIDGE_NAME")]
    name: String,
    /// How many delivery attempts may start in a minute [default: the server's, 5]
    #[arg(long, env = "CLOUD_BRIDGE_ATTEMPTS_PER_MINUTE", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=60_000))]
    attempts_per_minute: Option<u32>,
    /// Credits to begin with
    #[arg(long, env = "CLOUD_BRIDGE_CREDITS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000_000))]
    credits: Option<u32>,
    #[command(flatten)]
    server: ServerArgs,
}

/// List accounts with their credits, API keys not included
#[derive(Args, Debug)]
pub(super) struct List {
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// Show an account: what it has left and what is reserved, its pace, its login and its keys
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge accounts show                   # the account of the calling key
  cloud-bridge accounts show ACCOUNT_ID        # for support and administrators")]
pub(super) struct Show {
    /// The account [default: the calling key's]
    #[arg(value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Grant credits; deliveries that waited for them go on by themselves
#[derive(Args, Debug)]
pub(super) struct Grant {
    /// The account
    #[arg(value_name = "ACCOUNT_ID")]
    account: String,
    #[arg(value_name = "CREDITS", value_parser = clap::value_parser!(u32).range(1..=1_000_000_000))]
    credits: u32,
    /// Any text that names this grant, an invoice number for instance: granting twice under one name grants once
    #[arg(long, env = "CLOUD_BRIDGE_IDEMPOTENCY_KEY", value_name = "TEXT")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Set for how many days personal data is kept once a delivery is over
///
/// What is kept for longer is erased by itself within an hour, for good: names, e-mail addresses, usernames and raw
/// webhooks of deliveries that were completed, given up, filtered or cancelled, and not changed since. What still waits
/// for a person is left alone. Without it personal data is kept for good.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("how_long").required(true), after_long_help = "\
Examples:
  cloud-bridge accounts retention --days 90
  cloud-bridge accounts retention --off --account ID")]
pub(super) struct Retention {
    /// How many days, 1 to 3650
    #[arg(long, env = "CLOUD_BRIDGE_DAYS", value_name = "N", group = "how_long", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_RETENTION_DAYS)))]
    days: Option<u32>,
    /// Keep personal data for good
    #[arg(long, env = "CLOUD_BRIDGE_OFF", group = "how_long", value_parser = FalseyValueParser::new())]
    off: bool,
    /// The account, for administrators [default: the calling key's]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    /// Do it without asking
    #[arg(long, env = "CLOUD_BRIDGE_YES", value_parser = FalseyValueParser::new())]
    yes: bool,
    #[command(flatten)]
    server: ServerArgs,
}

const CREATE: &str = "mutation($input: CreateAccountInput!) {
  createAccount(input: $input) { account { id } apiKey userErrors { code message field } } }";

const LIST: &str = "query($first: Int, $after: String) {
  accounts(first: $first, after: $after) {
    nodes { id name attemptsPerMinute credits { available reserved charged granted } retentionDays createdAt }
    pageInfo { hasNextPage endCursor } } }";

const SHOW: &str = "query($id: ID) { account(id: $id) {
  id name attemptsPerMinute credits { available reserved charged granted } retentionDays createdAt cortexEmail contactAddress defaultEndpointSecretPreview
  apiKeys { id name role active } } }";

const GRANT: &str = "mutation($input: GrantCreditsInput!) {
  grantCredits(input: $input) {
    account { id credits { available reserved charged granted } } userErrors { code message field } } }";

const RETENTION: &str = "mutation($input: SetRetentionInput!) {
  setRetention(input: $input) { account { id name retentionDays } userErrors { code message field } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    account: Id,
    api_key: String,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    id: String,
    name: String,
    attempts_per_minute: u32,
    credits: Credits,
    retention_days: Option<u32>,
    created_at: DateTime<Utc>,
    #[serde(default)]
    cortex_email: Option<String>,
    #[serde(default)]
    contact_address: Option<String>,
    #[serde(default)]
    default_endpoint_secret_preview: Option<String>,
}

#[derive(Deserialize)]
struct Credits {
    available: i64,
    reserved: i64,
    charged: i64,
    granted: i64,
}

impl Accounts {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Create(command) => command.run(json).await,
            Self::List(command) => command.run(json).await,
            Self::Show(command) => command.run(json).await,
            Self::Grant(command) => command.run(json).await,
            Self::Retention(command) => command.run(json).await,
            Self::SetContact(command) => command.run(json).await,
            Self::RemoveContact(command) => command.run(json).await,
            Self::SetDefaultSecret(command) => command.run(json).await,
            Self::SetFailurePolicy(command) => command.run(json).await,
        }
    }
}

impl Create {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let input =
            json!({ "name": self.name, "attemptsPerMinute": self.attempts_per_minute, "credits": self.credits });
        let payload = self.server.client()?.change(CREATE, json!({ "input": input }), "createAccount").await?;
        let Created { account, api_key } = understood(&payload)?;
        if json {
            output::print_json(&json!({ "accountId": account.id, "apiKey": api_key }))?;
        } else {
            let export = output::export_line("CLOUD_BRIDGE_API_KEY", &api_key);
            output::print(format_args!(
                "Account: {}\nAPI key: {api_key}\n\n\
                 The key is shown this once. With it, connect a store:\n\n  {export}\n  \
                 cloud-bridge integrations create --provider generic --name 'My shop'",
                account.id
            ))?;
        }
        Ok(())
    }
}

impl List {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let page = self.page.data(&client, LIST, Value::Null).await?["accounts"].take();
        if json {
            return Ok(output::print_json(&page)?);
        }
        let accounts: Vec<Account> = understood(&page["nodes"])?;
        let short = ShortIds::of(&client, Kind::Account, accounts.iter().map(|account| account.id.as_str())).await?;
        let mut table = output::list(&[
            ("ID", None),
            ("NAME", None),
            ("PER MINUTE", Some(3)),
            ("CREDITS", None),
            ("RESERVED", Some(5)),
            ("CHARGED", Some(4)),
            ("KEEPS DAYS", Some(1)),
            ("OPENED (UTC)", Some(2)),
        ]);
        for account in &accounts {
            table.add_row([
                cell(short.get(&account.id)),
                cell(&account.name),
                cell(account.attempts_per_minute.to_string()),
                cell(account.credits.available.to_string()),
                cell(account.credits.reserved.to_string()),
                cell(account.credits.charged.to_string()),
                cell(account.retention_days.map_or_else(|| "all".to_owned(), |days| days.to_string())),
                cell(moment(account.created_at)),
            ]);
        }
        output::keep_whole(&mut table, 0);
        output::may_shorten(&mut table, &["NAME"]);
        output::print(output::rendered(&table))?;
        print_cursor(&page)
    }
}

impl Show {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let id = match &self.account {
            Some(text) => Some(identifiers::whole(&client, Kind::Account, text).await?),
            None => None,
        };
        let found = client.ask(SHOW, json!({ "id": id })).await?["account"].take();
        if json {
            return Ok(output::print_json(&found)?);
        }
        let account: Account = understood(&found)?;
        let active = found["apiKeys"].as_array().into_iter().flatten().filter(|key| key["active"] == true).count();
        let Credits { available, reserved, charged, granted } = account.credits;
        let reserved = match reserved {
            0 => "0".to_owned(),
            some => format!("{some} (set aside for deliveries under way: spent when they share, free again if not)"),
        };
        let kept = account.retention_days.map_or_else(
            || "for good".to_owned(),
            |days| format!("until a delivery has been over for {days} day{}", if days == 1 { "" } else { "s" }),
        );
        let mut facts = vec![
            ("Account", account.id),
            ("Name", account.name),
            ("Credits", available.to_string()),
            ("Reserved", reserved),
            ("Charged", format!("{charged} of {granted} granted")),
            ("Pace", format!("{} delivery attempts a minute", account.attempts_per_minute)),
            (
                "Login",
                account.cortex_email.unwrap_or_else(|| "none is saved: `cloud-bridge credentials set`".to_owned()),
            ),
            ("API keys", format!("{active} active")),
            ("Personal data", format!("kept {kept}")),
            ("Created", format!("{} UTC", moment(account.created_at))),
        ];
        facts.extend(account.contact_address.map(|contact| ("Contact", contact)));
        facts.extend(account.default_endpoint_secret_preview.map(|preview| ("Default secret", preview)));
        for (name, value) in facts {
            output::print(format_args!("{name:<15}{}", output::fitted(&output::clean(&value), 15)))?;
        }
        Ok(())
    }
}

impl Grant {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let input = json!({
            "accountId": self.account, "credits": self.credits, "idempotencyKey": self.idempotency_key });
        let payload = self.server.client()?.change(GRANT, json!({ "input": input }), "grantCredits").await?;
        if json {
            return Ok(output::print_json(&payload["account"])?);
        }
        let credits: Credits = understood(&payload["account"]["credits"])?;
        output::print(format_args!("{} credits are available now.", credits.available))?;
        Ok(())
    }
}

impl Retention {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let acting = Acting::on_merchant(&client, self.account.as_deref(), "what is kept").await?;
        acting.print_account()?;
        if let Some(days) = self.days.filter(|_| !self.yes) {
            let question = format!(
                "Erase, for good and from now on, what is personal in each delivery that has been over for {days} days?"
            );
            input::confirm(&question).context("nothing was changed")?;
        }
        // With --off there are no days, which means for good.
        let input = json!({ "accountId": acting.account_id, "days": self.days });
        let payload = client.change(RETENTION, json!({ "input": input }), "setRetention").await?;
        if json {
            return Ok(output::print_json(&payload["account"])?);
        }
        Ok(match self.days {
            Some(1) => output::print("Personal data is erased once a delivery has been over for 1 day."),
            Some(days) => {
                output::say(&format!("Personal data is erased once a delivery has been over for {days} days."))
            }
            None => output::print("Personal data is kept for good."),
        }?)
    }
}
