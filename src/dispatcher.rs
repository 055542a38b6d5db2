//! The dispatcher: sends commerce events to the endpoints that want them.
//!
//! What is to be sent is a view, folded from the log: a crash loses nothing. The node that holds the lease reads it, keeps in
//! memory what can be sent at once, and records what came of each attempt. It runs on threads of its own, so that a flood of
//! webhooks does not keep it from sending; what it sends is as far as the view is.

mod attempt;
mod lane;
mod lease;
pub(crate) mod notification;
mod queue;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
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
use attempt::{Sender, Sent};
use lane::Health;
use lease::Lease;
use notification::{Reading, Renderer};
use queue::Queue;

/// Attempts that are under way at a time, of all endpoints together.
const MAX_IN_FLIGHT: usize = 1_024;
/// The same of one account.
const MAX_IN_FLIGHT_OF_ACCOUNT: usize = 256;
/// An endpoint whose latest attempt failed is sent so many at a time: what hangs takes no room from others.
const CONCURRENCY_WHILE_FAILING: usize = 1;
/// And one of which nothing is known yet.
const CONCURRENCY_WHILE_UNKNOWN: usize = 2;
/// Events that are read at a time.
const READ_AT_ONCE: usize = 200;
/// When an endpoint's settings are read again for which something waits: its owner may no longer want that.
const SETTINGS_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(5);
/// When an endpoint is tried again that is paused, or whose account has enough under way.
const POLL_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(1);
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
    row: QueuedDispatch,
}

/// A dispatch that was being sent.
struct Finished {
    row: QueuedDispatch,
    sent: Sent,
}

