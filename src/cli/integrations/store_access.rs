//! `cloud-bridge integrations set-access` and `remove-access`: reading orders at a store that only names them in its webhooks.

use clap::Args;
use domain::integration::Provider;
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::cli::acting::print_owner_of_integration;
use crate::cli::client::{Client, ServerArgs};
use crate::cli::identifiers::{self, Kind};
use crate::cli::input;
use crate::cli::output::{self, clean};

/// Save the access token by which a store is called: orders are read there, and its webhooks watched; orders that waited for it go on
///
/// The token is asked for at the terminal, where it is not shown, or read from standard input: `set-access ID --store HASH <
/// token.txt`. Of WooCommerce it is the pair of keys of its REST API, as `ck_…:cs_…`.
#[derive(Args, Debug)]
pub(in crate::cli) struct SetAccess {
    #[arg(value_name = "INTEGRATION_ID")]
    id: String,
    /// Of BigCommerce: the store hash, or the API path that it shows beside the token. Of WooCommerce: the address of the shop. Of Shopify: its name
    #[arg(long, env = "CLOUD_BRIDGE_STORE", value_name = "HASH")]
    store: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Forget the access token of a store; orders that its webhooks name wait from now on
#[derive(Args, Debug)]
pub(in crate::cli) struct RemoveAccess {
    #[arg(value_name = "INTEGRATION_ID")]
    id: String,
    #[command(flatten)]
    server: ServerArgs,
}

const PROVIDER: &str = "query($id: ID!) { integration(id: $id) { provider } }";

const SAVE: &str = "mutation($input: SaveStoreAccessInput!) {
  saveStoreAccess(input: $input) {
    integration { id name storeAccess { tokenPreview store } } userErrors { code message field } } }";

const REMOVE: &str = "mutation($input: RemoveStoreAccessInput!) {
  removeStoreAccess(input: $input) { integration { id name } userErrors { code message field } } }";

impl SetAccess {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        // Before anything is typed that would be lost.
        let client = self.server.client()?;
        let id = identifiers::whole(&client, Kind::Integration, &self.id).await?;
        print_owner_of_integration(&client, &id).await?;
        let prompt = prompt(&client, &id).await?;
        let token = input::secret(prompt)?;
        let input = json!({ "integrationId": id, "token": token.expose_secret(), "store": self.store });
        let payload = client.change(SAVE, json!({ "input": input }), "saveStoreAccess").await?;
        let integration = &payload["integration"];
        if json {
            return Ok(output::print_json(integration)?);
        }
        let access = &integration["storeAccess"];
        let preview = clean(access["tokenPreview"].as_str().unwrap_or_default());
        let store = access["store"].as_str().map(|store| format!(" of the store {}", clean(store))).unwrap_or_default();
        Ok(output::say(&format!("Orders are read with the token {preview}{store}; what waited for it goes on."))?)
    }
}

/// What asks for the token, in the words of the store.
async fn prompt(client: &Client, id: &str) -> anyhow::Result<&'static str> {
    let found = client.ask(PROVIDER, json!({ "id": id })).await?;
    let provider = found["integration"]["provider"].as_str().unwrap_or_default().to_lowercase();
    let api = Provider::parse(&provider).and_then(|provider| providers::of(provider).store_api());
    Ok(api.map_or("Access token", |api| api.access().prompt))
}

impl RemoveAccess {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let id = identifiers::whole(&client, Kind::Integration, &self.id).await?;
        print_owner_of_integration(&client, &id).await?;
        let payload = client.change(REMOVE, json!({ "input": { "integrationId": id } }), "removeStoreAccess").await?;
        let integration = &payload["integration"];
        if json {
            return Ok(output::print_json(integration)?);
        }
        let name = clean(integration["name"].as_str().unwrap_or_default());
        let consequence = "has no access to its store any more: orders that its webhooks name wait until one is saved.";
        Ok(output::say(&format!("The integration {name} {consequence}"))?)
    }
}
