//! The connection that appends: one, kept from batch to batch, and replaced where a batch failed.

use std::time::Duration;

use storage::{Database, PostgresConnection, PostgresPool, SqliteFile};

use super::append::Append;
use super::{postgres, sqlite};

/// How long Postgres may take for a batch. What is not answered by then may be stored or not, and its connection is closed.
const APPEND_WITHIN: Duration = Duration::from_secs(5);
/// Appends after which the write-ahead log of SQLite is copied into the file. No webhook is committed meanwhile, and the pause
/// grows with the log: so many short ones, which cost some throughput only where syncing is slow.
const CHECKPOINT_EVERY: usize = 100;

pub(super) enum Appender {
    Sqlite {
        file: SqliteFile,
        connection: Option<rusqlite::Connection>,
        /// Appends since the write-ahead log was last copied into the file.
        since_checkpoint: usize,
    },
    /// One server process that has its plans and its caches, where the pool would hand out all of its connections in turn, and
    /// ask each whether it is well when it comes back.
    Postgres { pool: PostgresPool, connection: Option<PostgresConnection> },
}

/// Nothing is stored, as far as is known.
#[derive(Debug, thiserror::Error)]
pub(super) enum AppendFailed {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Postgres(#[from] sqlx::Error),
}

impl Appender {
    pub(super) fn new(database: &Database) -> Self {
        match database {
            Database::Sqlite(file) => Self::Sqlite { file: file.clone(), connection: None, since_checkpoint: 0 },
            Database::Postgres(pool) => Self::Postgres { pool: pool.clone(), connection: None },
        }
    }

    /// Whether the thread that calls this does nothing else: SQLite works in the thread that calls it.
    pub(super) fn has_its_own_thread(&self) -> bool {
        matches!(self, Self::Sqlite { .. })
    }

    /// Appends a batch. Returns for each append the position of its last event, or none where another append came first.
    pub(super) async fn append(&mut self, appends: &[&Append]) -> Result<Vec<Option<i64>>, AppendFailed> {
        match self {
            Self::Sqlite { file, connection, since_checkpoint } => {
                let _writing = file.writing().await;
                let mut used = connection.take().map_or_else(|| file.connect(), Ok)?;
                let positions = sqlite::append(&mut used, appends)?;
                *connection = Some(used);
                *since_checkpoint += appends.len();
                Ok(positions)
            }
            Self::Postgres { pool, connection } => {
                let mut used = match connection.take() {
                    Some(kept) => kept,
                    None => pool.acquire().await?,
                };
                let answer = tokio::time::timeout(APPEND_WITHIN, postgres::append(used.begin_call(), appends)).await;
                let positions = used.end_call(answer)?;
                *connection = Some(used);
                Ok(positions)
            }
        }
    }

    /// Copies the write-ahead log of SQLite into the file now and then, as far as no reader needs it, so that no commit has to.
    pub(super) async fn checkpoint(&mut self) {
        let Self::Sqlite { file, connection: Some(connection), since_checkpoint } = self else { return };
        if *since_checkpoint < CHECKPOINT_EVERY {
            return;
        }
        let _writing = file.writing().await;
        // Where it cannot be done now, the next time is as good.
        match connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
            Ok(()) => *since_checkpoint = 0,
            Err(error) => tracing::debug!(%error, "the write-ahead log could not be copied into the file"),
        }
    }
}
