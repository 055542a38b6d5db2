//! What the service is made of: each part is given what it needs, and those that run by themselves are started.

use std::sync::Arc;

use tokio::task::JoinSet;

use crate::api::graphql::{self, Settings};
use crate::api::http::Endpoints;
use crate::api::http::body::Bodies;
use crate::api::http::connect;
use crate::api::http::operations::Operations;
use crate::app::accounts::Accounts;
use crate::app::administration::Administration;
use crate::app::api_keys::ApiKeys;
use crate::app::changes::Changes;
use crate::app::commerce_events::CommerceEvents;
use crate::app::data_requests::DataRequests;
use crate::app::deliveries::Deliveries;
use crate::app::dispatches::Dispatches;
use crate::app::erasure::{Erasure, follow_traces};
use crate::app::events::Events;
use crate::app::identifiers::Identifiers;
use crate::app::instances::Instances;
use crate::app::integrations::Integrations;
use crate::app::links::Links;
use crate::app::log_and_views::LogAndViews;
use crate::app::operator_actions::OperatorActions;
use crate::app::products::Products;
use crate::app::publications::Publications;
use crate::app::receipts::Receipts;
use crate::app::stores::{Stores, Watching};
use crate::app::{App, disks, endpoints};
use crate::dispatcher::{self, Dispatcher};
use crate::ingest::Ingest;
use crate::ingest::volume::Volumes;
use crate::metrics::Metrics;
use crate::ports::cortex::CortexClient;
use crate::ports::mail::Mailer;
use crate::ports::outbound::OutboundClient;
use crate::ports::stores::StoreClient;
use crate::processes::retention::sweep::Sweeper;
use crate::processes::{self, Processes};
use crate::replay::job::Replays;
use crate::runtimes::PurposeRuntime;
use crate::tasks::Tasks;
use crate::worker::Worker;
use crate::worker::deliveries;
use crate::worker::lease::Timing;
use crate::worker::order_reads::OrderReads;
use crate::worker::stores::{AT_ONCE, StoreWork};
use event_log::progress::Progress;
use event_log::rates::Rates;
use event_log::refusals::Refusals;
use event_log::vault::SecretKey;

use super::ServiceOptions;

/// What is called.
pub(super) struct Ports {
    pub(super) cortex: CortexClient,
    pub(super) stores: StoreClient,
    pub(super) outbound: OutboundClient,
    pub(super) mailer: Option<Mailer>,
}

/// What the service is made of, before anything runs.
pub(super) struct Parts {
    pub(super) data: LogAndViews,
    links: Links,
    integrations: Integrations,
    stores: Stores,
    ingest: Arc<Ingest>,
    changes: Changes,
    pub(super) refusals: Arc<Refusals>,
    rates: Arc<Rates>,
    pub(super) volumes: Arc<Volumes>,
    erasure: Erasure,
    pub(super) sweeper: Arc<Sweeper>,
    pub(super) processes: Arc<Processes>,
    ports: Ports,
    metrics: Arc<Metrics>,
    /// Whether the queue goes on.
    working: Progress,
    /// Whether orders are read at their stores.
    reading: Progress,
    /// Whether those are that are only published.
    reading_published: Progress,
    /// Whether what is due at connected stores is done.
    at_stores: Progress,
    /// Whether events are sent.
    dispatching: Progress,
    pub(super) tasks: Tasks,
}

