//! The dispatcher: sends commerce events to the endpoints that want them.
//!
//! What is to be sent is a view, folded from the log: a crash loses nothing. The node that holds the lease reads it, keeps in
//! memory what can be sent at once, and records what came of each attempt. It runs on threads of its own, so that a flood of
//! webhooks does not keep it from sending; what it sends is as far as the view is.

mod agenda;
mod attempt;
mod lane;
mod lease;
pub(crate) mod notification;
mod queue;
mod room;
mod turns;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::endpoint::{Endpoint, EndpointStatus, PROBE_INTERVAL};
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
use lane::Health;
use lease::Lease;
use notification::{Reading, Renderer};
use queue::Queue;
use room::Room;
use turns::Turns;

/// An endpoint whose latest attempt failed is sent so many at a time: what hangs takes no room from others.
const CONCURRENCY_WHILE_FAILING: usize = 1;
/// And one of which nothing is known yet.
const CONCURRENCY_WHILE_UNKNOWN: usize = 2;
/// Events that are read at a time.
const READ_AT_ONCE: usize = 200;
/// When an endpoint's settings are read again for which something waits: its owner may no longer want that.
const SETTINGS_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(5);
/// When an endpoint that is paused is tried again.
const POLL_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(1);
/// When the queue of an endpoint is read again that could not be read to its end.
const READ_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(1);
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

/// An endpoint to which something may be sent now.
struct Candidate {
    endpoint_id: EndpointId,
    account_id: AccountId,
    endpoint: Arc<Loaded<Endpoint>>,
    is_degraded: bool,
    /// Attempts that may be under way at a time.
    concurrency: usize,
    /// Attempts a second.
    rate: Option<u32>,
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

    /// The endpoint, with what is next for it in memory. None where nothing is sent to it at present.
    async fn candidate(&mut self, endpoint_id: EndpointId) -> anyhow::Result<Option<Candidate>> {
        let now = self.now();
        let endpoint = self.data.log.current::<Endpoint>(endpoint_id).await?;
        let status = endpoint.aggregate.status();
        if matches!(status, None | Some(EndpointStatus::Deleted)) {
            self.queue.close(endpoint_id, &self.sender.name).await?;
            return Ok(None);
        }
        if matches!(status, Some(EndpointStatus::Paused | EndpointStatus::Disabled)) {
            self.queue.unload(endpoint_id);
            self.agenda.wake_at(now + POLL_AGAIN_AFTER, endpoint_id);
            return Ok(None);
        }
        let Some(subscription) = endpoint.aggregate.subscription() else { return Ok(None) };
        let (settings, account_id) = (&subscription.settings, subscription.account_id);
        let is_degraded = status == Some(EndpointStatus::Degraded);
        self.queue.fill(endpoint_id, (settings.ordered, is_degraded), now).await?;
        let Some(lane) = self.queue.lane(endpoint_id) else { return Ok(None) };
        let concurrency = usize::try_from(settings.concurrency).unwrap_or(1);
        let concurrency = match lane.health() {
            Health::Responding if !is_degraded => concurrency,
            Health::Unknown if !is_degraded => concurrency.min(CONCURRENCY_WHILE_UNKNOWN),
            Health::Responding | Health::Unknown | Health::Failing => CONCURRENCY_WHILE_FAILING,
        };
        let rate = settings.rate_per_second;
        Ok(Some(Candidate { endpoint_id, account_id, endpoint, is_degraded, concurrency, rate }))
    }

    /// Takes what can be sent now.
    fn take_from(&mut self, candidates: Vec<Candidate>, taken: &mut Vec<Taken>) {
        let now = self.now();
        let mut turns = Turns::default();
        for candidate in candidates {
            self.give_turn(&mut turns, candidate, now);
        }
        while let Some(candidate) = turns.next() {
            match self.take_one(&candidate, now) {
                Ok(row) => {
                    let Candidate { endpoint_id, account_id, .. } = candidate;
                    taken.push(Taken { endpoint_id, account_id, row, endpoint: candidate.endpoint.clone() });
                    self.give_turn(&mut turns, candidate, now);
                }
                Err(again) => self.end_turn(&candidate, again, now),
            }
        }
    }

    fn give_turn(&mut self, turns: &mut Turns<Candidate>, candidate: Candidate, now: DateTime<Utc>) {
        match self.queue.next_at(candidate.endpoint_id) {
            Some(at) => turns.add(candidate.account_id, candidate.endpoint_id, at, candidate),
            None => self.end_turn(&candidate, None, now),
        }
    }

    /// # Errors
    /// Where nothing can be sent to it: with when it is its turn again, if nothing happens before.
    fn take_one(&mut self, candidate: &Candidate, now: DateTime<Utc>) -> Result<QueuedDispatch, Option<DateTime<Utc>>> {
        let &Candidate { endpoint_id, account_id, is_degraded, concurrency, rate, .. } = candidate;
        let lane = self.queue.lane(endpoint_id).ok_or(None)?;
        let next_at = lane.next_at().ok_or(None)?;
        if lane.in_flight() >= concurrency {
            return Err(None);
        }
        if let Some(at) = lane.pace().not_before(rate, is_degraded, PROBE_INTERVAL, now) {
            return Err(Some(at));
        }
        if !self.room.take(account_id, (endpoint_id, lane.in_flight()), next_at) {
            return Err(None);
        }
        let row = lane.next().ok_or(None)?;
        lane.pace().sent(rate, PROBE_INTERVAL, now);
        Ok(row)
    }

    /// Notes when it is the turn of an endpoint again, if nothing happens before.
    fn end_turn(&mut self, candidate: &Candidate, again: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        let &Candidate { endpoint_id, is_degraded, .. } = candidate;
        let Some(lane) = self.queue.lane(endpoint_id) else { return };
        // The view may not have come to what it is read again for.
        let again =
            if lane.is_to_be_read_again() { again.into_iter().chain([now + READ_AGAIN_AFTER]).min() } else { again };
        let at = match lane.next_due_at() {
            None => again,
            Some(due_at) => {
                // What is due already waits for room: the end of an attempt makes some.
                let due_at = Some(due_at).filter(|at| *at > now);
                let probe_at = lane.pace().not_before(None, is_degraded, PROBE_INTERVAL, now);
                let settings_at = Some(now + SETTINGS_AGAIN_AFTER);
                [again, due_at, probe_at, settings_at].into_iter().flatten().min()
            }
        };
        if let Some(at) = at {
            self.agenda.wake_at(at, endpoint_id);
        }
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
