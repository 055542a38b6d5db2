//! Aggregates that were used lately, in memory with what their streams end with, so that a command on one costs no read.
//!
//! What is decided on them is checked by the append. Settings (accounts, integrations, endpoints) are read without deciding anything:
//! these are never behind this node's own appends, and behind another node's only by some milliseconds.

use std::any::Any;
use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cqrs_es::Aggregate as _;
use domain::EventSourced;
use domain::account::Account;
use domain::delivery::Delivery;
use domain::endpoint::Endpoint;
use domain::instance::Instance;
use domain::integration::Integration;
use domain::ledger::Ledger;
use parking_lot::Mutex;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::EventLog;
use super::stream::{LoadError, Loaded};
use crate::Sequence;
use crate::recurring::Recurring;

/// The kinds that are kept, and how much of each, in bytes of what they were loaded from. Each has room of its own: a flood
/// of orders does not push out the integrations that they come in for. In memory a delivery takes some twice as much.
const KEPT: [(&str, u64); 6] = [
    (Account::TYPE, 8 * 1_024 * 1_024),
    (Integration::TYPE, 16 * 1_024 * 1_024),
    (Endpoint::TYPE, 8 * 1_024 * 1_024),
    (Instance::TYPE, 2 * 1_024 * 1_024),
    (Ledger::TYPE, 4 * 1_024 * 1_024),
    (Delivery::TYPE, 4 * 1_024 * 1_024),
];
/// About how much of them one takes, in bytes.
const ESTIMATED: u64 = 2_048;
const CHANGES_AT_A_TIME: i64 = 500;
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// An aggregate in memory, of whichever kind.
#[derive(Clone)]
struct Entry {
    loaded: Arc<dyn Any + Send + Sync>,
    sequence: Sequence,
    bytes: u64,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<String, Entry> for ByBytes {
    fn weight(&self, _: &String, entry: &Entry) -> u64 {
        entry.bytes
    }
}

pub(super) struct Recent {
    kinds: HashMap<&'static str, Cache<String, Entry, ByBytes>>,
    /// Counts what was forgotten, so that a load which a change overtook is not kept.
    forgotten: Mutex<u64>,
}

impl Default for Recent {
    fn default() -> Self {
        let kind = |(kind, bytes): (&'static str, u64)| {
            let estimated = usize::try_from(bytes / ESTIMATED).unwrap_or(usize::MAX);
            (kind, Cache::with_weighter(estimated, bytes, ByBytes))
        };
        Self { kinds: KEPT.into_iter().map(kind).collect(), forgotten: Mutex::default() }
    }
}

impl Recent {
    pub(super) fn get<A: EventSourced>(&self, id: &str) -> Option<Arc<Loaded<A>>> {
        self.kinds.get(A::TYPE)?.get(id)?.loaded.downcast().ok()
    }

    /// Keeps what the stream is known to be now.
    pub(super) fn keep<A: EventSourced>(&self, id: &str, loaded: Arc<Loaded<A>>) {
        let Some(kind) = self.kinds.get(A::TYPE) else { return };
        let (sequence, bytes) = (loaded.sequence, loaded.bytes() + 256);
        kind.insert(id.to_owned(), Entry { loaded, sequence, bytes });
    }

    pub(super) fn forget<A: EventSourced>(&self, id: &str) {
        if let Some(kind) = self.kinds.get(A::TYPE) {
            kind.remove(id);
        }
    }

    /// The stream has this event now: what is older is not how it stands.
    pub(super) fn forget_before(&self, aggregate_type: &str, id: &str, sequence: Sequence) {
        let Some(kind) = self.kinds.get(aggregate_type) else { return };
        if is_setting(aggregate_type) {
            *self.forgotten.lock() += 1;
        }
        if kind.peek(id).is_some_and(|entry| entry.sequence < sequence) {
            kind.remove(id);
        }
    }

    fn forget_everything(&self) {
        *self.forgotten.lock() += 1;
        self.kinds.values().for_each(Cache::clear);
    }
}

/// What is read without deciding anything.
fn is_setting(aggregate_type: &str) -> bool {
    [Account::TYPE, Integration::TYPE, Endpoint::TYPE, Instance::TYPE].contains(&aggregate_type)
}

impl EventLog {
    /// Settings as they stand now: an account, an integration, an endpoint or an instance. Costs no read where they were used lately.
    pub async fn current<A: EventSourced>(&self, id: impl Display) -> Result<Arc<Loaded<A>>, LoadError> {
        let id = &id.to_string();
        if let Some(known) = self.recent.get::<A>(id) {
            return Ok(known);
        }
        let before = *self.recent.forgotten.lock();
        let loaded = Arc::new(self.load::<A>(id).await?);
        let forgotten = self.recent.forgotten.lock();
        // What does not exist is not kept: anybody can ask for that.
        if is_setting(A::TYPE) && before == *forgotten && !loaded.sequence.is_start() {
            self.recent.keep(id, loaded.clone());
        }
        Ok(loaded)
    }

    /// An aggregate as it was lately, for a caller that goes on by a command, which finds out if it is not so any more.
    pub async fn recent<A: EventSourced>(&self, id: impl Display) -> Result<Arc<Loaded<A>>, LoadError> {
        let id = &id.to_string();
        if let Some(known) = self.recent.get::<A>(id) {
            return Ok(known);
        }
        let ticket = self.queues.ticket::<A>(&self.recent, id);
        let turn = ticket.turn().await;
        if let Some(known) = turn.known::<A>() {
            return Ok(known.loaded);
        }
        let loaded = Arc::new(self.load::<A>(id).await?);
        // No command of this process is under way on the stream.
        self.recent.keep(id, loaded.clone());
        Ok(loaded)
    }

    /// Forgets what other nodes changed, as the feed says. Runs until it is dropped.
    pub async fn follow_other_nodes(&self) {
        if self.has_one_writer() {
            return;
        }
        let failures = Recurring::new("what other nodes change cannot be followed");
        let mut head = self.head_changes();
        let mut cursor = head.borrow().clone();
        // What was appended between opening the log and now is not in memory yet, so nothing is missed.
        let mut last_read = Instant::now();
        loop {
            self.rest_between_reads(last_read).await;
            last_read = Instant::now();
            head.mark_unchanged();
            let seen_head = head.borrow().clone();
            match self.changed_after(&cursor, CHANGES_AT_A_TIME).await {
                Ok(changed) if changed.is_empty() => {
                    failures.worked();
                    cursor = seen_head;
                    if head.changed().await.is_err() {
                        return;
                    }
                }
                Ok(changed) => {
                    failures.worked();
                    for changed in changed {
                        cursor = changed.cursor;
                        self.recent.forget_before(&changed.aggregate_type, &changed.aggregate_id, changed.sequence);
                    }
                }
                Err(error) => {
                    if matches!(error, LoadError::OtherLog { .. }) {
                        cursor = seen_head;
                    }
                    failures.failed(error);
                    self.recent.forget_everything();
                    tokio::time::sleep(RETRY_AFTER).await;
                }
            }
        }
    }
}
