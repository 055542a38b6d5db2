//! Group commit: one task that writes what is waiting, together, and answers each caller.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use projections::database::{Database, PostgresConnection};
use projections::feed::Cursor;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::append::{Append, AppendError, Appended};
use super::backpressure::Backpressure;
use super::head::advance;
use super::{postgres, sqlite};
use crate::metrics::Metrics;
use crate::progress::Progress;
use crate::recurring::Recurring;

/// Appends that may wait. A full queue is told to the caller at once, not after a time-out.
const MAX_WAITING: usize = 2_048;
/// What may wait, in KiB: a queue of large bodies must not take the memory of a small machine.
const MAX_WAITING_KIB: usize = 64 * 1_024;
const MAX_BATCH: usize = 256;
const MAX_BATCH_BYTES: usize = 4 * 1_024 * 1_024;
/// How long Postgres may take for a batch. What is not answered by then may be stored or not, and its connection is closed.
const APPEND_WITHIN: Duration = Duration::from_secs(5);

type Answer = Result<Appended, AppendError>;

struct Request {
    append: Append,
    answer: oneshot::Sender<Answer>,
    /// Kept until it is answered, so that what waits is bounded.
    room: OwnedSemaphorePermit,
}

#[derive(Clone)]
pub(super) struct WriterHandle {
    requests: mpsc::Sender<Request>,
    room_kib: Arc<Semaphore>,
    task: Arc<tokio::sync::Mutex<Option<JoinHandle<()>>>>,
    closing: Arc<watch::Sender<bool>>,
    busy: Progress,
}

pub(super) fn start(
    database: Database,
    head: Arc<watch::Sender<Cursor>>,
    backpressure: Arc<Backpressure>,
    metrics: Arc<Metrics>,
) -> WriterHandle {
    let (requests, receiver) = mpsc::channel(MAX_WAITING);
    let (closing, closed) = watch::channel(false);
    let busy = Progress::default();
    let writer = Writer {
        database,
        connection: None,
        head,
        backpressure,
        metrics,
        deferred: Vec::new(),
        failures: Recurring::new("a batch could not be appended to the event log"),
        busy: busy.clone(),
    };
    let task = tokio::spawn(writer.run(receiver, closed));
    WriterHandle {
        requests,
        room_kib: Arc::new(Semaphore::new(MAX_WAITING_KIB)),
        task: Arc::new(tokio::sync::Mutex::new(Some(task))),
        closing: Arc::new(closing),
        busy,
    }
}

impl WriterHandle {
    /// Hands the events over. From then on they are written, whether or not the caller still waits for the answer.
    pub(super) async fn append(&self, append: Append) -> Answer {
        let kib = u32::try_from(append.weight() / 1_024 + 1).unwrap_or(u32::MAX);
        let room = self.room_kib.clone().try_acquire_many_owned(kib).map_err(|_| AppendError::Busy)?;
        let (answer, answered) = oneshot::channel();
        self.requests.try_send(Request { append, answer, room }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => AppendError::Busy,
            mpsc::error::TrySendError::Closed(_) => AppendError::Unavailable("the writer has stopped".to_owned()),
        })?;
        answered.await.unwrap_or_else(|_| Err(AppendError::Unavailable("the writer has stopped".to_owned())))
    }

    /// How long the batch that is being written has taken so far.
    pub(super) fn busy_for(&self) -> Duration {
        self.busy.took()
    }

    pub(super) fn waiting(&self) -> usize {
        self.requests.max_capacity() - self.requests.capacity()
    }

    /// Takes no more appends, and returns once the waiting ones are written.
    pub(super) async fn close(&self) {
        self.closing.send_replace(true);
        if let Some(task) = self.task.lock().await.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the writer of the event log ended badly");
        }
    }
}

struct Writer {
    database: Database,
    /// To Postgres, kept from batch to batch: one server process that has its plans and its caches, where the pool would
    /// hand out all of its connections in turn, and ask each whether it is well when it comes back. Given back when a
    /// batch fails.
    connection: Option<PostgresConnection>,
    head: Arc<watch::Sender<Cursor>>,
    backpressure: Arc<Backpressure>,
    metrics: Arc<Metrics>,
    /// Appends to a stream that an earlier one of the same batch was already for.
    deferred: Vec<Request>,
    failures: Recurring,
    busy: Progress,
}

