//! A file of SQLite: its one writer, its readers, and the lock that keeps other processes out.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, Executor as _, Sqlite, SqliteConnection, SqlitePool};

use crate::{Durability, OpenError};

/// How long a statement waits for a file that another connection holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// SQLite before 3.51.3 can corrupt a WAL database when two connections write or checkpoint at the same instant. So
/// there is exactly one that may write, and the others are opened read-only.
#[derive(Clone, Debug)]
pub struct SqliteFile {
    pub writer: SqlitePool,
    pub readers: SqlitePool,
    pub(crate) path: PathBuf,
    /// Held as long as anything here may write, so that no second process opens a second writer.
    pub(crate) lock: Option<Arc<File>>,
}

impl SqliteFile {
    pub(crate) async fn open(url: &str, durability: Durability) -> Result<Self, OpenError> {
        let options = SqliteConnectOptions::from_str(url)?;
        let path = options.get_filename().to_owned();
        create_private(&path)?;
        let lock = lock(&path)?;
        // The log's writer checkpoints between commits; where that does not work for long, here is the end of it.
        let (synchronous, pages_between_checkpoints, cache_kib) = match durability {
            Durability::Full => (SqliteSynchronous::Full, "16000", "-8192"),
            // Random ids dirty the same index pages again and again, and a checkpoint writes each once. 16 MB is a pause of
            // some 20 ms now and then, and half the writing of 4 MB.
            Durability::Rebuildable => (SqliteSynchronous::Normal, "4000", "-4096"),
        };
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            // SQLite rolls back by itself where a disk is full or fails, and sqlx then fails at its own rollback and takes the
            // transaction for open for ever: such a connection is replaced.
            .before_acquire(|connection, _| Box::pin(is_at_rest(connection)))
            .acquire_timeout(Duration::from_secs(30))
            .connect_with(
                options
                    .clone()
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(synchronous)
                    .pragma("wal_autocheckpoint", pages_between_checkpoints)
                    // Orders come in with random ids: with SQLite's own 2 MB, commits would read index pages again.
                    .pragma("cache_size", cache_kib)
                    // A batch of each size has a statement of its own.
                    .statement_cache_capacity(200)
                    .pragma("temp_store", "memory")
                    // What is deleted is overwritten, or an erased name could be read in the file for years.
                    .pragma("secure_delete", "ON")
                    .busy_timeout(BUSY_TIMEOUT),
            )
            .await?;
        let readers = Self::readers(options).await?;
        Ok(Self { writer, readers, path, lock: Some(Arc::new(lock)) })
    }

    /// Runs statements on the connection that writes, which themselves begin a transaction and commit it: so that a whole
    /// transaction can be one round trip to the connection's thread. Where they fail or are dropped half-way, the connection is
    /// closed, by which SQLite rolls back, and another takes its place.
    pub async fn transaction_of_statements<T>(
        &self,
        run: impl AsyncFnOnce(&mut SqliteConnection) -> sqlx::Result<T>,
    ) -> sqlx::Result<T> {
        let mut unfinished = Unfinished(Some(self.writer.acquire().await?));
        let done = run(unfinished.0.as_mut().expect("it is only taken below")).await?;
        unfinished.0.take();
        Ok(done)
    }

    /// Copies the write-ahead log into the file, as far as no reader needs it. On the only connection that writes, so that no
    /// commit has to do it.
    pub async fn checkpoint(&self) -> sqlx::Result<()> {
        let mut writer = self.writer.acquire().await?;
        writer.execute("PRAGMA wal_checkpoint(PASSIVE)").await.map(drop)
    }

    /// Writes the whole write-ahead log into the file and cuts it to nothing, unless a reader still needs it.
    pub(crate) async fn cut_write_ahead_log(&self) -> sqlx::Result<bool> {
        let mut writer = self.writer.acquire().await?;
        // It is the only writer: what waits behind it does not wait for a slow reader too.
        writer.execute("PRAGMA busy_timeout = 100").await?;
        let cut = sqlx::query_scalar::<_, i64>("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *writer).await;
        writer.execute(format!("PRAGMA busy_timeout = {}", BUSY_TIMEOUT.as_millis()).as_str()).await?;
        Ok(cut? == 0)
    }

    pub(crate) async fn readers(options: SqliteConnectOptions) -> Result<SqlitePool, OpenError> {
        // Pages that were read lately are in the operating system's cache too: each reader needs little of its own.
        let options = options
            .read_only(true)
            // Rows that are read ahead of their consumer: with the usual 50, a long read wakes threads all the time.
            .row_buffer_size(256)
            .pragma("cache_size", "-1024")
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new().max_connections(4).test_before_acquire(false).connect_lazy_with(options);
        // Lazy, so that the first reader, not the start, pays for connecting; but an unreadable file is an error now.
        drop(pool.acquire().await?);
        Ok(pool)
    }
}

/// A connection that may have a transaction open of which sqlx does not know.
struct Unfinished(Option<PoolConnection<Sqlite>>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(mut connection) = self.0.take() {
            connection.close_on_drop();
        }
    }
}

/// Whether no transaction is open on a connection, once what was sent to it is done.
async fn is_at_rest(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    if !connection.is_in_transaction() {
        return Ok(true);
    }
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

/// The file and its folder belong to their owner alone: they hold what customers bought.
fn create_private(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
    }
    open_private(path).map(drop)
}

fn open_private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The lock is on a file of its own: SQLite locks the database file itself in ways of its own.
fn lock(path: &Path) -> Result<File, OpenError> {
    let mut lock_path = path.as_os_str().to_owned();
    lock_path.push(".lock");
    let file = open_private(Path::new(&lock_path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: path.display().to_string() }),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}