impl Parts {
    pub(super) fn new(
        data: LogAndViews,
        options: &ServiceOptions,
        (ports, link_key): (Ports, SecretKey),
        metrics: Arc<Metrics>,
        tasks: Tasks,
    ) -> Self {
        let erasure = Erasure::new(data.clone());
        let links = Links::new(&data.log);
        let public_url = options.public_url.trim_end_matches('/').to_owned();
        let identifiers = Identifiers::new(data.clone());
        let integrations =
            Integrations::new(data.clone(), links.clone(), options.limits, identifiers, public_url.clone());
        let of_stores = (ports.stores.clone(), options.verification.clone(), metrics.clone());
        let stores = Stores::new(integrations.clone(), of_stores, link_key, public_url.clone());
        let (rates, refusals) = (Arc::<Rates>::default(), Arc::<Refusals>::default());
        let volumes = Arc::new(Volumes::new(options.limits.daily_bytes));
        let ingest = Arc::new(Ingest {
            log: data.log.clone(),
            links: links.clone(),
            api_keys: Arc::new(ApiKeys::new(data.clone(), rates.clone())),
            refusals: refusals.clone(),
            volumes: volumes.clone(),
            metrics: metrics.clone(),
            bodies: Arc::new(Bodies::default()),
            public_url,
            verification: options.verification.clone(),
            failures: Ingest::failures(),
        });
        Self {
            ingest,
            links,
            integrations,
            stores,
            changes: Changes::default(),
            refusals,
            rates,
            volumes,
            sweeper: Arc::new(Sweeper::new(erasure.clone())),
            erasure,
            processes: Arc::default(),
            working: Progress::default(),
            reading: Progress::default(),
            reading_published: Progress::default(),
            at_stores: Progress::default(),
            dispatching: Progress::default(),
            data,
            ports,
            metrics,
            tasks,
        }
    }

    pub(super) fn endpoints(&self, options: &ServiceOptions, api_runtime: &PurposeRuntime) -> Endpoints {
        let public_url = options.public_url.trim_end_matches('/').to_owned();
        let api_keys = self.ingest.api_keys.clone();
        let operations = Operations {
            data: self.data.clone(),
            processes: self.processes.clone(),
            working: self.working.clone(),
            reading: self.reading.clone(),
            reading_published: self.reading_published.clone(),
            at_stores: self.at_stores.clone(),
            dispatching: self.dispatching.clone(),
            metrics: self.metrics.clone(),
            tasks: self.tasks.clone(),
            log_probe: disks::Probe::default(),
            views_probe: disks::Probe::default(),
        };
        let data = || self.data.clone();
        let identifiers = Identifiers::new(data());
        let dispatches = Arc::new(Dispatches::new(data(), api_keys.clone(), self.changes.clone()));
        let endpoints = Arc::new(endpoints::Endpoints::new(
            data(),
            (self.links.clone(), identifiers.clone()),
            options.limits,
            api_keys.clone(),
            self.ports.outbound.clone(),
        ));
        let app = App {
            data: data(),
            api_keys: api_keys.clone(),
            accounts: Accounts::new(data(), options.limits, self.ports.cortex.clone()),
            integrations: self.integrations.clone(),
            stores: self.stores.clone(),
            watching_stores: Watching { api_keys: api_keys.clone(), changes: self.changes.clone() },
            deliveries: Deliveries::new(
                data(),
                api_keys.clone(),
                self.changes.clone(),
                identifiers.clone(),
                self.links.clone(),
            ),
            identifiers: identifiers.clone(),
            receipts: Receipts::new(data(), self.links.clone(), self.refusals.clone()),
            commerce_events: CommerceEvents::new(data(), self.links.clone()),
            dispatches: dispatches.clone(),
            products: Products::new(data(), self.links.clone()),
            publications: Publications::new(data(), self.links.clone()),
            instances: Instances::new(
                data(),
                (self.integrations.clone(), self.stores.clone()),
                (endpoints.clone(), dispatches),
            ),
            endpoints,
            sends_mail: self.ports.mailer.is_some(),
            events: Events::new(data()),
            operator_actions: OperatorActions::new(data()),
            data_requests: DataRequests::new(data(), self.links.clone()),
            erasure: self.erasure.clone(),
            replays: Arc::new(Replays::new(data(), self.links.clone(), self.tasks.clone())),
            administration: Administration::new(data(), self.processes.clone()),
            public_url,
        };
        let settings = Settings { introspection: options.introspection, runtime: api_runtime.handle() };
        Endpoints {
            webhooks: self.ingest.clone().router(),
            connect: connect::routes(self.stores.clone()),
            api: graphql::api(Arc::new(app), settings),
            operations: Arc::new(operations),
            bodies: self.ingest.bodies.clone(),
            trusted_proxies: options.trusted_proxies.clone().into(),
            tasks: self.tasks.clone(),
        }
    }

