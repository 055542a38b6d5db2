//! What operators and health checks need of the log's database.

use std::path::Path;

use chrono::{DateTime, Utc};
use storage::Sql;

use crate::EventLog;

/// Where what is erased is deleted.
const ERASED_FROM: &str = "data_keys";

impl EventLog {
    /// `sqlite` or `postgres`.
    pub fn engine(&self) -> &'static str {
        self.database.engine()
    }

    /// The file of SQLite.
    pub fn file(&self) -> Option<&Path> {
        self.database.file()
    }

    /// Writes one row beside the events, to learn whether writing works.
    pub async fn probe_write(&self, now: DateTime<Utc>) -> sqlx::Result<()> {
        self.database.probe_write(now.timestamp_micros()).await
    }

    /// Tries once to leave nothing of erased data keys in the database's files. False where a reader of an older state
    /// prevents it at the moment.
    pub async fn forget_erased(&self) -> sqlx::Result<bool> {
        self.database.forget_deleted(&[ERASED_FROM.to_owned()]).await
    }

    /// Copies a log on SQLite into a new file, as it is at this moment, while it is written.
    pub async fn copy_to(&self, path: &str) -> sqlx::Result<()> {
        self.database.execute(Sql::new("VACUUM INTO ").bind(path)).await.map(drop)
    }
}
