//! One database on either engine, and SQL that both understand.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous};
use sqlx::{Connection as _, Executor as _, FromRow, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool};

/// How long a statement waits for a file that another connection holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What is written to learn whether writing works, in bytes: as much as some orders.
const PROBE_BYTES: usize = 64 * 1_024;

/// A file of SQLite or a database of Postgres.
#[derive(Clone, Debug)]
pub enum Database {
    Sqlite(SqliteFile),
    Postgres(PgPool),
}

/// SQLite before 3.51.3 can corrupt a WAL database when two connections write or checkpoint at the same instant. So
/// there is exactly one that may write, and the others are opened read-only.
#[derive(Clone, Debug)]
pub struct SqliteFile {
    pub writer: SqlitePool,
    pub readers: SqlitePool,
    path: PathBuf,
    /// Held as long as anything here may write, so that no second process opens a second writer.
    lock: Option<Arc<File>>,
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
    Migrate(#[from] sqlx::migrate::MigrateError),
}

/// A row that both engines can produce.
pub trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

impl Database {
    /// Opens for reading and writing, making the SQLite file (mode 0600) when there is none.
    pub async fn open(url: &str, durability: Durability) -> Result<Self, OpenError> {
        match scheme(url)? {
            Scheme::Sqlite => Ok(Self::Sqlite(SqliteFile::open(url, durability).await?)),
            Scheme::Postgres => {
                let synchronous_commit = if durability == Durability::Full { "on" } else { "off" };
                let options = PgConnectOptions::from_str(url)?
                    .application_name("cloud-bridge")
                    .options([("synchronous_commit", synchronous_commit), ("statement_timeout", "30s")]);
                let pool = PgPoolOptions::new()
                    .max_connections(16)
                    .acquire_timeout(Duration::from_secs(5))
                    .test_before_acquire(false)
                    .connect_with(options)
                    .await?;
                Ok(Self::Postgres(pool))
            }
        }
    }

    /// Opens for reading alone, beside a server that may be writing.
    pub async fn open_read_only(url: &str) -> Result<Self, OpenError> {
        match scheme(url)? {
            Scheme::Sqlite => {
                let options = SqliteConnectOptions::from_str(url)?;
                let path = options.get_filename().to_owned();
                let readers = SqliteFile::readers(options).await?;
                Ok(Self::Sqlite(SqliteFile { writer: readers.clone(), readers, path, lock: None }))
            }
            Scheme::Postgres => {
                let options = PgConnectOptions::from_str(url)?
                    .application_name("cloud-bridge (reading)")
                    .options([("default_transaction_read_only", "on")]);
                Ok(Self::Postgres(PgPoolOptions::new().max_connections(2).connect_with(options).await?))
            }
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
            Self::Sqlite(file) => query_as::<Sqlite, T>(&sql).fetch_all(&file.readers).await,
            Self::Postgres(pool) => query_as::<Postgres, T>(&sql).fetch_all(pool).await,
        }
    }

    pub async fn fetch_optional<T: Row>(&self, sql: Sql) -> sqlx::Result<Option<T>> {
        match self {
            Self::Sqlite(file) => query_as::<Sqlite, T>(&sql).fetch_optional(&file.readers).await,
            Self::Postgres(pool) => query_as::<Postgres, T>(&sql).fetch_optional(pool).await,
        }
    }

