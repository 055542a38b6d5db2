//! What the service counts and measures, in the form that Prometheus reads.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use strum::IntoStaticStr;

/// One service's metrics. Each service has its own, so that several in one process do not mix.
pub struct Metrics {
    registry: Registry,
    accepted: Family<OfProvider, Counter>,
    refused: Family<Refused, Counter>,
    append_batch_size: Histogram,
    append_seconds: Histogram,
    projector_lag: Family<OfView, Gauge>,
    process_lag: Family<OfProcess, Gauge>,
    parked_events: Family<OfProcess, Gauge>,
    attempts: Family<OfOutcome, Counter>,
    orders_read: Family<OfProvider, Counter>,
    store_checks: Family<OfProvider, Counter>,
    store_connections: Family<OfProvider, Counter>,
    store_comparisons: Family<OfProvider, Counter>,
    orders_reconciled: Family<OfProvider, Counter>,
    dispatches: Family<OfOutcome, Counter>,
    dispatch_queue_depth: Gauge<i64, std::sync::atomic::AtomicI64>,
    endpoints: Family<OfStatus, Gauge>,
    queue_depth: Gauge<i64, std::sync::atomic::AtomicI64>,
    disk_free: Family<OfDatabase, Gauge>,
    clock_set: Family<Direction, Counter>,
    pulled_back: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfDatabase {
    database: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Direction {
    direction: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfProvider {
    provider: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfView {
    view: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfProcess {
    process: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOutcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfStatus {
    status: &'static str,
}

/// How an attempt of a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum AttemptOutcome {
    Completed,
    WaitingForCustomer,
    TemporaryFailure,
    ActionRequired,
    GivenUp,
    Cancelled,
    HandedBack,
    LeaseLost,
}

/// How an attempt to send an event to an endpoint ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum DispatchOutcome {
    Delivered,
    /// It is tried again.
    Failed,
    DeadLetter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("cloud_bridge");
        let metrics = Self {
            accepted: Family::default(),
            refused: Family::default(),
            append_batch_size: Histogram::new([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0]),
            append_seconds: Histogram::new([0.000_25, 0.000_5, 0.001, 0.002, 0.004, 0.008, 0.016, 0.064, 0.256, 1.0]),
            projector_lag: Family::default(),
            process_lag: Family::default(),
            parked_events: Family::default(),
            attempts: Family::default(),
            orders_read: Family::default(),
            store_checks: Family::default(),
            store_connections: Family::default(),
            store_comparisons: Family::default(),
            orders_reconciled: Family::default(),
            dispatches: Family::default(),
            dispatch_queue_depth: Gauge::default(),
            endpoints: Family::default(),
            queue_depth: Gauge::default(),
            disk_free: Family::default(),
            clock_set: Family::default(),
            pulled_back: Counter::default(),
            registry: Registry::default(),
        };
        registry.register("webhooks_accepted", "Webhooks that were recorded", metrics.accepted.clone());
        registry.register("webhooks_refused", "Webhooks that were not let in", metrics.refused.clone());
        registry.register("append_batch_size", "Appends in one commit", metrics.append_batch_size.clone());
        registry.register_with_unit("append", "Time of one commit", Unit::Seconds, metrics.append_seconds.clone());
        registry.register("projector_lag_events", "Events a view is behind the log", metrics.projector_lag.clone());
        registry.register("process_lag", "Events a process manager is behind the log", metrics.process_lag.clone());
        let help = "Events that a process manager could not handle, and tries again";
        registry.register("parked_events", help, metrics.parked_events.clone());
        registry.register("attempts", "Delivery attempts by how they ended", metrics.attempts.clone());
        let help = "Orders that were read at their stores, by how that ended";
        registry.register("orders_read", help, metrics.orders_read.clone());
        let help = "Checks of the webhooks of connected stores";
        registry.register("store_checks", help, metrics.store_checks.clone());
        let help = "Attempts to connect stores that ended";
        registry.register("store_connections", help, metrics.store_connections.clone());
        let help = "Comparisons of the orders of connected stores with what their webhooks said";
        registry.register("store_comparisons", help, metrics.store_comparisons.clone());
        let help = "Orders that were fetched because their store never sent them, by what they did";
        registry.register("orders_reconciled", help, metrics.orders_reconciled.clone());
        let help = "Attempts to send an event to an endpoint, by how they ended";
        registry.register("dispatch_attempts", help, metrics.dispatches.clone());
        let help = "Events that are yet to be sent to an endpoint, counted to 100,000";
        registry.register("dispatch_queue_depth", help, metrics.dispatch_queue_depth.clone());
        let help = "Endpoints that were not deleted, by their status";
        registry.register("endpoints", help, metrics.endpoints.clone());
        registry.register("queue_depth", "Deliveries that are due now", metrics.queue_depth.clone());
        registry.register("clock_set", "Times the clock of the machine was set", metrics.clock_set.clone());
        let help = "Waits that a clock which was ahead had made too long, set right";
        registry.register("waits_pulled_back", help, metrics.pulled_back.clone());
        registry.register_with_unit(
            "disk_free",
            "Room on the disk of a file of SQLite",
            Unit::Bytes,
            metrics.disk_free.clone(),
        );
        Self { registry, ..metrics }
    }
}

impl Metrics {
    pub fn webhook_accepted(&self, provider: &'static str, outcome: &'static str) {
        self.accepted.get_or_create(&OfProvider { provider, outcome }).inc();
    }

    pub fn webhook_refused(&self, reason: &'static str) {
        self.refused.get_or_create(&Refused { reason }).inc();
    }

    pub fn append_batch(&self, appends: usize, took: Duration) {
        self.append_batch_size.observe(u32::try_from(appends).map_or(f64::MAX, f64::from));
        self.append_seconds.observe(took.as_secs_f64());
    }

    pub fn disk_free(&self, database: &'static str, bytes: u64) {
        self.disk_free.get_or_create(&OfDatabase { database }).set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    pub fn projector_lag(&self, view: &'static str, events: i64) {
        self.projector_lag.get_or_create(&OfView { view }).set(events);
    }

    pub(crate) fn process_lag(&self, process: &'static str, events: i64) {
        self.process_lag.get_or_create(&OfProcess { process }).set(events);
    }

    pub(crate) fn parked_events(&self, process: &'static str, events: i64) {
        self.parked_events.get_or_create(&OfProcess { process }).set(events);
    }

    pub fn attempt(&self, outcome: AttemptOutcome) {
        self.attempts.get_or_create(&OfOutcome { outcome: outcome.into() }).inc();
    }

    /// An event was sent to an endpoint, or was to be.
    pub(crate) fn dispatched(&self, outcome: DispatchOutcome) {
        self.dispatches.get_or_create(&OfOutcome { outcome: outcome.into() }).inc();
    }

    pub(crate) fn dispatch_queue_depth(&self, depth: i64) {
        self.dispatch_queue_depth.set(depth);
    }

    pub(crate) fn endpoints(&self, status: &'static str, count: i64) {
        self.endpoints.get_or_create(&OfStatus { status }).set(count);
    }

    /// An order was to be read at its store.
    pub(crate) fn order_read(&self, provider: &'static str, outcome: &'static str) {
        self.orders_read.get_or_create(&OfProvider { provider, outcome }).inc();
    }

    pub(crate) fn store_checked(&self, provider: &'static str, outcome: &'static str) {
        self.store_checks.get_or_create(&OfProvider { provider, outcome }).inc();
    }

    pub(crate) fn orders_compared(&self, provider: &'static str, outcome: &'static str) {
        self.store_comparisons.get_or_create(&OfProvider { provider, outcome }).inc();
    }

    pub(crate) fn order_reconciled(&self, provider: &'static str, outcome: &'static str) {
        self.orders_reconciled.get_or_create(&OfProvider { provider, outcome }).inc();
    }

    pub(crate) fn store_connected(&self, provider: &'static str, outcome: &'static str) {
        self.store_connections.get_or_create(&OfProvider { provider, outcome }).inc();
    }

    /// The clock of the machine was set `forward` or `back`.
    pub(crate) fn clock_set(&self, direction: &'static str) {
        self.clock_set.get_or_create(&Direction { direction }).inc();
    }

    pub(crate) fn pulled_back(&self) {
        self.pulled_back.inc();
    }

    pub fn queue_depth(&self, due: i64) {
        self.queue_depth.set(due);
    }

    /// The text that Prometheus scrapes.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string cannot fail");
        text
    }
}
