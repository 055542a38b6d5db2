//! The dispatcher: sends commerce events to the endpoints that want them.
//!
//! What is to be sent is a view, folded from the log: a crash loses nothing. The node that holds the lease reads it, keeps in
//! memory what can be sent at once, and records what came of each attempt. It runs on threads of its own, so that a flood of
//! webhooks does not keep it from sending; what it sends is as far as the view is.

mod agenda;
mod attempt;
mod choosing;
mod lane;
mod lease;
pub(crate) mod notification;
mod queue;
mod room;
mod turns;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::endpoint::Endpoint;
use domain::{AccountId, EndpointId};
use event_log::progress::Progress;
use event_log::recurring::Recurring;
use event_log::stream::Loaded;
use projections::commerce::queue::QueuedDispatch;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};

use crate::app::log_and_views::LogAndViews;
use crate::metrics::Metrics;
use crate::ports::outbound::OutboundClient;
use crate::projector::Standings;
use agenda::Agenda;
use attempt::{Sender, Sent};
use lease::Lease;
use notification::{Reading, Renderer};
use queue::Queue;
use room::Room;

/// Events that are read at a time.
const READ_AT_ONCE: usize = 200;
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long what is being sent may take to come to an end when the service stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// What the dispatcher needs from the rest of the service.
pub(crate) struct Dependencies {
    pub(crate) data: LogAndViews,
    pub(crate) client: OutboundClient,
    pub(crate) metrics: Arc<Metrics>,
    /// What this node is called in leases.
    pub(crate) node: String,
    /// Whether it gets on.
    pub(crate) progress: Progress,
    /// Becomes true when the service is to stop.
    pub(crate) stopping: watch::Receiver<bool>,
}

/// A dispatch whose turn has come.
struct Taken {
    endpoint_id: EndpointId,
    account_id: AccountId,
    row: QueuedDispatch,
    endpoint: Arc<Loaded<Endpoint>>,
}

/// A dispatch that is being sent.
struct UnderWay {
    endpoint_id: EndpointId,
    account_id: AccountId,
    row: Arc<QueuedDispatch>,
}

pub(crate) struct Dispatcher {
    data: LogAndViews,
    sender: Arc<Sender>,
    lease: Lease,
    queue: Queue,
    progress: Progress,
    changes: watch::Receiver<Standings>,
    stopping: watch::Receiver<bool>,
    agenda: Agenda,
    sends: JoinSet<Sent>,
    under_way: HashMap<tokio::task::Id, UnderWay>,
    room: Room,
    failures: Recurring,
}

impl Dispatcher {
    pub(crate) fn new(needs: Dependencies) -> Self {
        let lease = Lease::new(&needs.node);
        let sender = Sender {
            log: needs.data.log.clone(),
            client: needs.client,
            metrics: needs.metrics,
            renderer: Renderer::default(),
            name: needs.node,
            failures: Recurring::new("an event cannot be sent"),
        };
        Self {
            changes: needs.data.projector.changes(),
            queue: Queue::new(needs.data.clone()),
            data: needs.data,
            sender: Arc::new(sender),
            lease,
            progress: needs.progress,
            stopping: needs.stopping,
            agenda: Agenda::default(),
            sends: JoinSet::new(),
            under_way: HashMap::new(),
            room: Room::default(),
            failures: Recurring::new("what is to be sent to endpoints cannot be read"),
        }
    }

    /// Sends until the service stops; then lets what is being sent come to an end.
    pub(crate) async fn run(mut self) {
        while !*self.stopping.borrow() {
            self.progress.begin();
            self.changes.mark_unchanged();
            match self.step().await {
                Ok(()) => {
                    self.failures.worked();
                    self.progress.done();
                    if self.queue.has_more() {
                        self.note_finished();
                    } else {
                        self.wait().await;
                    }
                }
                Err(error) => {
                    self.failures.failed(&error);
                    self.forget_everything();
                    tokio::time::sleep(RETRY_AFTER).await;
                }
            }
        }
        let ending = async { while self.sends.join_next().await.is_some() {} };
        // What takes longer is sent again by the next to hold the lease.
        tokio::time::timeout(STOP_TIMEOUT, ending).await.ok();
        self.sends.shutdown().await;
        self.lease.hand_back(&self.data.log).await;
    }

