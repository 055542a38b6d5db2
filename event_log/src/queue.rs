//! Commands on one stream queue for it within this process: each is decided on what the one before it decided, before that
//! is stored, so that many of them are stored in one commit. Conflicts are left for other nodes.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cqrs_es::Aggregate;
use domain::EventSourced;
use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

use super::recent::Recent;
use super::stream::Loaded;
use crate::Sequence;

/// The streams on which commands are under way, each with how many there are.
#[derive(Default)]
pub(super) struct Queues {
    lines: Mutex<HashMap<StreamId, (Arc<Line>, usize)>>,
    chains: AtomicU64,
}

type StreamId = (&'static str, String);
type Line = tokio::sync::Mutex<Option<Latest>>;

/// A stream after the latest command that was decided on it.
struct Latest {
    loaded: Arc<dyn Any + Send + Sync>,
    sequence: Sequence,
    is_stored: bool,
    chain: u64,
}

/// A stream as a command finds it.
pub(super) struct Known<A> {
    pub(super) loaded: Arc<Loaded<A>>,
    /// Whether all of it is stored.
    pub(super) is_stored: bool,
    /// Which commands were decided one on the other, from what was read: if one is not stored, those after it are not.
    pub(super) chain: u64,
}

/// One command's place in the queue of a stream. While any is held, the stream after the latest command is remembered.
pub(super) struct Ticket<'l> {
    queues: &'l Queues,
    recent: &'l Recent,
    stream: StreamId,
    line: Arc<Line>,
}

/// The turn of one command: no other command decides on the stream.
pub(super) struct Turn<'t> {
    ticket: &'t Ticket<'t>,
    latest: OwnedMutexGuard<Option<Latest>>,
}

impl Queues {
    pub(super) fn ticket<'l, A: Aggregate>(&'l self, recent: &'l Recent, id: &str) -> Ticket<'l> {
        let stream = (A::TYPE, id.to_owned());
        let mut lines = self.lines.lock();
        let (line, tickets) = lines.entry(stream.clone()).or_default();
        *tickets += 1;
        let line = line.clone();
        drop(lines);
        Ticket { queues: self, recent, stream, line }
    }

    /// For what is decided on what was just read.
    pub(super) fn new_chain(&self) -> u64 {
        self.chains.fetch_add(1, Ordering::Relaxed)
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut lines = self.queues.lines.lock();
        let Some((_, tickets)) = lines.get_mut(&self.stream) else { return };
        *tickets -= 1;
        if *tickets == 0 {
            lines.remove(&self.stream);
        }
    }
}

impl Ticket<'_> {
    /// Waits until the commands that came before are decided, in the order of arrival.
    pub(super) async fn turn(&self) -> Turn<'_> {
        Turn { ticket: self, latest: self.line.clone().lock_owned().await }
    }

    /// What was decided is stored. The next command finds it in memory.
    pub(super) async fn stored<A: EventSourced>(&self, loaded: &Arc<Loaded<A>>, chain: u64) {
        let mut latest = self.line.lock().await;
        // Another command that came after says itself when it is stored.
        let is_this = |latest: &&mut Latest| latest.sequence == loaded.sequence && latest.chain == chain;
        if let Some(latest) = latest.as_mut().filter(is_this) {
            latest.is_stored = true;
            self.recent.keep(&self.stream.1, loaded.clone());
        }
    }

    /// What was decided is not stored, or it is not known whether it is: the next command reads the stream, unless one has
    /// done so already.
    pub(super) async fn not_stored<A: EventSourced>(&self, chain: u64) {
        let mut latest = self.line.lock().await;
        if latest.as_ref().is_none_or(|latest| latest.chain == chain) {
            *latest = None;
            self.recent.forget::<A>(&self.stream.1);
        }
    }
}

impl Turn<'_> {
    /// The stream, where it is in memory.
    pub(super) fn known<A: EventSourced>(&self) -> Option<Known<A>> {
        if let Some(latest) = &*self.latest {
            let loaded = latest.loaded.clone().downcast().ok()?;
            return Some(Known { loaded, is_stored: latest.is_stored, chain: latest.chain });
        }
        let loaded = self.ticket.recent.get::<A>(&self.ticket.stream.1)?;
        Some(Known { loaded, is_stored: true, chain: self.ticket.queues.new_chain() })
    }

    /// The next command finds the stream so, before it is stored.
    pub(super) fn decided<A: EventSourced>(&mut self, loaded: Arc<Loaded<A>>, chain: u64) {
        *self.latest = Some(Latest { sequence: loaded.sequence, loaded, is_stored: false, chain });
    }
}
