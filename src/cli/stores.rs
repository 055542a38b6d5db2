//! `cloud-bridge stores`: connecting stores by OAuth, and how that stands.

mod catalogue;
mod connect;
mod disconnect;
mod doctor;
mod gaps;
mod status;
mod sync;

use chrono::{DateTime, Utc};
use clap::Subcommand;
use serde::Deserialize;

/// Connect a store in a browser, without copying addresses and secrets; see how it stands; disconnect it
#[derive(Debug, Subcommand)]
pub(super) enum Stores {
    Connect(Box<connect::Connect>),
    Status(status::Status),
    Doctor(doctor::Doctor),
    Sync(sync::Sync),
    Gaps(gaps::Gaps),
    Catalogue(catalogue::Catalogue),
    Disconnect(disconnect::Disconnect),
}

impl Stores {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Connect(command) => command.run(json).await,
            Self::Status(command) => command.run(json).await,
            Self::Doctor(command) => command.run(json).await,
            Self::Sync(command) => command.run(json).await,
            Self::Gaps(command) => command.run(json).await,
            Self::Catalogue(command) => command.run(json).await,
            Self::Disconnect(command) => command.run(json).await,
        }
    }
}

/// What the API says of a connection, as far as it is printed.
const CONNECTION: &str = "storeConnection { status store scopes missingScopes connectedAt tokenEndsAt lostReason lostAt \
                          waitingUntil attemptId failure { reason at } app { clientId secretPreview } }";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Connection {
    status: String,
    store: Option<String>,
    scopes: Vec<String>,
    missing_scopes: Vec<String>,
    connected_at: Option<DateTime<Utc>>,
    token_ends_at: Option<DateTime<Utc>>,
    lost_reason: Option<String>,
    lost_at: Option<DateTime<Utc>>,
    waiting_until: Option<DateTime<Utc>>,
    attempt_id: Option<String>,
    failure: Option<Failure>,
    app: Option<App>,
}

#[derive(Debug, Deserialize)]
struct Failure {
    reason: String,
    at: DateTime<Utc>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct App {
    client_id: String,
    secret_preview: String,
}
