//! The databases of one run: made for it, looked into after it, and removed.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use anyhow::Context as _;
use domain::{DeliveryId, IntegrationId};
use futures_util::TryStreamExt as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, SqliteConnection};

use super::options::{Engine, Options};
use super::order;

const STREAMS: &str =
    "SELECT aggregate_id FROM events WHERE aggregate_type = 'delivery' AND event_type = 'webhook_received'";

pub(crate) enum Databases {
    /// The service's own files in this folder.
    Sqlite {
        folder: PathBuf,
    },
    Postgres(Box<Postgres>),
}

pub(crate) struct Postgres {
    server: PgConnectOptions,
    log_name: String,
    views_name: String,
    log_url: String,
    views_url: String,
}

/// What the log has of the webhooks that were accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    pub(crate) webhooks: usize,
    /// Accepted orders of which the log knows nothing.
    pub(crate) missing: usize,
}

impl Databases {
    pub(crate) async fn make(options: &Options, folder: &Path) -> anyhow::Result<Self> {
        match options.log {
            Engine::Sqlite => Ok(Self::Sqlite { folder: folder.to_owned() }),
            Engine::Postgres => {
                let url = options.postgres_url.as_deref().context(
                    "which Postgres? Name one with --postgres-url, or let one be started: \
                     scripts/postgres cargo bench --bench ingest -- --log postgres",
                )?;
                Ok(Self::Postgres(Box::new(Postgres::make(url).await?)))
            }
        }
    }

    /// Where the service is told to keep its log and its views; none where its default is right.
    pub(crate) fn urls(&self) -> Option<(&str, &str)> {
        match self {
            Self::Sqlite { .. } => None,
            Self::Postgres(postgres) => Some((&postgres.log_url, &postgres.views_url)),
        }
    }

    /// The engine's version, and what decides how durable and how quick its commits are.
    pub(crate) async fn engine(&self) -> anyhow::Result<String> {
        match self {
            Self::Sqlite { .. } => {
                let mut memory = SqliteConnection::connect("sqlite::memory:").await?;
                let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&mut memory).await?;
                Ok(format!("SQLite {version}"))
            }
            Self::Postgres(postgres) => {
                let mut log = PgConnection::connect(&postgres.log_url).await?;
                let mut settings = vec![];
                for name in ["server_version", "fsync", "synchronous_commit", "shared_buffers", "max_wal_size"] {
                    let sql = "SELECT current_setting($1)";
                    let value: String = sqlx::query_scalar(sql).bind(name).fetch_one(&mut log).await?;
                    settings.push(format!("{name} {value}"));
                }
                log.close().await?;
                Ok(format!("Postgres: {}", settings.join(", ")))
            }
        }
    }

    /// Looks for every accepted order in the log, past the service, which must have ended.
    pub(crate) async fn kept(&self, integration: IntegrationId, accepted: &[u64]) -> anyhow::Result<Kept> {
        let streams = self.streams().await.context("the log cannot be read")?;
        let known: HashSet<&str> = streams.iter().map(String::as_str).collect();
        let is_missing = |number: &&u64| {
            let delivery = DeliveryId::of(integration, &order::id(**number));
            !known.contains(delivery.to_string().as_str())
        };
        Ok(Kept { webhooks: streams.len(), missing: accepted.iter().filter(is_missing).count() })
    }

    /// The stream of each webhook in the log.
    async fn streams(&self) -> anyhow::Result<Vec<String>> {
        match self {
            Self::Sqlite { folder } => {
                let options = SqliteConnectOptions::new().filename(folder.join("log.db")).read_only(true);
                let mut log = options.connect().await?;
                Ok(sqlx::query_scalar(STREAMS).fetch(&mut log).try_collect().await?)
            }
            Self::Postgres(postgres) => {
                let mut log = PgConnection::connect(&postgres.log_url).await?;
                Ok(sqlx::query_scalar(STREAMS).fetch(&mut log).try_collect().await?)
            }
        }
    }

    pub(crate) async fn remove(&self) -> anyhow::Result<()> {
        match self {
            // They go with their folder.
            Self::Sqlite { .. } => Ok(()),
            Self::Postgres(postgres) => postgres.remove().await,
        }
    }
}

impl Postgres {
    async fn make(url: &str) -> anyhow::Result<Self> {
        let server = PgConnectOptions::from_str(url).context("this is no address of a Postgres")?;
        let run = format!("cloud_bridge_bench_{:08x}", rand::random::<u32>());
        let (log_name, views_name) = (format!("{run}_log"), format!("{run}_views"));
        let url_of = |name: &str| server.clone().database(name).to_url_lossy().to_string();
        let (log_url, views_url) = (url_of(&log_name), url_of(&views_name));
        let postgres = Self { server, log_name, views_name, log_url, views_url };
        postgres.with_each("CREATE DATABASE", "").await.context("no databases can be made on this Postgres")?;
        Ok(postgres)
    }

    async fn remove(&self) -> anyhow::Result<()> {
        // By force: connections of a service that was killed may linger.
        self.with_each("DROP DATABASE IF EXISTS", " WITH (FORCE)").await.context("the databases could not be dropped")
    }

    async fn with_each(&self, before: &str, after: &str) -> anyhow::Result<()> {
        let mut server = self.server.connect().await?;
        for name in [&self.log_name, &self.views_name] {
            sqlx::raw_sql(&format!("{before} {name}{after}")).execute(&mut server).await?;
        }
        Ok(server.close().await?)
    }
}
