//! The service as a whole: what it is made of, what runs in the background, and how it starts and stops. Only commands and
//! tests know it: each part is given what it needs.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};
use storage::{Database, Durability};
use tokio::task::JoinSet;

use crate::api::graphql::{self, Settings};
use crate::api::http::Endpoints;
use crate::api::http::body::Bodies;
use crate::api::http::connect;
use crate::api::http::operations::Operations;
use crate::app::accounts::Accounts;
use crate::app::administration::Administration;
use crate::app::api_keys::ApiKeys;
use crate::app::bootstrap::{NewAccount, bootstrap};
use crate::app::changes::Changes;
use crate::app::commerce_events::CommerceEvents;
use crate::app::data_requests::DataRequests;
use crate::app::deliveries::Deliveries;
use crate::app::dispatches::Dispatches;
use crate::app::erasure::{Erasure, follow_traces};
use crate::app::events::Events;
use crate::app::identifiers::Identifiers;
use crate::app::integrations::Integrations;
use crate::app::limits::Limits;
use crate::app::links::Links;
use crate::app::log_and_views::LogAndViews;
use crate::app::operator_actions::OperatorActions;
use crate::app::products::Products;
use crate::app::publications::Publications;
use crate::app::receipts::Receipts;
use crate::app::stores::{self, Stores};
use crate::app::{App, disks, endpoints};
use crate::dispatcher::{self, Dispatcher};
use crate::ingest::Ingest;
use crate::ingest::verification::Verification;
use crate::ingest::volume::Volumes;
use crate::metrics::Metrics;
use crate::ports::cortex::CortexClient;
use crate::ports::mail::{MailSetupError, Mailer};
use crate::ports::outbound::{OutboundClient, OutboundRules};
use crate::ports::stores::{ApiAddresses, StoreClient};
use crate::processes::retention::sweep::Sweeper;
use crate::processes::{self, Processes};
use crate::projector::Projector;
use crate::replay::job::Replays;
use crate::runtimes::{Purpose, PurposeRuntime};
use crate::tasks::Tasks;
use crate::worker::Worker;
use crate::worker::deliveries;
use crate::worker::lease::Timing;
use crate::worker::order_reads::OrderReads;
use event_log::clock::Clock;
use event_log::progress::Progress;
use event_log::rates::Rates;
use event_log::refusals::Refusals;
use event_log::vault::{SecretKey, Vault};
use event_log::{Dependencies, EventLog, HeadListener};

/// How long a worker holds a delivery without a word, unless the operator says otherwise.
pub const DEFAULT_LEASE: Duration = Duration::from_mins(1);
pub const MIN_LEASE: Duration = Duration::from_secs(6);
/// How long a call to Cortex Cloud may take at most.
const MAX_CORTEX_TIMEOUT: Duration = Duration::from_secs(10);

/// Where the data is and how the service is reached.
#[derive(Clone, Debug)]
pub struct ServiceOptions {
    pub log_url: String,
    pub views_url: String,
    pub cortex_url: String,
    /// Where the APIs of stores are, if they are not the platforms' own.
    pub store_apis: ApiAddresses,
    /// How webhooks are known as their stores'.
    pub verification: Verification,
    /// The address under which stores reach this service, without a slash at the end.
    pub public_url: String,
    /// Deliveries that are worked on at the same time; 0 for a node that only takes webhooks and questions.
    pub workers: usize,
    /// How long a worker holds a delivery without a word: so long a delivery rests when its worker died.
    pub lease: Duration,
    /// Proxies that are believed for whom they ask.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether API keys are shown the schema of the API.
    pub introspection: bool,
    /// What an account may have at most.
    pub limits: Limits,
    /// How long after a checkpoint the next one is signed, if there is something new; never by itself where none is given.
    pub checkpoint_every: Option<Duration>,
    /// Which endpoints may be called, beyond https to public addresses.
    pub outbound: OutboundRules,
    /// How accounts are written to about their endpoints; they are not where none is given.
    pub mail: Option<MailOptions>,
}

/// The mail server, and the sender.
#[derive(Clone, Debug)]
pub struct MailOptions {
    /// It may hold a password.
    pub smtp_url: SecretString,
    pub from: String,
}

impl MailOptions {
    fn mailer(&self) -> Result<Mailer, MailSetupError> {
        Mailer::new(self.smtp_url.expose_secret(), &self.from)
    }
}

