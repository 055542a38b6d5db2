//! A file of SQLite: its one writer, its readers, and the lock that keeps other processes out.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::Object;
use rusqlite::OpenFlags;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::timeout;

use crate::pool::{Pool, Pooled};
use crate::{Durability, OpenError};

/// How long a statement waits for a file that another connection holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the connection that writes may be waited for.
const ACQUIRE_WITHIN: Duration = Duration::from_secs(30);

/// Connections that read at the same time.
const READERS: usize = 4;
/// The page caches of connections, as SQLite takes them: less than nothing is KiB. Memory is the operating system's for the most part,
/// which has the pages that were read lately too.
const CACHE_OF_READER: &str = "-512";
const CACHE_OF_WRITER: &str = "-2048";
/// Of one that appends in a thread of its own. Orders come in with random ids: with less, commits would read index pages again.
const CACHE_OF_THREAD: &str = "-8192";

/// SQLite before 3.51.3 can corrupt a WAL database when two connections write or checkpoint at the same instant. So what
/// writes or checkpoints has the file to itself as long as that takes, and all other connections are opened read-only.
#[derive(Clone, Debug)]
pub struct SqliteFile {
    writer: Pool<SqliteConnection>,
    readers: Pool<SqliteConnection>,
    pub(crate) path: PathBuf,
    durability: Durability,
    /// Held while something writes or checkpoints.
    writing: Arc<Mutex<()>>,
    /// Held as long as anything here may write, so that no second process opens a second writer.
    lock: Option<Arc<File>>,
}

/// The right to write, until it is dropped.
pub type Writing = OwnedMutexGuard<()>;

impl SqliteFile {
    pub(crate) async fn open(url: &str, durability: Durability) -> Result<Self, OpenError> {
        let options = SqliteConnectOptions::from_str(url)?;
        let path = options.get_filename().to_owned();
        create_folder(&path)?;
        let lock = lock(&path)?;
        // Only now: a process that closes a file loses its locks on it, those of SQLite too.
        open_private(&path)?;
        let of_writer = pragmas(durability)
            .into_iter()
            .fold(options.clone(), |options, (name, value)| options.pragma(name, value))
            .pragma("cache_size", CACHE_OF_WRITER)
            .journal_mode(SqliteJournalMode::Wal)
            // Rows of each number have a statement of their own.
            .statement_cache_capacity(200)
            .busy_timeout(BUSY_TIMEOUT);
        let writer = Pool::new(of_writer, 1, None)?;
        drop(writer.acquire(ACQUIRE_WITHIN).await?);
        let readers = Self::readers(options).await?;
        Ok(Self { writer, readers, path, durability, writing: Arc::default(), lock: Some(Arc::new(lock)) })
    }

    /// Opens for reading alone.
    pub(crate) async fn open_read_only(url: &str) -> Result<Self, OpenError> {
        let options = SqliteConnectOptions::from_str(url)?;
        let path = options.get_filename().to_owned();
        let readers = Self::readers(options).await?;
        let (durability, writing) = (Durability::Rebuildable, Arc::default());
        Ok(Self { writer: readers.clone(), readers, path, durability, writing, lock: None })
    }

