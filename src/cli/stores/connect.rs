//! `cloud-bridge stores connect`: prints the address that is to be opened in a browser, and waits.

use std::time::Duration;

use anyhow::bail;
use clap::Args;
use clap::builder::{FalseyValueParser, PossibleValuesParser};
use domain::integration::Purpose;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use strum::IntoEnumIterator as _;

use super::{CONNECTION, Connection};
use crate::cli::acting::Acting;
use crate::cli::client::{Client, ServerArgs, understood};
use crate::cli::identifiers::{self, Kind};
use crate::cli::input;
use crate::cli::output::{self, clean, word};

/// How often the server is asked whether the store was authorised.
const POLL_EVERY: Duration = Duration::from_secs(1);

/// Connect a store: open the printed address in a browser, and authorise it there; waits until that is done
///
/// The address is only for who may authorise the store: a person who goes on with it connects their store with your
/// account. It is good for a quarter of an hour, and once. Connecting a store again resumes what waited for it.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge stores connect shopify --shop storm-audio
  cloud-bridge stores connect shopify --shop storm-audio --purpose both
  cloud-bridge stores connect shopify --shop storm-audio --client-id ID < client-secret.txt")]
pub(in crate::cli) struct Connect {
    /// The store's kind
    #[arg(value_name = "PROVIDER", value_parser = connectable())]
    provider: String,
    /// The store: of Shopify the shop's name or the address of its admin
    #[arg(long, env = "CLOUD_BRIDGE_SHOP", value_name = "NAME", visible_alias = "store")]
    shop: Option<String>,
    /// Connect this integration [default: the one that is of this store, or else a new one]
    #[arg(long, env = "CLOUD_BRIDGE_INTEGRATION", value_name = "INTEGRATION_ID")]
    integration: Option<String>,
    /// Of a new integration: what to call it [default: the store's name]
    #[arg(long, env = "CLOUD_BRIDGE_NAME", conflicts_with = "integration")]
    name: Option<String>,
    /// Of a new integration: what it is for: `delivers` what is ordered, `publishes` commerce events, or `both` [default: delivers]
    #[arg(long, env = "CLOUD_BRIDGE_PURPOSE", value_name = "PURPOSE", conflicts_with = "integration", value_parser = purposes())]
    purpose: Option<String>,
    /// Connect it by your own app at the platform; its secret is asked for, or read from standard input [default: the saved one, or else the operator's]
    #[arg(long, env = "CLOUD_BRIDGE_CLIENT_ID", value_name = "ID")]
    client_id: Option<String>,
    /// Print the address and do not wait
    #[arg(long, env = "CLOUD_BRIDGE_NO_WAIT", value_parser = FalseyValueParser::new())]
    no_wait: bool,
    /// The account that gets a new integration, for administrators [default: the calling key's]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

const CONNECT: &str = "mutation($input: ConnectStoreInput!) {
  connectStore(input: $input) {
    integration { id name storeConnection { attemptId } } url expiresAt isNew userErrors { code message field } } }";

fn connectable() -> PossibleValuesParser {
    let can = |platform: &&dyn providers::Platform| platform.store_api().is_some_and(|api| api.oauth().is_some());
    PossibleValuesParser::new(providers::all().filter(can).map(|platform| platform.provider().as_str()))
}

fn purposes() -> PossibleValuesParser {
    PossibleValuesParser::new(Purpose::iter().map(Purpose::as_str))
}

impl Connect {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let (integration, account) = if let Some(id) = &self.integration {
            (Some(identifiers::whole(&client, Kind::Integration, id).await?), None)
        } else {
            let acting = Acting::on_merchant(&client, self.account.as_deref(), "the integration").await?;
            acting.print_account()?;
            (None, acting.account_id)
        };
        let app = match &self.client_id {
            Some(client_id) => {
                let secret = input::secret("The client secret of your app")?;
                json!({ "clientId": client_id, "clientSecret": secret.expose_secret() })
            }
            None => Value::Null,
        };
        let input = json!({
            "provider": self.provider.to_uppercase(),
            "store": self.shop,
            "integrationId": integration,
            "accountId": account,
            "name": self.name,
            "purpose": self.purpose.as_deref().map(str::to_uppercase),
            "app": app,
        });
        let payload = client.change(CONNECT, json!({ "input": input }), "connectStore").await?;
        let id = payload["integration"]["id"].as_str().unwrap_or_default().to_owned();
        let url = clean(payload["url"].as_str().unwrap_or_default());
        if json && self.no_wait {
            return Ok(output::print_json(&json!({
                "integrationId": id, "url": url, "expiresAt": payload["expiresAt"], "isNew": payload["isNew"] }))?);
        }
        let name = clean(payload["integration"]["name"].as_str().unwrap_or_default());
        let note = |line: &str| if json { input::note(line) } else { output::print(line) };
        note(&format!(
            "Integration:  {name} ({id})\n\nOpen this in a browser, as who may authorise the store:\n\n  {url}\n"
        ))?;
        if payload["isNew"] == json!(false) && (self.name.is_some() || self.purpose.is_some()) {
            input::note(
                "Note: the integration was there already, so --name and --purpose change nothing. `cloud-bridge integrations \
                 update` changes them.",
            )?;
        }
        if self.no_wait {
            return Ok(output::say(
                "`cloud-bridge stores status` says what comes of it. The address is good for a quarter of an hour.",
            )?);
        }
        note("Waiting for the store to be authorised. Ctrl-C ends the waiting alone: the address stays good.")?;
        let attempt = payload["integration"]["storeConnection"]["attemptId"].as_str().unwrap_or_default();
        let connection = wait(&client, &id, attempt).await?;
        if json {
            return Ok(output::print_json(&json!({
                "integrationId": id, "store": connection.store, "scopes": connection.scopes,
                "missingScopes": connection.missing_scopes }))?);
        }
        let store = clean(connection.store.as_deref().unwrap_or(&self.provider));
        output::print(format_args!("\nConnected: {store}"))?;
        if !connection.missing_scopes.is_empty() {
            let missing = clean(&connection.missing_scopes.join(", "));
            input::note(&format!(
                "Warning: the store did not allow {missing}. What needs that does not work until you connect it again and allow it."
            ))?;
        }
        Ok(())
    }
}

/// Waits until the attempt has ended, one way or another.
async fn wait(client: &Client, id: &str, attempt: &str) -> anyhow::Result<Connection> {
    let query = format!("query($id: ID!) {{ integration(id: $id) {{ {CONNECTION} }} }}");
    loop {
        let mut found = client.ask(&query, json!({ "id": id })).await?;
        let connection: Connection = understood(&found["integration"]["storeConnection"].take())?;
        let is_of_attempt = connection.attempt_id.as_deref() == Some(attempt);
        match (word(&connection.status).as_str(), &connection.failure) {
            ("waiting", _) if is_of_attempt => tokio::time::sleep(POLL_EVERY).await,
            ("waiting", _) => {
                bail!("another attempt to connect the store was begun: this address is not good any more")
            }
            (_, Some(failure)) => bail!("the store was not connected: {}", clean(&failure.reason)),
            ("connected", None) if is_of_attempt => return Ok(connection),
            _ => bail!("the store was not authorised in time: begin again"),
        }
    }
}