impl ServiceOptions {
    /// How long a call to Cortex Cloud may take. Short beside the lease, which is renewed before a call might outlive it.
    fn cortex_timeout(&self) -> Duration {
        (self.lease / 6).min(MAX_CORTEX_TIMEOUT)
    }
}

/// Everything that is open.
pub struct Service {
    pub data: LogAndViews,
    pub clock: Clock,
    pub refusals: Arc<Refusals>,
    /// What erases by itself what was kept for long enough.
    pub sweeper: Arc<Sweeper>,
    /// What follows from what happened.
    pub processes: Arc<Processes>,
    volumes: Arc<Volumes>,
    endpoints: Endpoints,
    tasks: Tasks,
    /// Ended where they are: everything they do can be done again.
    followers: tokio::sync::Mutex<JoinSet<()>>,
    listener: HeadListener,
    /// Kept: threads of a runtime end with it.
    _runtimes: [PurposeRuntime; 3],
}

impl Service {
    pub async fn start(options: ServiceOptions, vault: Vault, clock: Clock) -> anyhow::Result<Arc<Self>> {
        // First, so that a start that cannot work leaves nothing behind.
        let outbound =
            OutboundClient::new(options.outbound.clone(), clock.clone()).context("the proxy to endpoints")?;
        let mailer = options.mail.as_ref().map(MailOptions::mailer).transpose().context("the mail server")?;
        let metrics = Arc::new(Metrics::default());
        let observed = metrics.clone();
        let observer = Arc::new(move |appends, took| observed.append_batch(appends, took));
        let dependencies = Dependencies { vault, clock: clock.clone(), observer };
        let log = EventLog::open(&options.log_url, dependencies).await?;
        let runtime = PurposeRuntime::start(Purpose::Background).context("background threads cannot be started")?;
        let api_runtime = PurposeRuntime::start(Purpose::Api).context("threads for the API cannot be started")?;
        let sending = PurposeRuntime::start(Purpose::Dispatch).context("threads for sending cannot be started")?;
        // Opened there, so that what writes the views runs there too.
        let views_url = options.views_url.clone();
        let opened = runtime.handle().spawn(async move { Database::open(&views_url, Durability::Rebuildable).await });
        let views = opened.await?.context("the views cannot be opened")?;
        projections::views::migrate(&views).await?;
        let projector = Projector::start(&log, &views, &runtime.handle()).await?;
        let cortex =
            CortexClient::new(&options.cortex_url, options.cortex_timeout()).context("the address of Cortex Cloud")?;
        let stores = StoreClient::new(&options.store_apis, outbound.clone(), clock.clone())
            .context("the address of a store's API")?;
        let ports = Ports { cortex, stores, outbound, mailer };
        let tasks = Tasks::new(runtime.handle());
        let data = LogAndViews { log, views, projector };
        let link_key = data.log.shared_key(stores::KEY_NAME).await.context("the key of links to connect stores")?;
        let parts = Parts::new(data, &options, (ports, link_key), metrics, tasks);
        let endpoints = parts.endpoints(&options, &api_runtime);
        let listener = HeadListener::start(&parts.data.log);
        let followers = parts.start_followers(&runtime).into();
        parts.start_tasks(&options);
        parts.start_dispatcher(&options, &sending);
        Ok(Arc::new(Self {
            data: parts.data,
            clock,
            refusals: parts.refusals,
            sweeper: parts.sweeper,
            processes: parts.processes,
            volumes: parts.volumes,
            endpoints,
            tasks: parts.tasks,
            followers,
            listener,
            _runtimes: [runtime, api_runtime, sending],
        }))
    }

    /// What is served: see [`crate::api::http::serve`].
    pub fn endpoints(&self) -> Endpoints {
        self.endpoints.clone()
    }

    /// On an empty log: opens the administrator's account. See [`bootstrap`].
    pub async fn bootstrap(
        &self,
        show: impl FnOnce(&NewAccount) -> anyhow::Result<()>,
    ) -> anyhow::Result<Option<NewAccount>> {
        bootstrap(&self.data, show).await
    }

    /// Lets everything know that it is to end, without waiting for it.
    pub fn begin_stopping(&self) {
        self.tasks.begin_stopping();
    }

    /// Finishes or hands back what is held, writes what was accepted, and closes. Call it once no request is served.
    pub async fn stop(&self) {
        self.tasks.stop().await;
        self.followers.lock().await.shutdown().await;
        self.listener.stop();
        if let Err(error) = self.refusals.write(&self.data.log).await {
            tracing::warn!(%error, "the last refused webhooks could not be counted");
        }
        if let Err(error) = self.volumes.write(&self.data.log).await {
            tracing::warn!(%error, "what accounts have stored today could not be counted to the end");
        }
        self.data.projector.stop().await;
        self.data.log.close().await;
        self.data.views.close().await;
    }
}