    /// What keeps counts, caches and leases current.
    pub(super) fn start_followers(&self, runtime: &PurposeRuntime) -> JoinSet<()> {
        let mut followers = JoinSet::new();
        let runtime = runtime.handle();
        let log = self.data.log.clone();
        followers.spawn(async move { log.follow_other_nodes().await });
        let (changes, data) = (self.changes.clone(), self.data.clone());
        followers.spawn_on(async move { changes.follow(&data).await }, &runtime);
        let (refusals, log) = (self.refusals.clone(), self.data.log.clone());
        followers.spawn(async move { refusals.keep_writing(&log).await });
        let (volumes, log) = (self.volumes.clone(), self.data.log.clone());
        followers.spawn(async move { volumes.keep_writing(&log).await });
        let (processes, log) = (self.processes.clone(), self.data.log.clone());
        followers.spawn(async move { processes::keep_leases(&log, &processes).await });
        let erasure = self.erasure.clone();
        followers.spawn_on(async move { follow_traces(&erasure).await }, &runtime);
        let data = self.data.clone();
        followers.spawn_on(async move { disks::follow(&data).await }, &runtime);
        let (clock, metrics) = (self.data.clock().clone(), self.metrics.clone());
        followers.spawn(async move { clock.follow(|direction| metrics.clock_set(direction)).await });
        followers
    }

    /// What acts: process managers, and the workers.
    pub(super) fn start_tasks(&self, options: &ServiceOptions) {
        processes::start(&processes::Dependencies {
            data: self.data.clone(),
            erasure: self.erasure.clone(),
            stores: self.stores.clone(),
            sweeper: self.sweeper.clone(),
            processes: self.processes.clone(),
            checkpoint_every: options.checkpoint_every,
            mailer: self.ports.mailer.clone(),
            tasks: self.tasks.clone(),
        });
        if options.workers == 0 {
            return;
        }
        let needs = deliveries::Dependencies {
            data: self.data.clone(),
            links: self.links.clone(),
            cortex: self.ports.cortex.clone(),
            stores: self.ports.stores.clone(),
            metrics: self.metrics.clone(),
            tasks: self.tasks.clone(),
        };
        let timing = Timing { lease: options.lease, call: options.cortex_timeout() };
        let deliveries = Arc::new(deliveries::Deliveries::new(needs, timing));
        let fetches = Arc::new(deliveries::Fetches(deliveries.clone()));
        self.tasks.spawn(self.worker(deliveries, options.workers, &self.working).run());
        let ports = (self.ports.stores.clone(), self.metrics.clone());
        let node = self.processes.node().to_owned();
        let order_reads = Arc::new(OrderReads::new(self.data.clone(), self.links.clone(), ports, node));
        self.tasks.spawn(self.worker(fetches, options.workers, &self.reading).run());
        self.tasks.spawn(self.worker(order_reads, options.workers, &self.reading_published).run());
        let parts = (self.ports.stores.clone(), self.ingest.clone(), self.metrics.clone());
        let stores = StoreWork::new(self.data.clone(), (self.links.clone(), self.stores.clone()), parts);
        self.tasks.spawn(self.worker(Arc::new(stores), AT_ONCE, &self.at_stores).run());
    }

    fn worker<W>(&self, work: Arc<W>, concurrency: usize, progress: &Progress) -> Worker<W> {
        Worker {
            work,
            concurrency,
            log: self.data.log.clone(),
            clock: self.data.clock().clone(),
            rates: self.rates.clone(),
            progress: progress.clone(),
            changes: self.data.projector.work_changes(),
            stopping: self.tasks.stopping(),
        }
    }

    /// What sends events to endpoints.
    pub(super) fn start_dispatcher(&self, options: &ServiceOptions, runtime: &PurposeRuntime) {
        if options.workers == 0 {
            return;
        }
        let dispatcher = Dispatcher::new(dispatcher::Dependencies {
            data: self.data.clone(),
            client: self.ports.outbound.clone(),
            metrics: self.metrics.clone(),
            node: self.processes.node().to_owned(),
            progress: self.dispatching.clone(),
            stopping: self.tasks.stopping(),
        });
        self.tasks.spawn_on(dispatcher.run(), &runtime.handle());
    }
}
