//! Where the log ends: moved by what this node appends and by what it learns of other nodes.
//!
//! A log can also lose its end: an older copy is put back, or a replica takes over that had not everything. Then the last
//! event that this node knew is not there any more, or another has its place.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::recorded::Cursor;
use sqlx::Postgres;
use sqlx::postgres::PgListener;
use storage::{Database, Sql};
use tokio::sync::watch;
use tokio::time::timeout;

use super::EventLog;
use super::backpressure::Backpressure;
use crate::Position;
use crate::recurring::Recurring;

/// How often the log is looked at where no signal came. A net under the signals, not the way things normally go.
const POLL: Duration = Duration::from_secs(1);
/// How long the connection that listens may take to answer before another takes its place.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

const LAST: &str = "SELECT position, hash FROM events ORDER BY position DESC LIMIT 1";
pub(super) async fn head(database: &Database) -> sqlx::Result<Cursor> {
    Ok(database.fetch_optional(LAST.into()).await?.unwrap_or_default())
}

/// Moves the known head of the log forward, never back.
pub(super) fn advance(known: &watch::Sender<Cursor>, head: Cursor) {
    known.send_if_modified(|known| {
        let is_news = head.position > known.position;
        if is_news {
            *known = head;
        }
        is_news
    });
}

impl EventLog {
    /// The position of the newest event that this node knows.
    pub fn head(&self) -> Position {
        self.head.borrow().position
    }

    /// Changes whenever there is more to read, and when the log has lost its end.
    pub fn head_changes(&self) -> watch::Receiver<Cursor> {
        self.head.subscribe()
    }

    /// The position of the newest event, asked of the database: other nodes append too.
    pub async fn newest(&self) -> sqlx::Result<Position> {
        Ok(head(&self.database).await?.position)
    }

    /// Whether the event that a follower read last is in this log.
    pub async fn holds(&self, cursor: &Cursor) -> sqlx::Result<bool> {
        Ok(cursor.position.is_start() || self.cursor_at(cursor.position).await?.as_ref() == Some(cursor))
    }

    /// For who wants to read on from a position. None where there is no event.
    pub async fn cursor_at(&self, position: Position) -> sqlx::Result<Option<Cursor>> {
        if position.is_start() {
            return Ok(Some(Cursor::START));
        }
        let sql = Sql::new("SELECT position, hash FROM events WHERE position = ").bind(position);
        self.database.fetch_optional(sql).await
    }
}

/// Hears what other nodes append: `LISTEN` on Postgres, and a look now and then in any case.
pub struct HeadListener {
    task: tokio::task::JoinHandle<()>,
}

impl HeadListener {
    pub fn start(log: &EventLog) -> Self {
        let listening = Listening {
            database: log.database.clone(),
            known: log.head.clone(),
            backpressure: log.backpressure.clone(),
            listener: None,
            failures: Recurring::new("the head of the log cannot be looked at"),
        };
        Self { task: tokio::spawn(listening.run()) }
    }

    pub fn stop(&self) {
        self.task.abort();
    }
}

struct Listening {
    database: Database,
    known: Arc<watch::Sender<Cursor>>,
    backpressure: Arc<Backpressure>,
    /// To Postgres. What listens also looks: so a connection that went silent is noticed.
    listener: Option<PgListener>,
    failures: Recurring,
}

impl Listening {
    async fn run(mut self) {
        loop {
            if let (Database::Postgres(pool), None) = (&self.database, &self.listener) {
                match subscribe(pool.apart()).await {
                    Ok(listener) => self.listener = Some(listener),
                    Err(error) => self.failures.failed(error),
                }
            }
            let last_read = Instant::now();
            let known = self.known.borrow().clone();
            match self.poll(known.position).await {
                Ok(found) => {
                    self.failures.worked();
                    self.compare(known, found);
                }
                Err(error) => {
                    self.listener = None;
                    self.failures.failed(error);
                    tokio::time::sleep(POLL).await;
                    continue;
                }
            }
            match &mut self.listener {
                Some(listener) => {
                    // What ends it is found by the next look. A connection that is lost ends it at once: another server may
                    // take over, which has not everything.
                    timeout(POLL, listener.try_recv()).await.ok();
                    // This node's own appends are signalled too: one read is for all that came meanwhile.
                    self.backpressure.rest_between_reads(last_read).await;
                    while listener.next_buffered().is_some() {}
                }
                None => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// The event that was known as the last, if it is there, and the one that is the last.
    async fn poll(&mut self, known: Position) -> sqlx::Result<Vec<Cursor>> {
        // Two look-ups in the index, whatever was known of the table when the plan was made.
        let sql = Sql::new("SELECT position, hash FROM events WHERE position = ").bind(known);
        let sql = sql.push(" UNION SELECT position, hash FROM (").push(LAST).push(") newest ORDER BY position");
        let Some(listener) = &mut self.listener else { return self.database.fetch_all(sql).await };
        let polled = sqlx::query_as::<Postgres, Cursor>(sql.text()).bind(known).fetch_all(&mut *listener);
        let silent = || sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "it does not answer"));
        timeout(ANSWER_WITHIN, polled).await.unwrap_or_else(|_| Err(silent()))
    }

    fn compare(&self, known: Cursor, mut found: Vec<Cursor>) {
        if known.position.is_start() || found.contains(&known) {
            return advance(&self.known, found.pop().unwrap_or_default());
        }
        let head = found.pop().unwrap_or_default();
        tracing::error!(
            known = known.position.0,
            found = head.position.0,
            "the event log has lost its end: an older copy was put back, or a replica took over that had not everything; \
             what followed the log beyond it is made again"
        );
        self.known.send_replace(head);
    }
}

async fn subscribe(pool: sqlx::PgPool) -> sqlx::Result<PgListener> {
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen("cloud_bridge_events").await?;
    Ok(listener)
}
