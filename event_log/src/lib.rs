//! The event log: the only thing that ingest writes, and also the queue and the outbox.
//!
//! [`EventLog::execute`] loads an aggregate, lets it decide, and appends what it decided. Appends of all callers go
//! through one [`writer`], which commits what is waiting together. [`EventLog::read_after`] is the ordered feed.

mod append;
mod appender;
mod backpressure;
mod batch;
pub mod blind_index;
pub mod clock;
mod committed;
mod daily_bytes;
pub mod data_keys;
mod decide;
mod evidence;
mod execute;
mod feed;
mod find;
pub mod followers;
mod head;
pub mod identifiers;
pub mod ids;
mod maintenance;
mod metadata;
mod micros;
mod orders;
mod origin;
mod packed;
pub mod parked;
mod position;
mod postgres;
mod prepare;
pub mod progress;
mod queue;
pub mod rates;
mod recent;
pub mod recorded;
pub mod recurring;
pub mod refusals;
mod rewrap;
pub mod row;
mod scan;
pub mod seal;
pub mod selection;
mod shared_keys;
pub mod signing_keys;
mod sqlite;
pub mod stream;
pub mod vault;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::recorded::Cursor;
use anyhow::{Context as _, bail};
use cqrs_es::persist::EventUpcaster;
use percent_encoding::{AsciiSet, utf8_percent_encode};
use sqlx::migrate::MigrateError;
use storage::{Database, Durability, Sql};
use tokio::sync::watch;

pub use append::AppendError;
pub use committed::{CommandError, Committed};
pub use evidence::{ComparedSnapshot, HashedEvent};
pub use feed::{Followed, OpenedEvent};
pub use find::{Bodies, WithBody};
pub use head::HeadListener;
pub use micros::Micros;
pub use orders::ReceivedWebhook;
pub use origin::{Actor, Origin};
pub use position::{Position, Sequence};
pub use rewrap::{RewrapError, Rewrapped};
pub use scan::Scan;
pub use stream::{LoadError, MAX_EVENTS_PER_LOAD, SNAPSHOT_EVERY};

use self::backpressure::Backpressure;
use self::blind_index::BlindIndex;
use self::clock::Clock;
use self::queue::Queues;
use self::recent::Recent;
use self::vault::Vault;

/// What has a meaning in the address of a file of SQLite.
const RESERVED: &AsciiSet = &AsciiSet::EMPTY.add(b'%').add(b'?');

static SQLITE_MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/log/sqlite");
static POSTGRES_MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../migrations/log/postgres");

/// A log that is open. Cheap to clone; all clones write through one writer.
#[derive(Clone)]
pub struct EventLog {
    database: Database,
    vault: Vault,
    clock: Clock,
    writer: writer::WriterHandle,
    head: Arc<watch::Sender<Cursor>>,
    backpressure: Arc<Backpressure>,
    queues: Arc<Queues>,
    recent: Arc<Recent>,
    upcasters: Arc<Vec<Box<dyn EventUpcaster>>>,
    blind_index: Option<BlindIndex>,
}

/// Learns of a batch how many appends it had, and how long they took.
pub type BatchObserver = Arc<dyn Fn(usize, Duration) + Send + Sync>;

/// What a log needs from the rest of the service.
#[derive(Clone)]
pub struct Dependencies {
    pub vault: Vault,
    pub clock: Clock,
    /// Called with each batch that was committed.
    pub observer: BatchObserver,
}

impl Dependencies {
    /// With an observer that does nothing.
    pub fn new(vault: Vault, clock: Clock) -> Self {
        Self { vault, clock, observer: Arc::new(|_, _| ()) }
    }
}

impl EventLog {
    /// Opens a log for reading and writing, brings its schema up to date, and checks that the master key is its own.
    pub async fn open(url: &str, dependencies: Dependencies) -> anyhow::Result<Self> {
        let database = Database::open(url, Durability::Full).await.context("the event log cannot be opened")?;
        migrate(&database).await.map_err(not_migrated)?;
        claim(&database, &dependencies.vault).await?;
        let blind_index = BlindIndex::open(&database, &dependencies.vault, true).await?;
        Self::over(database, dependencies, blind_index).await
    }