    pub async fn fetch_one<T: Row>(&self, sql: Sql) -> sqlx::Result<T> {
        self.fetch_optional(sql).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// Runs one statement on its own and answers how many rows it touched.
    pub async fn execute(&self, sql: Sql) -> sqlx::Result<u64> {
        match self {
            Self::Sqlite(file) => Ok(query::<Sqlite>(&sql).execute(&file.writer).await?.rows_affected()),
            Self::Postgres(pool) => Ok(query::<Postgres>(&sql).execute(pool).await?.rows_affected()),
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

    pub async fn begin(&self) -> sqlx::Result<Transaction> {
        match self {
            // Immediate: it is the only writer, and must not find out half-way that a reader changed its snapshot.
            Self::Sqlite(file) => Ok(Transaction::Sqlite(file.writer.begin_with("BEGIN IMMEDIATE").await?)),
            Self::Postgres(pool) => Ok(Transaction::Postgres(pool.begin().await?)),
        }
    }

    /// Tries once to leave nothing in the database's files of what was deleted from these tables. False where somebody
    /// who reads an older state prevents it at the moment.
    ///
    /// SQLite overwrites what is deleted, but its write-ahead log still tells of it until it is cut off. Postgres gives
    /// the room of deleted rows free, to be written over.
    pub async fn forget_deleted(&self, tables: &[String]) -> sqlx::Result<bool> {
        match self {
            Self::Sqlite(file) => file.cut_write_ahead_log().await,
            Self::Postgres(pool) => {
                let mut connection = pool.acquire().await?;
                // By tables that were large for long, a vacuum takes its time; nobody waits behind it.
                connection.execute("SET statement_timeout = '10min'").await?;
                let mut done = Ok(());
                for table in tables {
                    // Whoever else is at it does the same.
                    done = connection.execute(format!("VACUUM (SKIP_LOCKED) {table}").as_str()).await.map(drop);
                    if done.is_err() {
                        break;
                    }
                }
                connection.execute("SET statement_timeout = '30s'").await?;
                done.map(|()| true)
            }
        }
    }

    pub async fn close(&self) {
        match self {
            Self::Sqlite(file) => {
                file.readers.close().await;
                file.writer.close().await;
                if let Some(Err(error)) = file.lock.as_ref().map(|lock| lock.unlock()) {
                    tracing::warn!(%error, "the lock on a database stays until the process ends");
                }
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl SqliteFile {
    async fn open(url: &str, durability: Durability) -> Result<Self, OpenError> {
        let options = SqliteConnectOptions::from_str(url)?;
        let path = options.get_filename().to_owned();
        create_private(&path)?;
        let lock = lock(&path)?;
        let synchronous = match durability {
            Durability::Full => SqliteSynchronous::Full,
            Durability::Rebuildable => SqliteSynchronous::Normal,
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
                    // Pages between checkpoints: random ids dirty the same index pages again and again, and a checkpoint
                    // writes each once. 16 MB is a pause of some 20 ms now and then, and half the writing of 4 MB.
                    .pragma("wal_autocheckpoint", "4000")
                    // Orders come in with random ids: with SQLite's own 2 MB, commits would read index pages anew.
                    .pragma("cache_size", "-8192")
                    .pragma("temp_store", "memory")
                    // What is deleted is overwritten, or an erased name could be read in the file for years.
                    .pragma("secure_delete", "ON")
                    .busy_timeout(BUSY_TIMEOUT),
            )
            .await?;
        let readers = Self::readers(options).await?;
        Ok(Self { writer, readers, path, lock: Some(Arc::new(lock)) })
    }

    /// Writes the whole write-ahead log into the file and cuts it to nothing, unless a reader still needs it.
    async fn cut_write_ahead_log(&self) -> sqlx::Result<bool> {
        let mut writer = self.writer.acquire().await?;
        // It is the only writer: what waits behind it does not wait for a slow reader too.
        writer.execute("PRAGMA busy_timeout = 100").await?;
        let cut = sqlx::query_scalar::<_, i64>("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *writer).await;
        writer.execute(format!("PRAGMA busy_timeout = {}", BUSY_TIMEOUT.as_millis()).as_str()).await?;
        Ok(cut? == 0)
    }

    async fn readers(options: SqliteConnectOptions) -> Result<SqlitePool, OpenError> {
        // Pages that were read lately are in the operating system's cache too: each reader needs little of its own.
        let options = options
            .read_only(true)
            // Rows that are read ahead of whoever takes them: with the usual 50, a long reading wakes threads all the time.
            .row_buffer_size(256)
            .pragma("cache_size", "-1024")
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new().max_connections(4).test_before_acquire(false).connect_lazy_with(options);
        // Lazy, so that the first reader, not the start, pays for connecting; but an unreadable file is told now.
        drop(pool.acquire().await?);
        Ok(pool)
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
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Transaction {
    pub async fn fetch_all<T: Row>(&mut self, sql: Sql) -> sqlx::Result<Vec<T>> {
        match self {
            Self::Sqlite(transaction) => query_as::<Sqlite, T>(&sql).fetch_all(&mut **transaction).await,
            Self::Postgres(transaction) => query_as::<Postgres, T>(&sql).fetch_all(&mut **transaction).await,
        }
    }

    pub async fn execute(&mut self, sql: Sql) -> sqlx::Result<u64> {
        match self {
            Self::Sqlite(transaction) => Ok(query::<Sqlite>(&sql).execute(&mut **transaction).await?.rows_affected()),
            Self::Postgres(transaction) => {
                Ok(query::<Postgres>(&sql).execute(&mut **transaction).await?.rows_affected())
            }
        }
    }

    /// Runs statements without arguments, one after the other.
    pub(crate) async fn run_script(&mut self, statements: &str) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(transaction) => transaction.execute(statements).await.map(drop),
            Self::Postgres(transaction) => transaction.execute(statements).await.map(drop),
        }
    }

    /// Lets each statement that follows wait so long for a lock at most. SQLite's only writer waits for nobody here.
    pub(crate) async fn wait_for_locks(&mut self, at_most: Duration) -> sqlx::Result<()> {
        if self.is_postgres() {
            let set = format!("SET LOCAL lock_timeout = '{}ms'", at_most.as_millis());
            self.execute(Sql::new(set)).await?;
        }
        Ok(())
    }

    pub async fn commit(self) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(transaction) => transaction.commit().await,
        }
    }

    /// Whether rows can be locked one by one.
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}

/// A statement with its arguments, numbered as it is put together, so that no value ever becomes text of the statement.
#[derive(Clone, Debug, Default)]
pub struct Sql {
    text: String,
    arguments: Vec<Argument>,
}

#[derive(Clone, Debug)]
pub enum Argument {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

impl Sql {
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), arguments: vec![] }
    }

    #[must_use]
    pub fn push(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// Adds an argument where the text ends.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Argument>) -> Self {
        use std::fmt::Write as _;
        self.arguments.push(value.into());
        write!(self.text, "${}", self.arguments.len()).expect("writing to a string cannot fail");
        self
    }

    /// Adds arguments separated by commas.
    #[must_use]
    pub fn bind_list<V: Into<Argument>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        for (index, value) in values.into_iter().enumerate() {
            self = if index == 0 { self.bind(value) } else { self.push(", ").bind(value) };
        }
        self
    }
}

impl From<&str> for Sql {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

macro_rules! argument {
    ($($from:ty => $variant:ident($convert:expr);)*) => {$(
        impl From<$from> for Argument {
            fn from(value: $from) -> Self {
                Self::$variant($convert(value))
            }
        }
    )*};
}

argument! {
    i64 => Int(Some);
    Option<i64> => Int(|value| value);
    String => Text(|value: String| Some(storable(&value)));
    Option<String> => Text(|value: Option<String>| value.map(|value| storable(&value)));
    &str => Text(|value| Some(storable(value)));
    Vec<u8> => Bytes(Some);
    Option<Vec<u8>> => Bytes(|value| value);
}

/// Text from outside, as a text column of Postgres can hold it: there is no character U+0000 in one.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "")
}

/// A query with its arguments bound. A macro, because sqlx has two types of query and no trait that binds to both.
macro_rules! bound {
    ($query:expr, $sql:expr) => {{
        let mut query = $query;
        for argument in &$sql.arguments {
            query = match argument {
                Argument::Int(value) => query.bind(*value),
                Argument::Text(value) => query.bind(value.as_deref()),
                Argument::Bytes(value) => query.bind(value.as_deref()),
            };
        }
        query
    }};
}

type Arguments<'q, DB> = <DB as sqlx::Database>::Arguments<'q>;

fn query<'q, DB>(sql: &'q Sql) -> sqlx::query::Query<'q, DB, Arguments<'q, DB>>
where
    DB: sqlx::Database,
    Option<i64>: sqlx::Encode<'q, DB> + sqlx::Type<DB>,
    Option<&'q str>: sqlx::Encode<'q, DB> + sqlx::Type<DB>,
    Option<&'q [u8]>: sqlx::Encode<'q, DB> + sqlx::Type<DB>,
{
    bound!(sqlx::query(&sql.text), sql)
}

fn query_as<'q, DB, T>(sql: &'q Sql) -> sqlx::query::QueryAs<'q, DB, T, Arguments<'q, DB>>
where
    DB: sqlx::Database,
    T: for<'r> FromRow<'r, DB::Row>,
    Option<i64>: sqlx::Encode<'q, DB> + sqlx::Type<DB>,
    Option<&'q str>: sqlx::Encode<'q, DB> + sqlx::Type<DB>,
    Option<&'q [u8]>: sqlx::Encode<'q, DB> + sqlx::Type<DB>,
{
    bound!(sqlx::query_as(&sql.text), sql)
}
