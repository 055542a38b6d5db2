//! The queue of one callback, in the order in which its events were accepted, and the task that empties it.
//!
//! Each callback has its own: one that is slow delays no other. A place is reserved before anything is remembered of a
//! webhook, so that what is refused for want of room is new when it is sent again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

use crate::callback::{Callback, Calls};
use crate::event::Event;
use crate::memory::Claim;
use crate::refusal::Refusal;

/// An event of a webhook, and what must be granted for it to fire.
#[derive(Debug)]
pub(crate) struct Found<T> {
    pub(crate) event: T,
    /// None for an event that says neither when it happened nor that it happens once.
    pub(crate) claim: Option<Claim>,
}

/// What the queues of a handler have in common.
pub(crate) struct Queueing {
    /// Webhooks that a queue holds at most.
    pub(crate) limit: usize,
    pub(crate) calls: Calls,
    /// Whether no more is accepted. Each task holds a receiver until it ends.
    pub(crate) closing: watch::Sender<bool>,
    /// Events that were accepted and not handled yet.
    pub(crate) waiting: Arc<AtomicUsize>,
}

/// The queue of a callback.
pub(crate) struct Lane<T> {
    queue: Option<mpsc::Sender<Vec<T>>>,
    waiting: Arc<AtomicUsize>,
}

/// A place in the queue, for the events of one webhook.
pub(crate) struct Reserved<T> {
    place: Option<mpsc::OwnedPermit<Vec<T>>>,
    found: Vec<Found<T>>,
    waiting: Arc<AtomicUsize>,
}

impl<T: Event> Lane<T> {
    /// Starts the task of a callback. Without one there is no queue, and nothing is found for it.
    pub(crate) fn start(callback: Option<Callback<T>>, queueing: &Queueing) -> Self {
        let waiting = Arc::clone(&queueing.waiting);
        let queue = callback.map(|callback| {
            let (queue, queued) = mpsc::channel(queueing.limit);
            let worker = Worker {
                queued,
                callback,
                calls: queueing.calls.clone(),
                closing: queueing.closing.subscribe(),
                waiting: Arc::clone(&waiting),
            };
            tokio::spawn(worker.run());
            queue
        });
        Self { queue, waiting }
    }

    pub(crate) fn reserve(&self, found: Vec<Found<T>>) -> Result<Reserved<T>, Refusal> {
        let waiting = Arc::clone(&self.waiting);
        let Some(queue) = self.queue.as_ref().filter(|_| !found.is_empty()) else {
            return Ok(Reserved { place: None, found: vec![], waiting });
        };
        match queue.clone().try_reserve_owned() {
            Ok(place) => Ok(Reserved { place: Some(place), found, waiting }),
            Err(TrySendError::Full(_)) => Err(Refusal::QueueFull),
            Err(TrySendError::Closed(_)) => Err(Refusal::Closing),
        }
    }
}

impl<T> Reserved<T> {
    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(crate) fn claims(&self) -> impl Iterator<Item = Claim> {
        self.found.iter().filter_map(|found| found.claim)
    }

    /// Queues the events that are granted, and returns how many. `grants` are those of the claims, in their order.
    pub(crate) fn queue(self, grants: &mut impl Iterator<Item = bool>) -> usize {
        let Self { place, found, waiting } = self;
        let mut is_granted = |found: &Found<T>| found.claim.is_none() || grants.next().unwrap_or(false);
        let granted: Vec<T> = found.into_iter().filter(|found| is_granted(found)).map(|found| found.event).collect();
        let count = granted.len();
        if let Some(place) = place {
            waiting.fetch_add(count, Ordering::Relaxed);
            place.send(granted);
        }
        count
    }
}

struct Worker<T> {
    queued: mpsc::Receiver<Vec<T>>,
    callback: Callback<T>,
    calls: Calls,
    closing: watch::Receiver<bool>,
    waiting: Arc<AtomicUsize>,
}

impl<T: Event> Worker<T> {
    /// Until the queue is closed and empty.
    async fn run(mut self) {
        let mut is_open = true;
        loop {
            let next = tokio::select! {
                biased;
                // Also when the handler is gone.
                _ = self.closing.changed(), if is_open => {
                    is_open = false;
                    // What has a place is still queued, and handled.
                    self.queued.close();
                    continue;
                }
                next = self.queued.recv() => next,
            };
            let Some(events) = next else { return };
            for event in events {
                self.calls.handle(&self.callback, event).await;
                self.waiting.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }
}