pub(crate) struct Dispatcher {
    data: LogAndViews,
    sender: Arc<Sender>,
    lease: Lease,
    queue: Queue,
    progress: Progress,
    changes: watch::Receiver<Standings>,
    stopping: watch::Receiver<bool>,
    /// Endpoints for which something may be sent now, each once.
    active: VecDeque<EndpointId>,
    is_active: HashSet<EndpointId>,
    /// When an endpoint becomes active by itself, each once.
    wake: BTreeSet<(DateTime<Utc>, EndpointId)>,
    wakes_at: HashMap<EndpointId, DateTime<Utc>>,
    sends: JoinSet<Finished>,
    under_way: HashMap<tokio::task::Id, UnderWay>,
    /// Attempts that are under way, by account.
    in_flight: HashMap<AccountId, usize>,
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
            active: VecDeque::new(),
            is_active: HashSet::new(),
            wake: BTreeSet::new(),
            wakes_at: HashMap::new(),
            sends: JoinSet::new(),
            under_way: HashMap::new(),
            in_flight: HashMap::new(),
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
            self.activate(endpoint_id);
        }
        self.wake_up();
        let mut taken = vec![];
        while let Some(endpoint_id) = self.active.pop_front() {
            self.is_active.remove(&endpoint_id);
            if let Some(at) = self.take_from(endpoint_id, &mut taken).await? {
                self.wake_at(at, endpoint_id);
            }
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
        let wake_at = self.wake.first().map(|(at, _)| *at);
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

    fn note(&mut self, ended: Result<(tokio::task::Id, Finished), JoinError>) {
        let (task, finished) = match ended {
            Ok((task, finished)) => (task, Some(finished)),
            Err(error) => (error.id(), None),
        };
        let Some(UnderWay { endpoint_id, account_id, row }) = self.under_way.remove(&task) else { return };
        if let Some(count) = self.in_flight.get_mut(&account_id) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.in_flight.remove(&account_id);
            }
        }
        let now = self.now();
        if let Some(Finished { row, sent }) = finished {
            self.queue.ended(endpoint_id, &row, &sent, now);
        } else {
            tracing::error!(dispatch = row.dispatch_id, "sending an event ended in a panic; it is tried again");
            self.queue.panicked(endpoint_id, &row, now);
        }
        self.activate(endpoint_id);
    }

    /// Takes what can be sent to an endpoint now. Returns when it is its turn again, if nothing happens before.
    async fn take_from(
        &mut self,
        endpoint_id: EndpointId,
        taken: &mut Vec<Taken>,
    ) -> anyhow::Result<Option<DateTime<Utc>>> {
        let now = self.now();
        let endpoint = self.data.log.current::<Endpoint>(endpoint_id).await?;
        let status = endpoint.aggregate.status();
        if matches!(status, None | Some(EndpointStatus::Deleted)) {
            self.queue.close(endpoint_id, &self.sender.name).await?;
            return Ok(None);
        }
        if matches!(status, Some(EndpointStatus::Paused | EndpointStatus::Disabled)) {
            self.queue.unload(endpoint_id);
            return Ok(Some(now + POLL_AGAIN_AFTER));
        }
        let Some(subscription) = endpoint.aggregate.subscription() else { return Ok(None) };
        let is_degraded = status == Some(EndpointStatus::Degraded);
        let (settings, mut again) = (&subscription.settings, None);
        self.queue.fill(endpoint_id, (settings.ordered, is_degraded), now).await?;
        let Some(lane) = self.queue.lane(endpoint_id) else { return Ok(None) };
        let concurrency = usize::try_from(settings.concurrency).unwrap_or(1);
        let concurrency = match lane.health() {
            Health::Responding if !is_degraded => concurrency,
            Health::Unknown if !is_degraded => concurrency.min(CONCURRENCY_WHILE_UNKNOWN),
            Health::Responding | Health::Unknown | Health::Failing => CONCURRENCY_WHILE_FAILING,
        };
        let of_account = &mut self.in_flight;
        let in_flight = self.sends.len();
        while lane.has_ready() && lane.in_flight() < concurrency {
            if let Some(at) = lane.pace().not_before(settings.rate_per_second, is_degraded, PROBE_INTERVAL, now) {
                again = Some(at);
                break;
            }
            let of_account = of_account.entry(subscription.account_id).or_default();
            if *of_account >= MAX_IN_FLIGHT_OF_ACCOUNT || in_flight + taken.len() >= MAX_IN_FLIGHT {
                again = Some(now + POLL_AGAIN_AFTER / 20);
                break;
            }
            let Some(row) = lane.next() else { break };
            lane.pace().sent(settings.rate_per_second, PROBE_INTERVAL, now);
            *of_account += 1;
            taken.push(Taken { endpoint_id, account_id: subscription.account_id, row, endpoint: endpoint.clone() });
        }
        // What is due already waits for room: the end of an attempt makes some.
        let Some(due_at) = lane.next_due_at() else { return Ok(again) };
        let due_at = Some(due_at).filter(|at| *at > now);
        let probe_at = lane.pace().not_before(None, is_degraded, PROBE_INTERVAL, now);
        let settings_at = Some(now + SETTINGS_AGAIN_AFTER);
        Ok([again, due_at, probe_at, settings_at].into_iter().flatten().min())
    }

    fn send(&mut self, taken: Taken, reading: Reading) {
        let Taken { endpoint_id, account_id, row, endpoint } = taken;
        let (sender, being_sent) = (self.sender.clone(), row.clone());
        let lease_ends = self.lease.ends();
        let task = self.sends.spawn(async move {
            let sent = tokio::select! {
                sent = sender.send(&row, &endpoint, &reading) => sent,
                () = lease_ends => Sent::broken_off(&row),
            };
            Finished { row, sent }
        });
        self.under_way.insert(task.id(), UnderWay { endpoint_id, account_id, row: being_sent });
    }

    fn activate(&mut self, endpoint_id: EndpointId) {
        if self.is_active.insert(endpoint_id) {
            self.active.push_back(endpoint_id);
        }
    }

    fn activate_all(&mut self) {
        for endpoint_id in self.queue.endpoints() {
            self.activate(endpoint_id);
        }
    }

    fn wake_at(&mut self, at: DateTime<Utc>, endpoint_id: EndpointId) {
        if let Some(before) = self.wakes_at.insert(endpoint_id, at) {
            self.wake.remove(&(before, endpoint_id));
        }
        self.wake.insert((at, endpoint_id));
    }

    fn wake_up(&mut self) {
        let now = self.now();
        while let Some((at, endpoint_id)) = self.wake.first().copied()
            && at <= now
        {
            self.wake.remove(&(at, endpoint_id));
            self.wakes_at.remove(&endpoint_id);
            self.activate(endpoint_id);
        }
    }

    /// What is being sent is broken off: its endpoints get it again from who sends next.
    fn forget_everything(&mut self) {
        self.sends.abort_all();
        self.sends = JoinSet::new();
        self.under_way.clear();
        self.in_flight.clear();
        self.active.clear();
        self.is_active.clear();
        self.wake.clear();
        self.wakes_at.clear();
        self.queue.shut();
    }

    fn now(&self) -> DateTime<Utc> {
        self.data.now()
    }
}
