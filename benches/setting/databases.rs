//! The databases of one run: made for it, and removed after it.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, SqliteConnection};

/// Which databases are wanted.
#[derive(Debug, Args)]
pub(crate) struct DatabaseOptions {
    /// Where the event log and the views are kept
    #[arg(long, value_enum, default_value_t = Engine::Sqlite)]
    pub(crate) log: Engine,

    /// The Postgres server on which two databases are made and, at the end, dropped
    #[arg(long, env = "CLOUD_BRIDGE_TEST_POSTGRES", hide_env_values = true)]
    pub(crate) postgres_url: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

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

impl Databases {
    pub(crate) async fn make(options: &DatabaseOptions, folder: &Path) -> anyhow::Result<Self> {
        match options.log {
            Engine::Sqlite => Ok(Self::Sqlite { folder: folder.to_owned() }),
            Engine::Postgres => {
                let url = options.postgres_url.as_deref().context(
                    "which Postgres? Name one with --postgres-url, or let one be started: \
                     scripts/postgres cargo bench -- --log postgres",
                )?;
                Ok(Self::Postgres(Box::new(Postgres::make(url).await?)))
            }
        }
    }

    /// Where the log is: with SQLite, where the service keeps it in this folder by itself.
    pub(crate) fn log_url(&self) -> String {
        match self {
            Self::Sqlite { folder } => format!("sqlite:{}", folder.join("log.db").display()),
            Self::Postgres(postgres) => postgres.log_url.clone(),
        }
    }

    pub(crate) fn views_url(&self) -> String {
        match self {
            Self::Sqlite { folder } => format!("sqlite:{}", folder.join("views.db").display()),
            Self::Postgres(postgres) => postgres.views_url.clone(),
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
