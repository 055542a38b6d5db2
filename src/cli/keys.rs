//! `cloud-bridge keys`: the API keys of an account.

mod rotate_master;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::builder::{FalseyValueParser, PossibleValuesParser};
use clap::{Args, Subcommand};
use domain::account::{MAX_REQUESTS_PER_MINUTE, Role};
use serde::Deserialize;
use serde_json::json;
use strum::VariantNames as _;

use super::acting::Acting;
use super::client::{MAX_PAGE, ServerArgs, understood};
use super::identifiers::{Kind, ShortIds};
use super::input;
use super::output::{self, cell, moment, word};

/// Make, list and deactivate API keys
#[derive(Debug, Subcommand)]
pub(super) enum Keys {
    Create(Create),
    List(List),
    Limit(Limit),
    RotateMaster(rotate_master::RotateMaster),
    Deactivate(Deactivate),
}

/// Make an API key and print it, which happens this once
#[derive(Args, Debug)]
pub(super) struct Create {
    /// What the key is for, as it will appear in the history of what was done with it
    #[arg(long, env = "CLOUD_BRIDGE_NAME")]
    name: String,
    /// merchant: its own account; support: every account, may retry and cancel; admin: everything
    #[arg(long, env = "CLOUD_BRIDGE_ROLE", default_value = "merchant", value_parser = PossibleValuesParser::new(Role::VARIANTS))]
    role: String,
    /// The account that gets the key [default: the calling key's]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    /// How many requests it may send in a minute [default: 600]; for administrators
    #[arg(long, env = "CLOUD_BRIDGE_REQUESTS_PER_MINUTE", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_REQUESTS_PER_MINUTE)))]
    requests_per_minute: Option<u32>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Change how many requests an API key may send in a minute; for administrators
#[derive(Args, Debug)]
pub(super) struct Limit {
    /// Id of the key, as `keys list` shows it; not the key itself
    #[arg(value_name = "KEY_ID")]
    key: String,
    /// Requests in a minute, over all nodes together
    #[arg(value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_REQUESTS_PER_MINUTE)))]
    requests_per_minute: u32,
    /// The account that has the key [default: the calling key's]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// List the API keys of an account, deactivated ones included (1,000 at most)
#[derive(Args, Debug)]
pub(super) struct List {
    /// The account [default: the calling key's]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Deactivate an API key for good
#[derive(Args, Debug)]
pub(super) struct Deactivate {
    /// Id of the key, as `keys list` shows it; not the key itself
    #[arg(value_name = "KEY_ID")]
    key: String,
    /// Do it without asking
    #[arg(long, env = "CLOUD_BRIDGE_YES", value_parser = FalseyValueParser::new())]
    yes: bool,
    /// The account that has the key [default: the calling key's]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

const FIELDS: &str = "apiKeys { id name role preview active requestsPerMinute createdAt }";

const CREATE: &str = "mutation($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { apiKey { id name role preview active requestsPerMinute createdAt } key userErrors { code message field } } }";

const LIMIT: &str = "mutation($input: LimitApiKeyInput!) {
  limitApiKey(input: $input) { apiKey { id name role preview active requestsPerMinute createdAt } userErrors { code message field } } }";

const DEACTIVATE: &str = "mutation($input: DeactivateApiKeyInput!) {
  deactivateApiKey(input: $input) { apiKey { id name role preview active requestsPerMinute createdAt } userErrors { code message field } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApiKey {
    id: String,
    name: String,
    role: String,
    preview: String,
    active: bool,
    requests_per_minute: Option<u32>,
    created_at: DateTime<Utc>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    api_key: ApiKey,
    key: String,
}

impl Keys {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Create(command) => command.run(json).await,
            Self::List(command) => command.run(json).await,
            Self::Limit(command) => command.run(json).await,
            Self::RotateMaster(command) => command.run(json).await,
            Self::Deactivate(command) => command.run(json).await,
        }
    }
}

impl Create {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let named = self.account.as_deref();
        let acting = if self.role == Role::Merchant.as_str() {
            Acting::on_merchant(&client, named, "the key").await?
        } else {
            Acting::on(&client, named).await?
        };
        acting.print_account()?;
        let input = json!({
            "accountId": acting.account_id,
            "name": self.name,
            "role": self.role.to_uppercase(),
            "requestsPerMinute": self.requests_per_minute,
        });
        let payload = client.change(CREATE, json!({ "input": input }), "createApiKey").await?;
        let Created { api_key, key } = understood(&payload)?;
        if json {
            output::print_json(&json!({ "apiKeyId": api_key.id, "role": word(&api_key.role), "apiKey": key }))?;
        } else {
            let export = output::export_line("CLOUD_BRIDGE_API_KEY", &key);
            output::print(format_args!(
                "Key id:  {}\nAPI key: {key}\n\nThe key is shown this once. Who uses it sets:\n\n  {export}",
                api_key.id
            ))?;
        }
        Ok(())
    }
}

impl List {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let acting = Acting::on(&client, self.account.as_deref()).await?;
        let query = format!("query($id: ID) {{ account(id: $id) {{ {FIELDS} }} }}");
        let keys = client.ask(&query, json!({ "id": acting.account_id })).await?["account"]["apiKeys"].take();
        if json {
            return Ok(output::print_json(&keys)?);
        }
        acting.print_account()?;
        let keys: Vec<ApiKey> = understood(&keys)?;
        let mut table = output::list(&[
            ("ID", None),
            ("NAME", None),
            ("ROLE", Some(5)),
            ("KEY", Some(3)),
            ("STATE", Some(4)),
            ("PER MINUTE", Some(1)),
            ("CREATED (UTC)", Some(2)),
        ]);
        let mut short = ShortIds::default();
        for keys in keys.chunks(MAX_PAGE as usize) {
            short.extend(ShortIds::of(&client, Kind::ApiKey, keys.iter().map(|key| key.id.as_str())).await?);
        }
        for key in &keys {
            table.add_row([
                cell(short.get(&key.id)),
                cell(&key.name),
                cell(word(&key.role)),
                cell(&key.preview),
                cell(if key.active { "active" } else { "deactivated" }),
                cell(key.requests_per_minute.map(|limit| limit.to_string()).unwrap_or_default()),
                cell(moment(key.created_at)),
            ]);
        }
        output::keep_whole(&mut table, 0);
        output::may_shorten(&mut table, &["NAME"]);
        output::print(output::rendered(&table))?;
        Ok(())
    }
}

