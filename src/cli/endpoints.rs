//! `cloud-bridge endpoints`: what commerce events are sent to.

mod create;
mod matching;
mod secret;
mod settings;
mod show;
mod state;
mod trial;
mod update;

use clap::builder::FalseyValueParser;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use super::client::{Client, ServerArgs, understood};
use super::identifiers::{self, Kind, ShortIds};
use super::output::{self, cell, word};
use super::owners::{Owner, Owners};
use super::paging::{PageArgs, print_cursor};

/// Say what commerce events are sent to: create endpoints, change, pause, test and delete them
#[derive(Debug, Subcommand)]
pub(super) enum Endpoints {
    List(List),
    Show(show::Show),
    Create(create::Create),
    Update(update::Update),
    Pause(state::Pause),
    Resume(state::Resume),
    RotateSecret(secret::RotateSecret),
    Delete(state::Delete),
    Test(trial::Test),
    Match(matching::Match),
}

/// List endpoints, the oldest first
#[derive(Args, Debug)]
pub(super) struct List {
    /// Only of this account, for support [default: all that the API key sees]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    /// Deleted ones too
    #[arg(long, env = "CLOUD_BRIDGE_DELETED", value_parser = FalseyValueParser::new())]
    deleted: bool,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    server: ServerArgs,
}

const LIST: &str = "query($first: Int, $after: String, $accountId: ID, $withDeleted: Boolean!) {
  endpoints(first: $first, after: $after, accountId: $accountId, withDeleted: $withDeleted) {
    nodes {
      id url description eventTypes integrations { id name } filter headerNames profile headerWord elementKey hasSignatureKey schedule ordered
      ratePerSecond concurrency status failing { percent since reason } disabled { cause reason } signingSecretPreview previousSecretsUntil
      createdAt updatedAt deletedAt account { id name } }
    pageInfo { hasNextPage endCursor } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    id: String,
    url: String,
    description: String,
    event_types: Vec<String>,
    status: String,
    failing: Option<Failing>,
    account: Owner,
}

#[derive(Deserialize)]
struct Failing {
    percent: u8,
}

impl Endpoint {
    fn status_in_words(&self) -> String {
        let status = word(&self.status);
        match &self.failing {
            Some(Failing { percent }) if self.status == "ENABLED" => format!("{status}, failing ({percent} %)"),
            _ => status,
        }
    }
}

impl Endpoints {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.run(json).await,
            Self::Show(command) => command.run(json).await,
            Self::Create(command) => command.run(json).await,
            Self::Update(command) => command.run(json).await,
            Self::Pause(command) => command.run(json).await,
            Self::Resume(command) => command.run(json).await,
            Self::RotateSecret(command) => command.run(json).await,
            Self::Delete(command) => command.run(json).await,
            Self::Test(command) => command.run(json).await,
            Self::Match(command) => command.run(json).await,
        }
    }
}

impl List {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let (first, after) = self.page.variables();
        let variables =
            json!({ "first": first, "after": after, "accountId": self.account, "withDeleted": self.deleted });
        let variables = identifiers::completed(&client, variables).await?;
        let found = client.ask(LIST, variables).await?["endpoints"].take();
        if json {
            return Ok(output::print_json(&found)?);
        }
        let endpoints: Vec<Endpoint> = understood(&found["nodes"])?;
        if endpoints.is_empty() {
            return Ok(output::say(
                "There is no endpoint. `cloud-bridge endpoints create --url URL --event-type 'order.*'` creates one.",
            )?);
        }
        let short =
            ShortIds::of(&client, Kind::Endpoint, endpoints.iter().map(|endpoint| endpoint.id.as_str())).await?;
        let owners = Owners::of(endpoints.iter().map(|endpoint| &endpoint.account));
        let mut header =
            vec![("ID", None), ("URL", None), ("EVENT TYPES", Some(2)), ("STATUS", None), ("DESCRIPTION", Some(1))];
        if owners.is_some() {
            header.insert(0, ("ACCOUNT", Some(3)));
        }
        let mut table = output::list(&header);
        for endpoint in &endpoints {
            let mut row = vec![
                cell(short.get(&endpoint.id)),
                cell(&endpoint.url),
                cell(endpoint.event_types.join(", ")),
                cell(endpoint.status_in_words()),
                cell(&endpoint.description),
            ];
            if let Some(owners) = &owners {
                row.insert(0, cell(owners.name(&endpoint.account)));
            }
            table.add_row(row);
        }
        output::keep_whole(&mut table, usize::from(owners.is_some()));
        output::may_shorten(&mut table, &["URL", "EVENT TYPES", "DESCRIPTION", "ACCOUNT"]);
        output::print(output::rendered(&table))?;
        print_cursor(&found)
    }
}

/// The whole id of an endpoint that the caller may see, after saying whose it is where that is not the key's own account.
async fn named(client: &Client, text: &str) -> anyhow::Result<String> {
    let id = identifiers::whole(client, Kind::Endpoint, text).await?;
    super::acting::print_owner_of_endpoint(client, &id).await?;
    Ok(id)
}
