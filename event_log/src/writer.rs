//! Group commit: one task that writes what is waiting, together, and answers each caller.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::recorded::Cursor;
use storage::Database;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use super::append::{Append, AppendError, Appended, Pending};
use super::appender::Appender;
use super::backpressure::Backpressure;
use super::head::advance;
use super::recent::Recent;
use crate::BatchObserver;
use crate::Position;
use crate::progress::Progress;
use crate::recurring::Recurring;

/// Appends that may wait. A full queue is an error at once, not after a timeout.
const MAX_WAITING: usize = 2_048;
/// What may wait, in KiB: a queue of large bodies must not take the memory of a small machine.
const MAX_WAITING_KIB: usize = 64 * 1_024;
const MAX_BATCH: usize = 256;
const MAX_BATCH_BYTES: usize = 4 * 1_024 * 1_024;
/// While webhooks come one after the other, what is not one is committed together with the next of them, so that no
/// webhook waits for a commit of background work. It waits no longer than this.
const LINGER: Duration = Duration::from_millis(3);
/// Webhooks in a batch from which on the next one is waited for: their senders were answered together, and come again together.
const GATHER_FROM: usize = 4;
/// How long that takes. A commit of many costs little more than one of few.
const GATHER: Duration = Duration::from_micros(500);

struct Request {
    append: Append,
    answer: oneshot::Sender<Result<Appended, AppendError>>,
    /// Kept until it is answered, so that what waits is bounded.
    #[expect(dead_code, reason = "it is held, not read")]
    room: OwnedSemaphorePermit,
}

#[derive(Clone)]
pub(super) struct WriterHandle {
    requests: mpsc::Sender<Request>,
    room_kib: Arc<Semaphore>,
    ended: Arc<tokio::sync::Mutex<oneshot::Receiver<()>>>,
    closing: Arc<watch::Sender<bool>>,
    busy: Progress,
}

pub(super) fn start(
    database: &Database,
    head: Arc<watch::Sender<Cursor>>,
    backpressure: Arc<Backpressure>,
    recent: Arc<Recent>,
    observer: BatchObserver,
) -> std::io::Result<WriterHandle> {
    let (requests, receiver) = mpsc::channel(MAX_WAITING);
    let (closing, closed) = watch::channel(false);
    let busy = Progress::default();
    let writer = Writer {
        appender: Appender::new(database),
        head,
        backpressure,
        recent,
        observer,
        deferred: Vec::new(),
        failures: Recurring::new("a batch could not be appended to the event log"),
        busy: busy.clone(),
        last_webhooks: 0,
    };
    let has_its_own_thread = writer.appender.has_its_own_thread();
    let (end, ended) = oneshot::channel();
    let run = async move {
        writer.run(receiver, closed).await;
        end.send(()).ok();
    };
    if has_its_own_thread {
        on_its_own_thread(run)?;
    } else {
        tokio::spawn(run);
    }
    Ok(WriterHandle {
        requests,
        room_kib: Arc::new(Semaphore::new(MAX_WAITING_KIB)),
        ended: Arc::new(tokio::sync::Mutex::new(ended)),
        closing: Arc::new(closing),
        busy,
    })
}

/// SQLite works in the thread that calls it. So the writer has one to itself: it blocks no webhook, and waits for none.
fn on_its_own_thread(run: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    std::thread::Builder::new().name("log-writer".to_owned()).spawn(move || runtime.block_on(run)).map(drop)
}

impl WriterHandle {
    /// Hands events over. From then on they are written in the order in which they were handed over, whether or not the
    /// caller still waits for the answer.
    pub(super) fn send(&self, append: Append) -> Result<Pending, AppendError> {
        let kib = u32::try_from(append.weight() / 1_024 + 1).unwrap_or(u32::MAX);
        let room = self.room_kib.clone().try_acquire_many_owned(kib).map_err(|_| AppendError::Busy)?;
        let (answer, answered) = oneshot::channel();
        self.requests.try_send(Request { append, answer, room }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => AppendError::Busy,
            mpsc::error::TrySendError::Closed(_) => stopped(),
        })?;
        Ok(answered)
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
        let mut ended = self.ended.lock().await;
        if !ended.is_terminated() && (&mut *ended).await.is_err() {
            tracing::error!("the writer of the event log ended badly");
        }
    }
}