    /// A connection that writes, for a thread of its own: nothing it does costs a hop to another thread. It may be used while
    /// [`Self::writing`] is held, and not otherwise.
    ///
    /// # Errors
    /// Where the file cannot be opened, or is open for reading alone.
    pub fn connect(&self) -> rusqlite::Result<rusqlite::Connection> {
        let access =
            if self.lock.is_some() { OpenFlags::SQLITE_OPEN_READ_WRITE } else { OpenFlags::SQLITE_OPEN_READ_ONLY };
        let connection = rusqlite::Connection::open_with_flags(&self.path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        for (name, value) in pragmas(self.durability).into_iter().chain([("cache_size", CACHE_OF_THREAD)]) {
            connection.execute_batch(&format!("PRAGMA {name} = {value}"))?;
        }
        Ok(connection)
    }

    /// Waits until nothing else writes or checkpoints.
    pub async fn writing(&self) -> Writing {
        self.writing.clone().lock_owned().await
    }

    /// The connection for everything that has no thread of its own.
    pub(crate) async fn writer(&self) -> sqlx::Result<SqliteWriter> {
        let writing = timeout(ACQUIRE_WITHIN, self.writing()).await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let connection = self.writer.acquire(ACQUIRE_WITHIN).await?;
        Ok(SqliteWriter { at_work: Some((connection, writing)), is_unfinished: false })
    }

    pub(crate) async fn begin(&self) -> sqlx::Result<SqliteWriter> {
        let mut writer = self.writer().await?;
        // Immediate: it must not find out half-way that it read an older state than it writes on.
        writer.begin_call().execute("BEGIN IMMEDIATE").await?;
        Ok(writer)
    }

    /// A connection that reads.
    pub async fn reader(&self) -> sqlx::Result<SqliteReader> {
        Ok(SqliteReader(self.readers.acquire(ACQUIRE_WITHIN).await?))
    }

    /// Writes the whole write-ahead log into the file and cuts it to nothing, unless a reader still needs it.
    pub(crate) async fn cut_write_ahead_log(&self) -> sqlx::Result<bool> {
        let mut writer = self.writer().await?;
        let connection = writer.begin_call();
        // Nothing else writes meanwhile: what waits behind it does not wait for a slow reader too.
        connection.execute("PRAGMA busy_timeout = 100").await?;
        let cut = sqlx::query_scalar::<_, i64>("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *connection).await;
        connection.execute(format!("PRAGMA busy_timeout = {}", BUSY_TIMEOUT.as_millis()).as_str()).await?;
        writer.end_call(Ok(cut? == 0))
    }

    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
        if let Some(Err(error)) = self.lock.as_ref().map(|lock| lock.unlock()) {
            tracing::warn!(%error, "the lock on a database stays until the process ends");
        }
    }

    async fn readers(options: SqliteConnectOptions) -> Result<Pool<SqliteConnection>, OpenError> {
        // Pages that were read lately are in the operating system's cache too: each reader needs little of its own.
        let options = options
            .read_only(true)
            // Rows that are read ahead of their consumer: with the usual 50, a long read wakes threads all the time.
            .row_buffer_size(256)
            .pragma("cache_size", CACHE_OF_READER)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = Pool::new(options, READERS, None)?;
        // An unreadable file is an error now.
        drop(pool.acquire(ACQUIRE_WITHIN).await?);
        Ok(pool)
    }
}

/// A connection that reads.
pub struct SqliteReader(Pooled<SqliteConnection>);

impl SqliteReader {
    pub fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.0
    }

    /// Notes the result of the last call: a connection whose thread is gone is not used again.
    pub(crate) fn end_call<T>(self, answer: sqlx::Result<T>) -> sqlx::Result<T> {
        if matches!(answer, Err(sqlx::Error::WorkerCrashed)) {
            drop(Object::take(self.0));
        }
        answer
    }
}

/// A connection that writes, and the right to. Where a call on it failed, or was dropped half-way, or a transaction was not
/// committed, the connection is closed, by which SQLite rolls back, and nothing else writes before that is done.
pub struct SqliteWriter {
    /// Gone only once it is dropped.
    at_work: Option<(Pooled<SqliteConnection>, Writing)>,
    is_unfinished: bool,
}

impl SqliteWriter {
    /// The connection, for one call of a transaction. Unless that is committed, the connection counts as unfinished.
    pub fn begin_call(&mut self) -> &mut SqliteConnection {
        self.is_unfinished = true;
        &mut self.at_work.as_mut().expect("a connection is there until it is dropped").0
    }

    /// Notes the result of the last call.
    pub(crate) fn end_call<T>(&mut self, answer: sqlx::Result<T>) -> sqlx::Result<T> {
        self.is_unfinished = answer.is_err();
        answer
    }

    pub(crate) async fn commit(mut self) -> sqlx::Result<()> {
        let committed = self.begin_call().execute("COMMIT").await;
        self.end_call(committed).map(drop)
    }
}

impl Drop for SqliteWriter {
    fn drop(&mut self) {
        if let Some((connection, writing)) = self.at_work.take().filter(|_| self.is_unfinished) {
            tokio::spawn(async move {
                if let Err(error) = Object::take(connection).close().await {
                    tracing::debug!(%error, "a connection to SQLite was not closed well");
                }
                drop(writing);
            });
        }
    }
}

/// The settings of a connection that writes.
fn pragmas(durability: Durability) -> [(&'static str, &'static str); 4] {
    // The log's writer checkpoints between commits; where that does not work for long, here is the end of it.
    let (synchronous, pages_between_checkpoints) = match durability {
        Durability::Full => ("FULL", "16000"),
        // 4 MB. While these are synced, the disk lets the log's commits wait, and with them webhooks.
        Durability::Rebuildable => ("NORMAL", "1000"),
    };
    [
        ("synchronous", synchronous),
        ("wal_autocheckpoint", pages_between_checkpoints),
        ("temp_store", "memory"),
        // What is deleted is overwritten, or an erased name could be read in the file for years.
        ("secure_delete", "ON"),
    ]
}

/// The folder and the file belong to their owner alone: they hold what customers bought.
fn create_folder(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
    }
    Ok(())
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
