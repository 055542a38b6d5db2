//! `cloud-bridge instances`: connected stores as programs know them that were written for Cloud Elements.

mod create;
mod settings;
mod show;
mod state;
mod update;

use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use super::client::{ServerArgs, understood};
use super::identifiers;
use super::output::{self, cell};
use super::owners::{Owner, Owners};
use super::paging::{PageArgs, print_cursor};

/// Manage instances, which programs use through the instances API of Cloud Elements: list, create, change, disable and delete them
#[derive(Debug, Subcommand)]
pub(super) enum Instances {
    List(List),
    Show(show::Show),
    Create(Box<create::Create>),
    Update(Box<update::Update>),
    Enable(state::Enable),
    Disable(state::Disable),
    Delete(state::Delete),
}

/// List instances, the oldest first
#[derive(Args, Debug)]
pub(super) struct List {
    /// Only of this account, for support [default: all that the API key sees]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// What the API says of an instance, as far as it is printed.
const INSTANCE: &str = "number id name tags enabled eventsEnabled scope createdAt account { id name } \
    integration { id pollEveryMinutes storeConnection { status store topics } } \
    subscriptions { number configured endpoint { id url status } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instance {
    number: u32,
    id: String,
    name: String,
    tags: Vec<String>,
    enabled: bool,
    events_enabled: bool,
    scope: String,
    created_at: chrono::DateTime<chrono::Utc>,
    account: Owner,
    integration: Option<Integration>,
    subscriptions: Vec<Subscription>,
    /// Only where it was asked for.
    #[serde(default)]
    token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Integration {
    id: String,
    poll_every_minutes: Option<u32>,
    store_connection: Connection,
}

#[derive(Deserialize)]
struct Connection {
    status: String,
    store: Option<String>,
    topics: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Subscription {
    number: u32,
    configured: bool,
    endpoint: Option<Endpoint>,
}

#[derive(Deserialize)]
struct Endpoint {
    id: String,
    url: String,
    status: String,
}

impl Instance {
    fn status_in_words(&self) -> &'static str {
        let is_connected = self.integration.as_ref().is_some_and(|link| link.store_connection.status == "CONNECTED");
        match (self.enabled, self.events_enabled) {
            _ if !is_connected => "not connected",
            (false, _) => "disabled",
            (true, false) => "enabled, without events",
            (true, true) => "enabled",
        }
    }

    fn store(&self) -> &str {
        self.integration.as_ref().and_then(|link| link.store_connection.store.as_deref()).unwrap_or_default()
    }
}

impl Instances {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.run(json).await,
            Self::Show(command) => command.run(json).await,
            Self::Create(command) => command.run(json).await,
            Self::Update(command) => command.run(json).await,
            Self::Enable(command) => command.run(json).await,
            Self::Disable(command) => command.run(json).await,
            Self::Delete(command) => command.run(json).await,
        }
    }
}

impl List {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let (first, after) = self.page.variables();
        let variables = json!({ "first": first, "after": after, "accountId": self.account });
        let variables = identifiers::completed(&client, variables).await?;
        let document = format!(
            "query($first: Int, $after: String, $accountId: ID) {{ instances(first: $first, after: $after, accountId: $accountId) {{ \
             nodes {{ {INSTANCE} }} pageInfo {{ hasNextPage endCursor }} }} }}"
        );
        let found = client.ask(&document, variables).await?["instances"].take();
        if json {
            return Ok(output::print_json(&found)?);
        }
        let instances: Vec<Instance> = understood(&found["nodes"])?;
        if instances.is_empty() {
            return Ok(output::say(
                "There is no instance. A program creates one by POST /elements/api-v2/instances, or `cloud-bridge instances create`.",
            )?);
        }
        let owners = Owners::of(instances.iter().map(|instance| &instance.account));
        let mut header =
            vec![("NUMBER", None), ("NAME", Some(1)), ("STORE", Some(2)), ("STATUS", None), ("TAGS", Some(1))];
        if owners.is_some() {
            header.insert(0, ("ACCOUNT", Some(3)));
        }
        let mut table = output::list(&header);
        for instance in &instances {
            let mut row = vec![
                cell(instance.number.to_string()),
                cell(&instance.name),
                cell(instance.store()),
                cell(instance.status_in_words()),
                cell(instance.tags.join(", ")),
            ];
            if let Some(owners) = &owners {
                row.insert(0, cell(owners.name(&instance.account)));
            }
            table.add_row(row);
        }
        output::keep_whole(&mut table, usize::from(owners.is_some()));
        output::may_shorten(&mut table, &["NAME", "STORE", "TAGS", "ACCOUNT"]);
        output::print(output::rendered(&table))?;
        print_cursor(&found)
    }
}