struct Writer {
    appender: Appender,
    head: Arc<watch::Sender<Cursor>>,
    backpressure: Arc<Backpressure>,
    recent: Arc<Recent>,
    observer: BatchObserver,
    /// What did not fit into the batch before.
    deferred: Vec<Request>,
    failures: Recurring,
    busy: Progress,
    /// Webhooks in the last batch.
    last_webhooks: usize,
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
            }
            self.linger(&mut receiver, &mut waiting).await;
            self.gather(waiting.len());
            while waiting.len() < MAX_BATCH
                && let Ok(request) = receiver.try_recv()
            {
                waiting.push(request);
            }
            let batch = self.next_batch(&mut waiting);
            self.write(batch).await;
            self.appender.checkpoint().await;
        }
    }

    /// Waits a moment for a webhook to be committed with, where nothing that waits is one and webhooks come one after the
    /// other.
    async fn linger(&mut self, receiver: &mut mpsc::Receiver<Request>, waiting: &mut Vec<Request>) {
        let now = Instant::now();
        if !self.backpressure.webhooks_are_coming(now) {
            return;
        }
        let has_webhook = |requests: &[Request]| requests.iter().any(|request| request.append.is_webhook);
        let until = tokio::time::Instant::from_std(now + LINGER);
        while !has_webhook(&self.deferred) && !has_webhook(waiting) && waiting.len() < MAX_BATCH {
            let more = receiver.recv_many(waiting, MAX_BATCH - waiting.len());
            if !matches!(tokio::time::timeout_at(until, more).await, Ok(received) if received > 0) {
                return;
            }
        }
    }

    /// Waits a moment under load, where fewer wait than are likely to come. The thread has nothing else to do: a timer, which is
    /// coarser, would cost more than it brings.
    fn gather(&self, waiting: usize) {
        if self.appender.has_its_own_thread() && self.last_webhooks >= GATHER_FROM && waiting < MAX_BATCH {
            std::thread::sleep(GATHER);
        }
    }

    /// Takes what fits into one batch, the oldest first: appends to one stream stay in their order.
    fn next_batch(&mut self, waiting: &mut Vec<Request>) -> Vec<Request> {
        let mut bytes = 0;
        let mut candidates: Vec<Request> = self.deferred.drain(..).chain(waiting.drain(..)).collect();
        let fitting = candidates.iter().take(MAX_BATCH).take_while(|request| {
            bytes += request.append.weight();
            bytes <= MAX_BATCH_BYTES
        });
        // One that is larger than a batch by itself is a batch.
        let fitting = fitting.count().max(1).min(candidates.len());
        self.deferred = candidates.split_off(fitting);
        candidates
    }

    async fn write(&mut self, batch: Vec<Request>) {
        let started = Instant::now();
        self.busy.begin();
        let appends: Vec<&Append> = batch.iter().map(|request| &request.append).collect();
        let webhooks = appends.iter().filter(|append| append.is_webhook).count();
        self.last_webhooks = webhooks;
        self.backpressure.committing(webhooks);
        let written = self.appender.append(&appends).await;
        self.backpressure.committed(webhooks);
        self.busy.done();
        (self.observer)(appends.len(), started.elapsed());
        let positions = match written {
            Ok(positions) => positions,
            Err(error) => {
                self.failures.failed(&error);
                for Request { answer, .. } in batch {
                    answer.send(Err(AppendError::Unavailable(error.to_string()))).ok();
                }
                return;
            }
        };
        self.failures.worked();
        let stored = || appends.iter().zip(&positions).filter_map(|(append, position)| Some((*append, (*position)?)));
        for stream in stored().flat_map(|(append, _)| &append.streams) {
            let last = stream.last();
            self.recent.forget_before(&last.aggregate_type, &last.aggregate_id, last.sequence);
        }
        if let Some((append, position)) = stored().next_back() {
            let hash = append.events().last().map(|event| event.stored.hash.clone()).unwrap_or_default();
            advance(&self.head, Cursor { position: Position(position), hash });
        }
        for (Request { answer, .. }, position) in batch.into_iter().zip(positions) {
            // A caller that has gone away needs no answer.
            answer
                .send(position.map(|position| Appended { position: Position(position) }).ok_or(AppendError::Conflict))
                .ok();
        }
    }
}

/// What a caller gets where the writer is gone.
pub(super) fn stopped() -> AppendError {
    AppendError::Unavailable("the writer has stopped".to_owned())
}