    /// Opens a log for reading alone, beside a server that writes it. Its appends are refused.
    pub async fn open_read_only(url: &str, dependencies: Dependencies) -> anyhow::Result<Self> {
        let database = Database::open_read_only(url).await.context("the event log cannot be opened for reading")?;
        refuse_other_master_key(&database, &dependencies.vault).await?;
        let blind_index = BlindIndex::open(&database, &dependencies.vault, false).await?;
        Self::over(database, dependencies, blind_index).await
    }

    /// What is in a file of SQLite that no process writes.
    pub async fn found_in(file: &Path) -> anyhow::Result<LogFile> {
        let database = Database::open_read_only(&sqlite_url(file)?).await?;
        let found = tokio::try_join!(head::head(&database), master_keys_in_use(&database));
        database.close().await;
        let (head, master_keys) = found?;
        Ok(LogFile { head: head.position, master_keys })
    }

    async fn over(
        database: Database,
        dependencies: Dependencies,
        blind_index: Option<BlindIndex>,
    ) -> anyhow::Result<Self> {
        let Dependencies { vault, clock, observer } = dependencies;
        let head = Arc::new(watch::Sender::new(head::head(&database).await?));
        let backpressure = Arc::new(Backpressure::default());
        let recent = Arc::new(Recent::default());
        let writer = writer::start(&database, head.clone(), backpressure.clone(), recent.clone(), observer)
            .context("the thread that writes the event log cannot be started")?;
        let (queues, upcasters) = (Arc::default(), Arc::default());
        Ok(Self { database, vault, clock, writer, head, backpressure, queues, recent, upcasters, blind_index })
    }

    /// Reads old forms of events through these, as cqrs-es does: on loading and in the feed, never on disk.
    #[must_use]
    pub fn with_upcasters(mut self, upcasters: Vec<Box<dyn EventUpcaster>>) -> Self {
        self.upcasters = Arc::new(upcasters);
        self
    }

    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The database itself, for tests and benchmarks that damage or fill it. Everything else goes through this crate: no SQL
    /// on events is outside it.
    #[cfg(feature = "raw-database")]
    pub fn raw_database(&self) -> &Database {
        &self.database
    }

    /// The ids of the master keys by which anything in the log may be wrapped.
    pub async fn master_keys_in_use(&self) -> sqlx::Result<Vec<Vec<u8>>> {
        master_keys_in_use(&self.database).await
    }

    /// What customers are found by.
    pub fn blind_index(&self) -> Option<&BlindIndex> {
        self.blind_index.as_ref()
    }

    /// How many appends are waiting for the writer.
    pub fn waiting(&self) -> usize {
        self.writer.waiting()
    }

    /// How long the writer has been at what it writes. While that is long, nothing more is acknowledged.
    pub fn writing_for(&self) -> Duration {
        self.writer.busy_for()
    }

    /// Waits while stores press on the log, two seconds at most. For work that can be done a little later.
    pub async fn yield_to_webhooks(&self) {
        self.backpressure.yield_to_webhooks().await;
    }

    /// Returns when what follows the log may read it again: at once in idle traffic; a few milliseconds after it last did,
    /// while webhooks come one after the other.
    pub async fn rest_between_reads(&self, last_read: Instant) {
        self.backpressure.rest_between_reads(last_read).await;
    }

    /// Whether this node alone can append: a file of SQLite belongs to one process.
    pub fn has_one_writer(&self) -> bool {
        matches!(self.database, Database::Sqlite(_))
    }

    /// Whether the log answers.
    pub async fn ping(&self) -> sqlx::Result<()> {
        head::head(&self.database).await.map(drop)
    }

    /// Lets the writer finish what it accepted, then closes the database.
    pub async fn close(&self) {
        self.writer.close().await;
        self.database.close().await;
    }
}