/// What is called.
struct Ports {
    cortex: CortexClient,
    stores: StoreClient,
    outbound: OutboundClient,
    mailer: Option<Mailer>,
}

/// What the service is made of, before anything runs.
struct Parts {
    data: LogAndViews,
    links: Links,
    integrations: Integrations,
    stores: Stores,
    changes: Changes,
    refusals: Arc<Refusals>,
    rates: Arc<Rates>,
    volumes: Arc<Volumes>,
    erasure: Erasure,
    sweeper: Arc<Sweeper>,
    processes: Arc<Processes>,
    ports: Ports,
    metrics: Arc<Metrics>,
    /// Whether the queue goes on.
    working: Progress,
    /// Whether orders are read at their stores.
    reading: Progress,
    /// Whether those are that are only published.
    reading_published: Progress,
    /// Whether events are sent.
    dispatching: Progress,
    tasks: Tasks,
}

impl Parts {
    fn new(
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
        let of_stores = (ports.stores.clone(), options.verification.apps.clone(), metrics.clone());
        let stores = Stores::new(integrations.clone(), of_stores, link_key, public_url);
        Self {
            links,
            integrations,
            stores,
            changes: Changes::default(),
            refusals: Arc::default(),
            rates: Arc::default(),
            volumes: Arc::new(Volumes::new(options.limits.daily_bytes)),
            sweeper: Arc::new(Sweeper::new(erasure.clone())),
            erasure,
            processes: Arc::default(),
            working: Progress::default(),
            reading: Progress::default(),
            reading_published: Progress::default(),
            dispatching: Progress::default(),
            data,
            ports,
            metrics,
            tasks,
        }
    }

    fn endpoints(&self, options: &ServiceOptions, api_runtime: &PurposeRuntime) -> Endpoints {
        let public_url = options.public_url.trim_end_matches('/').to_owned();
        let api_keys = Arc::new(ApiKeys::new(self.data.clone(), self.rates.clone()));
        let bodies = Arc::new(Bodies::default());
        let ingest = Ingest {
            log: self.data.log.clone(),
            links: self.links.clone(),
            api_keys: api_keys.clone(),
            refusals: self.refusals.clone(),
            volumes: self.volumes.clone(),
            metrics: self.metrics.clone(),
            bodies: bodies.clone(),
            public_url: public_url.clone(),
            verification: options.verification.clone(),
            failures: Ingest::failures(),
        };
        let operations = Operations {
            data: self.data.clone(),
            processes: self.processes.clone(),
            working: self.working.clone(),
            reading: self.reading.clone(),
            reading_published: self.reading_published.clone(),
            dispatching: self.dispatching.clone(),
            metrics: self.metrics.clone(),
            tasks: self.tasks.clone(),
            log_probe: disks::Probe::default(),
            views_probe: disks::Probe::default(),
        };
        let data = || self.data.clone();
        let identifiers = Identifiers::new(data());
        let app = App {
            data: data(),
            api_keys: api_keys.clone(),
            accounts: Accounts::new(data(), options.limits, self.ports.cortex.clone()),
            integrations: self.integrations.clone(),
            stores: self.stores.clone(),
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
            dispatches: Dispatches::new(data(), api_keys.clone(), self.changes.clone()),
            products: Products::new(data(), self.links.clone()),
            publications: Publications::new(data(), self.links.clone()),
            endpoints: endpoints::Endpoints::new(
                data(),
                (self.links.clone(), identifiers.clone()),
                options.limits,
                api_keys.clone(),
                self.ports.outbound.clone(),
            ),
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
            webhooks: ingest.router(),
            connect: connect::routes(self.stores.clone()),
            api: graphql::api(Arc::new(app), settings),
            operations: Arc::new(operations),
            bodies,
            trusted_proxies: options.trusted_proxies.clone().into(),
            tasks: self.tasks.clone(),
        }
    }

    /// What keeps counts, caches and leases current.
    fn start_followers(&self, runtime: &PurposeRuntime) -> JoinSet<()> {
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
    fn start_tasks(&self, options: &ServiceOptions) {
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
    fn start_dispatcher(&self, options: &ServiceOptions, runtime: &PurposeRuntime) {
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
