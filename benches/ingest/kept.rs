//! Whether everything that was accepted is in the log.

use std::collections::HashSet;

use anyhow::Context as _;
use domain::{DeliveryId, IntegrationId};
use futures_util::TryStreamExt as _;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};

use crate::setting::databases::Databases;
use crate::setting::order;

const STREAMS: &str =
    "SELECT aggregate_id FROM events WHERE aggregate_type = 'delivery' AND event_type = 'webhook_received'";

/// What the log has of the webhooks that were accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    pub(crate) webhooks: usize,
    /// Accepted orders of which the log knows nothing.
    pub(crate) missing: usize,
}

impl Kept {
    /// Looks for every accepted order in the log, past the service, which must have ended.
    pub(crate) async fn of(
        databases: &Databases,
        integration: IntegrationId,
        accepted: &[u64],
    ) -> anyhow::Result<Self> {
        let streams = streams(databases).await.context("the log cannot be read")?;
        let known: HashSet<&str> = streams.iter().map(String::as_str).collect();
        let is_missing = |number: &&u64| {
            let delivery = DeliveryId::of(integration, &order::id(**number));
            !known.contains(delivery.to_string().as_str())
        };
        Ok(Self { webhooks: streams.len(), missing: accepted.iter().filter(is_missing).count() })
    }
}

/// The stream of each webhook in the log.
async fn streams(databases: &Databases) -> anyhow::Result<Vec<String>> {
    let url = databases.log_url();
    match databases {
        Databases::Sqlite { .. } => {
            let mut log = url.parse::<SqliteConnectOptions>()?.read_only(true).connect().await?;
            Ok(sqlx::query_scalar(STREAMS).fetch(&mut log).try_collect().await?)
        }
        Databases::Postgres(_) => {
            let mut log = PgConnection::connect(&url).await?;
            Ok(sqlx::query_scalar(STREAMS).fetch(&mut log).try_collect().await?)
        }
    }
}
