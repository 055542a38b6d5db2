//! One database on either engine: opened, locked against other processes, with transactions, and SQL that both
//! understand.

mod pool;
mod postgres;
mod sql;
mod sqlite;

use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Executor as _, FromRow, Postgres, Sqlite};
use tokio::time::timeout;

use self::postgres::ANSWER_WITHIN;
pub use self::postgres::{PostgresConnection, PostgresPool, STEP_WITHIN};
pub use self::sql::{Argument, Sql, storable};
use self::sql::{query, query_as};
pub use self::sqlite::{SqliteFile, SqliteReader, SqliteWriter, Writing};

/// What is written to learn whether writing works, in bytes: as much as some orders.
const PROBE_BYTES: usize = 64 * 1_024;
/// How long clearing one table of Postgres may take.
const VACUUM_WITHIN: Duration = Duration::from_mins(11);

/// A file of SQLite or a database of Postgres.
#[derive(Clone, Debug)]
pub enum Database {
    Sqlite(SqliteFile),
    Postgres(PostgresPool),
}

/// How much of the last moments a power cut may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Nothing: what was committed is on the disk. For what exists nowhere else.
    Full,
    /// The last commits. For what is rebuilt from elsewhere; it stays consistent.
    Rebuildable,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the address of a database begins with sqlite: or postgres:, not like {0:?}")]
    UnknownScheme(String),
    #[error("the database cannot be opened: {0}")]
    Sql(#[from] sqlx::Error),
    #[error("the file of the database cannot be made: {0}")]
    File(#[from] std::io::Error),
    #[error("{path} is being written by another process, probably a server that runs: stop it, or ask it to do this")]
    InUse { path: String },
    #[error("the schema of the database cannot be brought up to date: {0}")]
    Migrate(#[from] MigrateError),
}

/// A row that both engines can produce.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl Database {
    /// Opens for reading and writing, making the SQLite file (mode 0600) when there is none.
    pub async fn open(url: &str, durability: Durability) -> Result<Self, OpenError> {
        match scheme(url)? {
            Scheme::Sqlite => Ok(Self::Sqlite(SqliteFile::open(url, durability).await?)),
            Scheme::Postgres => Ok(Self::Postgres(PostgresPool::open(url, durability).await?)),
        }
    }

    /// Opens for reading alone, beside a server that may be writing.
    pub async fn open_read_only(url: &str) -> Result<Self, OpenError> {
        match scheme(url)? {
            Scheme::Sqlite => Ok(Self::Sqlite(SqliteFile::open_read_only(url).await?)),
            Scheme::Postgres => Ok(Self::Postgres(PostgresPool::open_read_only(url).await?)),
        }
    }

    pub fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    pub async fn fetch_all<T: Row>(&self, sql: Sql) -> sqlx::Result<Vec<T>> {
        match self {
            Self::Sqlite(file) => {
                let mut reader = file.reader().await?;
                let answer = query_as::<Sqlite, T>(&sql).fetch_all(reader.connection()).await;
                reader.end_call(answer)
            }
            Self::Postgres(pool) => {
                let mut connection = pool.acquire().await?;
                let answer =
                    timeout(ANSWER_WITHIN, query_as::<Postgres, T>(&sql).fetch_all(connection.begin_call())).await;
                connection.end_call(answer)
            }
        }
    }

    pub async fn fetch_optional<T: Row>(&self, sql: Sql) -> sqlx::Result<Option<T>> {
        match self {
            Self::Sqlite(file) => {
                let mut reader = file.reader().await?;
                let answer = query_as::<Sqlite, T>(&sql).fetch_optional(reader.connection()).await;
                reader.end_call(answer)
            }
            Self::Postgres(pool) => {
                let mut connection = pool.acquire().await?;
                let answer =
                    timeout(ANSWER_WITHIN, query_as::<Postgres, T>(&sql).fetch_optional(connection.begin_call())).await;
                connection.end_call(answer)
            }
        }
    }

    pub async fn fetch_one<T: Row>(&self, sql: Sql) -> sqlx::Result<T> {
        self.fetch_optional(sql).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// Runs one statement on its own and returns how many rows it touched.
    pub async fn execute(&self, sql: Sql) -> sqlx::Result<u64> {
        match self {
            Self::Sqlite(file) => {
                let mut writer = file.writer().await?;
                let answer = query::<Sqlite>(&sql).execute(writer.begin_call()).await;
                Ok(writer.end_call(answer)?.rows_affected())
            }
            Self::Postgres(pool) => {
                let mut connection = pool.acquire().await?;
                let answer = timeout(ANSWER_WITHIN, query::<Postgres>(&sql).execute(connection.begin_call())).await;
                Ok(connection.end_call(answer)?.rows_affected())
            }
        }
    }

    /// Writes one row, to learn whether writing works. `now_us` is in microseconds since 1970.
    pub async fn probe_write(&self, now_us: i64) -> sqlx::Result<()> {
        // Other bytes each time: Postgres would compress zeros to nothing.
        let weight = now_us.to_le_bytes().repeat(PROBE_BYTES / 8);
        let sql = Sql::new("INSERT INTO write_probe (id, probed_at, weight) VALUES (1, ").bind(now_us).push(", ");
        let again = ") ON CONFLICT (id) DO UPDATE SET probed_at = excluded.probed_at, weight = excluded.weight";
        self.execute(sql.bind(weight).push(again)).await.map(drop)
    }

    /// The file of SQLite.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(file) => Some(&file.path),
            Self::Postgres(_) => None,
        }
    }

    /// Brings the tables up to date, before anything else writes. It may take as long as it needs.
    pub async fn migrate(&self, of_sqlite: &Migrator, of_postgres: &Migrator) -> Result<(), MigrateError> {
        match self {
            Self::Sqlite(file) => {
                let mut writer = file.writer().await?;
                of_sqlite.run(writer.begin_call()).await?;
                Ok(writer.end_call(Ok(()))?)
            }
            Self::Postgres(pool) => of_postgres.run(&mut pool.unbounded().await?).await,
        }
    }

    pub async fn begin(&self) -> sqlx::Result<Transaction> {
        match self {
            Self::Sqlite(file) => Ok(Transaction::Sqlite(file.begin().await?)),
            Self::Postgres(pool) => Ok(Transaction::Postgres(pool.begin().await?)),
        }
    }

    /// Begins with a statement that reads and has no arguments. On Postgres both are one exchange.
    pub async fn begin_with<T: Row>(&self, select: &str) -> sqlx::Result<(Transaction, Vec<T>)> {
        match self {
            Self::Sqlite(file) => {
                let mut transaction = Transaction::Sqlite(file.begin().await?);
                let rows = transaction.fetch_all(Sql::new(select)).await?;
                Ok((transaction, rows))
            }
            Self::Postgres(pool) => {
                let (connection, rows) = pool.begin_with(select).await?;
                Ok((Transaction::Postgres(connection), rows))
            }
        }
    }

    /// Tries once to leave nothing in the database's files of what was deleted from these tables. False where a
    /// reader of an older state prevents it at the moment.
    ///
    /// SQLite overwrites what is deleted, but its write-ahead log still has it until it is cut off. Postgres gives
    /// the room of deleted rows free, to be written over.
    pub async fn forget_deleted(&self, tables: &[String]) -> sqlx::Result<bool> {
        match self {
            Self::Sqlite(file) => file.cut_write_ahead_log().await,
            Self::Postgres(pool) => {
                let mut connection = pool.acquire().await?;
                // By tables that were large for long, a vacuum takes its time; nothing waits behind it.
                connection.run("SET statement_timeout = '10min'", ANSWER_WITHIN).await?;
                let mut done = Ok(());
                for table in tables {
                    // Another node that is at it does the same.
                    done = connection.run(&format!("VACUUM (SKIP_LOCKED) {table}"), VACUUM_WITHIN).await;
                    if done.is_err() {
                        break;
                    }
                }
                connection.run("RESET statement_timeout", ANSWER_WITHIN).await?;
                done.map(|()| true)
            }
        }
    }

    pub async fn close(&self) {
        match self {
            Self::Sqlite(file) => file.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

enum Scheme {
    Sqlite,
    Postgres,
}

fn scheme(url: &str) -> Result<Scheme, OpenError> {
    match url.split(':').next() {
        Some("sqlite") => Ok(Scheme::Sqlite),
        Some("postgres" | "postgresql") => Ok(Scheme::Postgres),
        // What comes after the scheme may hold a password.
        other => Err(OpenError::UnknownScheme(other.unwrap_or_default().chars().take(20).collect())),
    }
}

/// Several statements that happen together or not at all. Dropped without a commit, nothing happened.
pub enum Transaction {
    Sqlite(SqliteWriter),
    Postgres(PostgresConnection),
}

impl Transaction {
    pub async fn fetch_all<T: Row>(&mut self, sql: Sql) -> sqlx::Result<Vec<T>> {
        match self {
            Self::Sqlite(writer) => query_as::<Sqlite, T>(&sql).fetch_all(writer.begin_call()).await,
            Self::Postgres(connection) => {
                let answer =
                    timeout(STEP_WITHIN, query_as::<Postgres, T>(&sql).fetch_all(connection.begin_call())).await;
                connection.end_call(answer)
            }
        }
    }

    pub async fn execute(&mut self, sql: Sql) -> sqlx::Result<u64> {
        match self {
            Self::Sqlite(writer) => Ok(query::<Sqlite>(&sql).execute(writer.begin_call()).await?.rows_affected()),
            Self::Postgres(connection) => {
                let answer = timeout(STEP_WITHIN, query::<Postgres>(&sql).execute(connection.begin_call())).await;
                Ok(connection.end_call(answer)?.rows_affected())
            }
        }
    }

    /// Runs statements without arguments, one after the other.
    pub async fn run_script(&mut self, statements: &str) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(writer) => writer.begin_call().execute(statements).await.map(drop),
            Self::Postgres(connection) => connection.run(statements, STEP_WITHIN).await,
        }
    }

    /// Lets each statement that follows wait so long for a lock at most. SQLite's only writer has no lock to wait for.
    pub async fn wait_for_locks(&mut self, at_most: Duration) -> sqlx::Result<()> {
        if self.is_postgres() {
            let set = format!("SET LOCAL lock_timeout = '{}ms'", at_most.as_millis());
            self.execute(Sql::new(set)).await?;
        }
        Ok(())
    }

    pub async fn commit(self) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(writer) => writer.commit().await,
            Self::Postgres(connection) => connection.commit().await,
        }
    }

    /// Commits after a statement that has no arguments. On Postgres both are one exchange.
    pub async fn commit_with(mut self, statement: &str) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(_) => {
                self.run_script(statement).await?;
                self.commit().await
            }
            Self::Postgres(connection) => connection.commit_with(statement).await,
        }
    }

    /// Whether rows can be locked one by one.
    pub fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}
