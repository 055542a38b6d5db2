//! Whole rows in the order of positions, for who reads all of the log: read ahead by tasks of their own, in memory that
//! is bounded however large the bodies are.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::LazyLock;
use std::time::Duration;

use futures_util::stream::{BoxStream, StreamExt as _};
use sqlx::{Postgres, Sqlite};
use storage::{Database, Sql};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::EventLog;
use super::packed;
use super::row::WholeEvent;
use super::stream::STORED_COLUMNS;
use crate::Position;

/// Positions that one statement reads. Not the whole log: a reader of SQLite that does not end keeps the write-ahead log
/// from being shortened.
const CHUNK: i64 = 20_000;
/// Chunks that are read at a time.
const READERS: usize = 2;
const BATCH_EVENTS: usize = 500;
const BATCH_BYTES: usize = 1_024 * 1_024;
/// How long the database may take for the next row.
const ROW_WITHIN: Duration = Duration::from_secs(30);
/// Batches of a chunk that may wait.
const READ_AHEAD: usize = 8;

static ROWS: LazyLock<String> = LazyLock::new(|| {
    format!("SELECT {STORED_COLUMNS}, body FROM events WHERE position BETWEEN $1 AND $2 ORDER BY position")
});

static PACKED_ROWS: LazyLock<String> =
    LazyLock::new(|| format!("{} WHERE position BETWEEN $1 AND $2 ORDER BY position", packed::select(true)));

type Batch = sqlx::Result<Vec<WholeEvent>>;

/// A reading that goes on. Dropped, it ends.
pub struct Scan {
    database: Database,
    rest: RangeInclusive<Position>,
    chunks: VecDeque<(mpsc::Receiver<Batch>, JoinHandle<()>)>,
}

impl EventLog {
    /// The rows at these positions. What is missing is left out.
    pub fn scan(&self, positions: RangeInclusive<Position>) -> Scan {
        Scan { database: self.database.clone(), rest: positions, chunks: VecDeque::new() }
    }
}

impl EventLog {
    /// The rows at some positions, in order. Ask for few at a time: their bodies are held in memory.
    pub async fn rows_at(&self, positions: &[Position]) -> sqlx::Result<Vec<WholeEvent>> {
        if positions.is_empty() {
            return Ok(vec![]);
        }
        let sql = Sql::new(format!("SELECT {STORED_COLUMNS}, body FROM events WHERE position IN ("))
            .bind_list(positions.iter().copied())
            .push(") ORDER BY position");
        self.database.fetch_all(sql).await
    }
}

impl Scan {
    /// The next rows, some hundreds at most; none at the end.
    pub async fn next(&mut self) -> sqlx::Result<Option<Vec<WholeEvent>>> {
        loop {
            while self.chunks.len() < READERS && !self.rest.is_empty() {
                self.begin_chunk();
            }
            let Some((batches, _)) = self.chunks.front_mut() else { return Ok(None) };
            match batches.recv().await {
                Some(batch) => return batch.map(Some),
                None => drop(self.chunks.pop_front()),
            }
        }
    }

    fn begin_chunk(&mut self) {
        let (first, end) = (*self.rest.start(), *self.rest.end());
        let last = first.plus(CHUNK - 1).min(end);
        self.rest = last.next()..=end;
        let (sender, batches) = mpsc::channel(READ_AHEAD);
        let task = tokio::spawn(read(self.database.clone(), first, last, sender));
        self.chunks.push_back((batches, task));
    }
}

impl Drop for Scan {
    fn drop(&mut self) {
        for (_, task) in &self.chunks {
            task.abort();
        }
    }
}

async fn read(database: Database, first: Position, last: Position, batches: mpsc::Sender<Batch>) {
    match &database {
        Database::Sqlite(file) => {
            let mut reader = match file.reader().await {
                Ok(reader) => reader,
                Err(error) => return drop(batches.send(Err(error)).await),
            };
            let rows = sqlx::query_scalar::<Sqlite, Vec<u8>>(&PACKED_ROWS).bind(first).bind(last);
            let rows = rows.fetch(reader.connection());
            let rows = rows.map(|row| packed::unpacked(&row?).map_err(|error| sqlx::Error::Decode(error.into())));
            send(rows.boxed(), &batches).await;
        }
        Database::Postgres(pool) => match pool.acquire().await {
            Ok(mut connection) => {
                let rows = sqlx::query_as::<Postgres, WholeEvent>(&ROWS).bind(first).bind(last);
                // A chunk that was read to its end leaves its connection as it was; any other is closed.
                if send(rows.fetch(connection.begin_call()), &batches).await {
                    connection.end_call(Ok(Ok(()))).ok();
                }
            }
            Err(error) => drop(batches.send(Err(error)).await),
        },
    }
}

/// Sends rows as they come; true once all of them were sent.
async fn send(mut rows: BoxStream<'_, sqlx::Result<WholeEvent>>, batches: &mpsc::Sender<Batch>) -> bool {
    let (mut batch, mut bytes) = (Vec::with_capacity(BATCH_EVENTS), 0);
    loop {
        let event = match timeout(ROW_WITHIN, rows.next()).await {
            Ok(Some(Ok(event))) => event,
            Ok(None) => break,
            Ok(Some(Err(error))) => {
                // Where it is read no more, it ends all the same.
                batches.send(Err(error)).await.ok();
                return false;
            }
            Err(_) => {
                let silent = std::io::Error::new(std::io::ErrorKind::TimedOut, "the database does not answer");
                batches.send(Err(sqlx::Error::Io(silent))).await.ok();
                return false;
            }
        };
        bytes += event.event.payload.len() + event.body.as_ref().map_or(0, Vec::len);
        batch.push(event);
        if batch.len() == BATCH_EVENTS || bytes >= BATCH_BYTES {
            bytes = 0;
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH_EVENTS));
            if batches.send(Ok(full)).await.is_err() {
                return false;
            }
        }
    }
    batch.is_empty() || batches.send(Ok(batch)).await.is_ok()
}