impl Writer {
    async fn run(mut self, mut receiver: mpsc::Receiver<Request>, mut closed: watch::Receiver<bool>) {
        let mut waiting = Vec::with_capacity(MAX_BATCH);
        loop {
            if self.deferred.is_empty() && waiting.is_empty() {
                tokio::select! {
                    received = receiver.recv_many(&mut waiting, MAX_BATCH) => if received == 0 { return },
                    changed = closed.wait_for(|closed| *closed), if !receiver.is_closed() => {
                        // What was accepted is still received and written; nothing new gets in.
                        drop(changed);
                        receiver.close();
                        continue;
                    }
                }
            } else {
                while waiting.len() < MAX_BATCH
                    && let Ok(request) = receiver.try_recv()
                {
                    waiting.push(request);
                }
            }
            let batch = self.next_batch(&mut waiting);
            self.write(batch).await;
        }
    }

    /// Takes what fits into one batch: at most one append for each stream, the oldest first.
    fn next_batch(&mut self, waiting: &mut Vec<Request>) -> Vec<Request> {
        let mut batch: Vec<Request> = Vec::with_capacity(MAX_BATCH);
        let mut streams = HashSet::new();
        let mut bytes = 0;
        let mut full = false;
        let candidates: Vec<Request> = self.deferred.drain(..).chain(waiting.drain(..)).collect();
        for request in candidates {
            let first = request.append.first();
            let stream = (first.aggregate_type.clone(), first.aggregate_id.clone());
            let weight = request.append.weight();
            full = full || batch.len() >= MAX_BATCH || (!batch.is_empty() && bytes + weight > MAX_BATCH_BYTES);
            if full || !streams.insert(stream) {
                self.deferred.push(request);
            } else {
                bytes += weight;
                batch.push(request);
            }
        }
        batch
    }

    async fn write(&mut self, batch: Vec<Request>) {
        let started = Instant::now();
        self.busy.begin();
        let (appends, answers): (Vec<Append>, Vec<_>) =
            batch.into_iter().map(|Request { append, answer, room }| (append, (answer, room))).unzip();
        self.backpressure.committing(appends.len());
        let written = self.written(&appends).await;
        let statements = match &self.database {
            Database::Sqlite(_) => sqlite::STATEMENTS,
            Database::Postgres(_) => postgres::STATEMENTS,
        };
        self.backpressure.committed(appends.len());
        self.busy.done();
        self.metrics.append_batch(appends.len(), statements, started.elapsed());
        match written {
            Ok(positions) => {
                self.failures.worked();
                if let Some(head) = last_of(&appends, &positions) {
                    advance(&self.head, head);
                }
                self.refuse_overtaken(&appends, &positions);
                for ((answer, room), position) in answers.into_iter().zip(positions) {
                    // A caller that has gone away needs no answer.
                    let appended = position.map(|position| Appended { position });
                    answer.send(appended.ok_or(AppendError::Conflict)).ok();
                    drop(room);
                }
            }
            Err(error) => {
                self.failures.failed(&error);
                for (answer, room) in answers {
                    answer.send(Err(AppendError::Unavailable(error.to_string()))).ok();
                    drop(room);
                }
            }
        }
    }

    async fn written(&mut self, appends: &[Append]) -> sqlx::Result<Vec<Option<i64>>> {
        match &self.database {
            Database::Sqlite(file) => sqlite::append(&file.writer, appends).await,
            Database::Postgres(pool) => {
                let mut connection = match self.connection.take() {
                    Some(kept) => kept,
                    None => pool.acquire().await?,
                };
                let answer =
                    tokio::time::timeout(APPEND_WITHIN, postgres::append(connection.begin_call(), appends)).await;
                let positions = connection.end_call(answer)?;
                self.connection = Some(connection);
                Ok(positions)
            }
        }
    }

    /// Answers the deferred appends that the batch just written has overtaken, without asking the database.
    fn refuse_overtaken(&mut self, appends: &[Append], positions: &[Option<i64>]) {
        if self.deferred.is_empty() {
            return;
        }
        let written: HashMap<_, _> = appends
            .iter()
            .zip(positions)
            .filter(|(_, position)| position.is_some())
            .map(|(append, _)| {
                let last = append.last();
                ((last.aggregate_type.as_str(), last.aggregate_id.as_str()), last.sequence)
            })
            .collect();
        let (overtaken, deferred): (Vec<_>, Vec<_>) = self.deferred.drain(..).partition(|request| {
            let first = request.append.first();
            let head = written.get(&(first.aggregate_type.as_str(), first.aggregate_id.as_str()));
            head.is_some_and(|head| first.sequence <= *head)
        });
        self.deferred = deferred;
        for request in overtaken {
            request.answer.send(Err(AppendError::Conflict)).ok();
        }
    }
}

/// The last event that a batch wrote.
fn last_of(appends: &[Append], positions: &[Option<i64>]) -> Option<Cursor> {
    let written = appends.iter().zip(positions).filter_map(|(append, position)| Some((append, (*position)?)));
    let (append, position) = written.max_by_key(|(_, position)| *position)?;
    Some(Cursor { position, hash: append.last().hash.clone() })
}