impl Limit {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let Self { key, requests_per_minute, account, server } = self;
        let input = json!({ "accountId": account, "apiKeyId": key, "requestsPerMinute": requests_per_minute });
        let payload = server.client()?.change(LIMIT, json!({ "input": input }), "limitApiKey").await?;
        if json {
            return Ok(output::print_json(&payload["apiKey"])?);
        }
        let key: ApiKey = understood(&payload["apiKey"])?;
        let name = output::clean(&key.name);
        Ok(output::print(format_args!("The key “{name}” may send {requests_per_minute} requests a minute."))?)
    }
}

impl Deactivate {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        if !self.yes {
            let question = format!("Deactivate the key {} for good?", output::clean(&self.key));
            input::confirm(&question).context("nothing was deactivated")?;
        }
        let input = json!({ "accountId": self.account, "apiKeyId": self.key });
        let payload = self.server.client()?.change(DEACTIVATE, json!({ "input": input }), "deactivateApiKey").await?;
        if json {
            return Ok(output::print_json(&payload["apiKey"])?);
        }
        let key: ApiKey = understood(&payload["apiKey"])?;
        output::print(format_args!(
            "The key “{}” ({}) is deactivated.",
            output::clean(&key.name),
            output::clean(&key.preview)
        ))?;
        Ok(())
    }
}