    async fn step(&mut self) -> anyhow::Result<()> {
        let was_held = self.lease.is_held();
        self.lease.keep(&self.data.log).await?;
        if !was_held || !self.lease.is_held() {
            // Another node may have sent meanwhile, or does.
            self.forget_everything();
        }
        if !self.lease.is_held() {
            if was_held {
                tracing::warn!("another node has taken over the dispatcher");
            }
            return Ok(());
        }
        if !self.queue.is_open() {
            if !self.queue.open().await? {
                return Ok(());
            }
            self.activate_all();
        }
        for endpoint_id in self.queue.read_news(self.now()).await? {
            self.agenda.activate(endpoint_id);
        }
        self.agenda.wake_up(self.now());
        let mut taken = vec![];
        loop {
            self.agenda.activate_first(self.room.offered());
            let active = self.agenda.take_active();
            if active.is_empty() {
                break;
            }
            let mut candidates = vec![];
            for endpoint_id in active {
                candidates.extend(self.candidate(endpoint_id).await?);
            }
            self.take_from(candidates, &mut taken);
        }
        if !taken.is_empty() {
            self.data.projector.hurry();
        }
        self.send_all(taken).await;
        Ok(())
    }

    /// Sends what was taken, some at a time, whose events are read together.
    async fn send_all(&mut self, mut taken: Vec<Taken>) {
        while !taken.is_empty() {
            let some = taken.drain(..taken.len().min(READ_AT_ONCE)).collect::<Vec<_>>();
            let rows: Vec<_> = some.iter().map(|taken| &taken.row.event).collect();
            let readings = self.sender.renderer.read(&self.data.log, &rows).await;
            for (taken, reading) in some.into_iter().zip(readings) {
                self.send(taken, reading);
            }
        }
    }

    /// Returns when there is something to do.
    async fn wait(&mut self) {
        let clock = self.data.clock().clone();
        let wake_at = self.agenda.wakes_next_at();
        let woken = async {
            match wake_at {
                Some(at) => clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(ended) = self.sends.join_next_with_id(), if !self.sends.is_empty() => {
                self.note(ended);
                self.note_finished();
            }
            changed = self.changes.changed() => if changed.is_err() {
                tokio::time::sleep(RETRY_AFTER).await;
            },
            () = woken => {}
            () = tokio::time::sleep_until(self.lease.next_at().into()) => {}
            _ = self.stopping.changed() => {}
        }
    }

    fn note_finished(&mut self) {
        while let Some(ended) = self.sends.try_join_next_with_id() {
            self.note(ended);
        }
    }

    fn note(&mut self, ended: Result<(tokio::task::Id, Sent), JoinError>) {
        let (task, sent) = match ended {
            Ok((task, sent)) => (task, Some(sent)),
            Err(error) => (error.id(), None),
        };
        let Some(UnderWay { endpoint_id, account_id, row }) = self.under_way.remove(&task) else { return };
        self.room.give_back(account_id);
        let now = self.now();
        if let Some(sent) = sent {
            self.queue.ended(endpoint_id, &row, &sent, now);
        } else {
            tracing::error!(dispatch = row.dispatch_id, "sending an event ended in a panic; it is tried again");
            self.queue.panicked(endpoint_id, &row, now);
        }
        self.agenda.activate(endpoint_id);
    }

    fn send(&mut self, taken: Taken, reading: Reading) {
        let Taken { endpoint_id, account_id, row, endpoint } = taken;
        let row = Arc::new(row);
        let (sender, being_sent) = (self.sender.clone(), row.clone());
        let lease_ends = self.lease.ends();
        let task = self.sends.spawn(async move {
            tokio::select! {
                // In a box: a task is moved a few times before it begins.
                sent = Box::pin(sender.send(&being_sent, &endpoint, &reading)) => sent,
                () = lease_ends => Sent::broken_off(&being_sent),
            }
        });
        self.under_way.insert(task.id(), UnderWay { endpoint_id, account_id, row });
    }

    fn activate_all(&mut self) {
        for endpoint_id in self.queue.endpoints() {
            self.agenda.activate(endpoint_id);
        }
    }

    /// What is being sent is broken off: its endpoints get it again from who sends next.
    fn forget_everything(&mut self) {
        self.sends.abort_all();
        self.sends = JoinSet::new();
        self.under_way.clear();
        self.room = Room::default();
        self.agenda = Agenda::default();
        self.queue.shut();
    }

    fn now(&self) -> DateTime<Utc> {
        self.data.now()
    }
}
