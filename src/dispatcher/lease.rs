//! The lease of the dispatcher: of several nodes, one sends.
//!
//! One lease for all endpoints: a node sends faster than one log takes what came of it (`docs/benchmarks.md`), and the order of
//! events about one object is kept in the memory of one process. A row and not events, which would say nothing to a reader of
//! the log. What is being sent when a lease ends is broken off before another node can begin.

use std::time::{Duration, Instant};

use event_log::followers::LEASE;
use event_log::recorded::Cursor;
use event_log::{EventLog, ids};
use tokio::sync::watch;

/// As the table of followers has it.
const NAME: &str = "dispatcher";
/// What is being sent is broken off so long before the lease ends.
const MARGIN: Duration = Duration::from_secs(2);
const RENEW_EVERY: Duration = Duration::from_secs(3);
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// How often a node checks whether the one that sends still does.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// How long it may take to hand it back when the service stops. If it takes longer, the lease ends by itself.
const HAND_BACK_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct Lease {
    node: String,
    /// None where this node does not hold it.
    until: watch::Sender<Option<Instant>>,
    next_at: Instant,
}

impl Lease {
    pub(super) fn new(node: &str) -> Self {
        // Another one after every start, and none that a process manager has.
        let id = ids::fresh().simple().to_string();
        Self {
            node: format!("{node}/{NAME}/{}", &id[id.len() - 8..]),
            until: watch::Sender::new(None),
            next_at: Instant::now(),
        }
    }

    /// Whether this node may send.
    pub(super) fn is_held(&self) -> bool {
        self.until.borrow().is_some_and(|until| Instant::now() < until)
    }

    /// Returns when what is being sent must have ended: where it is not kept in time, or another node has it.
    pub(super) fn ends(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut until = self.until.subscribe();
        async move {
            loop {
                let Some(at) = *until.borrow_and_update() else { return };
                tokio::select! {
                    () = tokio::time::sleep_until(at.into()) => return,
                    changed = until.changed() => if changed.is_err() { return },
                }
            }
        }
    }

    /// When it is to be taken, or taken again.
    pub(super) fn next_at(&self) -> Instant {
        self.until.borrow().map_or(self.next_at, |until| self.next_at.min(until))
    }

    /// Takes or keeps it, where that is due.
    pub(super) async fn keep(&mut self, log: &EventLog) -> sqlx::Result<()> {
        let now = Instant::now();
        if now < self.next_at {
            return Ok(());
        }
        self.next_at = now + RETRY_AFTER;
        if self.until.borrow().is_none()
            && let Some(follower) = log.follower(NAME).await?
            && let Some(holder) = follower.held_by(log.clock().now()).filter(|holder| *holder != self.node)
        {
            if !log.has_one_writer() {
                // Read before it is requested: a node that waits writes nothing.
                self.next_at = now + POLL_EVERY;
                return Ok(());
            }
            // No other process has the file: who held it was killed.
            log.hand_back_follower(NAME, holder, &Cursor::START).await?;
        }
        let lease = LEASE.to_std().unwrap_or_default().saturating_sub(MARGIN);
        let is_held = log.take_follower(NAME, &self.node).await?.is_some();
        self.until.send_replace(is_held.then_some(now + lease));
        self.next_at = now + if is_held { RENEW_EVERY } else { POLL_EVERY };
        Ok(())
    }

    /// Lets another node go on at once.
    pub(super) async fn hand_back(&mut self, log: &EventLog) {
        if self.until.send_replace(None).is_none() {
            return;
        }
        let from = Cursor::START;
        let handed_back = log.hand_back_follower(NAME, &self.node, &from);
        if !matches!(tokio::time::timeout(HAND_BACK_TIMEOUT, handed_back).await, Ok(Ok(_))) {
            tracing::warn!("the dispatcher could not be handed back: another node goes on once the lease ends");
        }
    }
}