/// The address of a file of SQLite.
pub fn sqlite_url(path: &Path) -> anyhow::Result<String> {
    let path = path.to_str().context("the path of the data folder is not readable as text: choose another")?;
    Ok(format!("sqlite:{}", utf8_percent_encode(path, RESERVED)))
}

/// What was made before the stored format was settled is not read any more.
fn not_migrated(error: MigrateError) -> anyhow::Error {
    let is_earlier = matches!(error, MigrateError::VersionMissing(_) | MigrateError::VersionMismatch(_));
    let error = anyhow::Error::new(error);
    if is_earlier {
        error.context(
            "the event log is of a version before the first release, which is not read any more: begin a new one",
        )
    } else {
        error.context("the schema of the event log cannot be brought up to date")
    }
}

/// Brings the tables of a log up to date that no server needs to have open.
pub async fn migrate_at(url: &str) -> anyhow::Result<()> {
    let database = Database::open(url, Durability::Full).await.context("the event log cannot be opened")?;
    let migrated = migrate(&database).await.context("the tables of the event log cannot be brought up to date");
    database.close().await;
    migrated
}

async fn migrate(database: &Database) -> Result<(), MigrateError> {
    database.migrate(&SQLITE_MIGRATIONS, &POSTGRES_MIGRATIONS).await
}

/// A log that is not open.
pub struct LogFile {
    /// The position of the last event.
    pub head: Position,
    /// The ids of the master keys by which anything in it may be wrapped.
    pub master_keys: Vec<Vec<u8>>,
}

#[derive(sqlx::FromRow)]
struct MasterKeyId {
    master_key_id: Vec<u8>,
}

/// The master keys by which anything in the log may be wrapped.
async fn master_keys_in_use(database: &Database) -> sqlx::Result<Vec<Vec<u8>>> {
    let rows: Vec<MasterKeyId> = database.fetch_all(Sql::new("SELECT master_key_id FROM vault")).await?;
    Ok(rows.into_iter().map(|row| row.master_key_id).collect())
}

/// The first node to open an empty log makes it the log of its master key. Later ones may bring another key, beside all
/// that are in use.
async fn claim(database: &Database, vault: &Vault) -> anyhow::Result<()> {
    if master_keys_in_use(database).await?.is_empty() {
        let claim = Sql::new("INSERT INTO vault (master_key_id) SELECT ")
            .bind(vault.master_key_id().to_vec())
            .push(" WHERE NOT EXISTS (SELECT 1 FROM vault)");
        database.execute(claim).await?;
    }
    refuse_other_master_key(database, vault).await?;
    let add = Sql::new("INSERT INTO vault (master_key_id) VALUES (")
        .bind(vault.master_key_id().to_vec())
        .push(") ON CONFLICT (master_key_id) DO NOTHING");
    database.execute(add).await?;
    Ok(())
}

async fn refuse_other_master_key(database: &Database, vault: &Vault) -> anyhow::Result<()> {
    let in_use = master_keys_in_use(database).await?;
    if in_use.is_empty() {
        bail!("the event log has no master key yet: start a server once");
    }
    if let Some(missing) = in_use.iter().find(|id| !vault.has(id)) {
        bail!(
            "the master key is not the one this event log was sealed with (it wants key {}, this is key {}): give the \
             right one in CLOUD_BRIDGE_MASTER_KEY or put its key file back; while keys are changed, both must be there",
            hex::encode(missing),
            hex::encode(vault.master_key_id()),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use sqlx::sqlite::SqliteConnectOptions;

    use super::*;

    #[test]
    fn an_address_leads_to_the_file_it_was_made_of() {
        for path in ["./log.db", "/data/50% off?/log.db", "/data/%2e/log.db", "/Müller & Söhne/log #1.db"] {
            let url = sqlite_url(Path::new(path)).unwrap();
            assert_eq!(SqliteConnectOptions::from_str(&url).unwrap().get_filename(), Path::new(path), "{url}");
        }
    }
}
