//! Where logs go: standard error, as text for a person at a terminal and as JSON otherwise.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

/// What is logged where nothing else is asked for.
#[derive(Clone, Copy)]
pub(super) enum Level {
    Error,
    Warn,
    Info,
}

impl Level {
    fn filter(self) -> &'static str {
        match self {
            Self::Error => "error",
            // A statement whose rows have a slow reader takes long, which sqlx warns of.
            Self::Warn => "warn,sqlx::query=error",
            // The same; and how long a connection was waited for, which every request says while a database is away.
            // Databases log at this level that a table is already there, and Postgres on each connection that it stops.
            Self::Info => "info,sqlx=warn,sqlx::query=error,sqlx::pool::acquire=error,sqlx::postgres::notice=error",
        }
    }
}

pub(super) fn start(filter: Option<&str>, default: Level) -> anyhow::Result<()> {
    let filter = filter.map(str::trim).filter(|filter| !filter.is_empty()).unwrap_or(default.filter());
    let filter = EnvFilter::try_new(filter).with_context(|| {
        format!("--log-level {filter:?} is neither a level nor a filter like `info,cloud_bridge=debug`")
    })?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if std::io::stderr().is_terminal() {
        logs.with_target(false).try_init()
    } else {
        logs.json().flatten_event(true).try_init()
    };
    // In a test that runs several commands in one process, the first one decides.
    if let Err(error) = started {
        tracing::debug!(%error, "logs were already started");
    }
    Ok(())
}
