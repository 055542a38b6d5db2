//! The service as a whole: what is open, what runs in the background, and how it starts and stops.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use domain::AccountId;
use domain::account::{Account, AccountCommand, DEFAULT_ATTEMPTS_PER_MINUTE, Role};
use ipnet::IpNet;
use projections::accounts::{self, ApiKeyRow};
use storage::{Database, Durability};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::api::http::body::Bodies;
use crate::app::changes::Changes;
use crate::app::disks::{self, Probe};
use crate::app::erasure::traces::{self, Traces};
use crate::app::integrations::Integrations;
use crate::app::keys;
use crate::app::limits::Limits;
use crate::app::master_keys::Rotation;
use crate::app::rates::Rates;
use crate::ingest::volume::Volumes;
use crate::metrics::Metrics;
use crate::ports::cortex::CortexClient;
use crate::processes::retention::sweep::Retention;
use crate::processes::{self, Processes};
use crate::projector::Projector;
use crate::replay::job::Replays;
use crate::runtimes::{Purpose, PurposeRuntime};
use crate::worker::Worker;
use crate::worker::deliveries::{Deliveries, Timing};
use event_log::clock::Clock;
use event_log::progress::Progress;
use event_log::recurring::Recurring;
use event_log::refusals::Refusals;
use event_log::vault::Vault;
use event_log::{Actor, Dependencies, EventLog, HeadListener};

/// How long a worker holds a delivery without a word, unless the operator says otherwise.
pub const DEFAULT_LEASE: Duration = Duration::from_mins(1);
pub const MIN_LEASE: Duration = Duration::from_secs(6);
/// Stories that are folded to a moment of the past at a time.
const PAST_AT_A_TIME: usize = 2;
/// How long a call to Cortex Cloud may take at most.
const MAX_CORTEX_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a command waits for the views to show what it did.
pub const VIEWS_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the data is and how the service is reached.
#[derive(Clone, Debug)]
pub struct ServiceOptions {
    pub log_url: String,
    pub views_url: String,
    pub cortex_url: String,
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
}

impl ServiceOptions {
    /// How long a call to Cortex Cloud may take. Short beside the lease, which is renewed before a call might outlive it.
    fn cortex_timeout(&self) -> Duration {
        (self.lease / 6).min(MAX_CORTEX_TIMEOUT)
    }
}

/// Everything that is open. Shared by all doors.
pub struct Service {
    pub log: EventLog,
    pub views: Database,
    pub projector: Projector,
    pub integrations: Integrations,
    pub changes: Changes,
    pub refusals: Arc<Refusals>,
    pub rates: Arc<Rates>,
    /// What accounts have stored today.
    pub volumes: Arc<Volumes>,
    pub rotation: Rotation,
    pub replays: Replays,
    pub retention: Retention,
    pub metrics: Arc<Metrics>,
    pub clock: Clock,
    pub public_url: String,
    pub(crate) introspection: bool,
    pub(crate) limits: Limits,
    /// Bodies of requests that are in memory.
    pub(crate) bodies: Bodies,
    /// Whether log and views could be written.
    pub(crate) log_probe: Probe,
    pub(crate) views_probe: Probe,
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// To try logins with; deliveries are the worker's.
    pub(crate) cortex: CortexClient,
    /// What follows from what happened.
    pub processes: Processes,
    /// How long after a checkpoint this node signs the next one by itself, if it does.
    pub(crate) checkpoint_every: Option<Duration>,
    /// Whether the queue goes on.
    pub(crate) working: Progress,
    /// What erasures leave in the files.
    pub(crate) traces: Traces,
    /// Places for reading what was, of all callers together.
    pub(crate) past: Semaphore,
    /// Of webhooks and requests that come while the databases are away: all of them.
    pub(crate) ingest_failures: Recurring,
    pub(crate) key_failures: Recurring,
    stopping: watch::Sender<bool>,
    background: tokio::sync::Mutex<Background>,
    runtime: PurposeRuntime,
    api_runtime: PurposeRuntime,
}

#[derive(Default)]
struct Background {
    /// Asked to stop, and waited for: they hold deliveries or leases, or have yet to record how far they came.
    workers: JoinSet<()>,
    /// Ended where they are: everything they do can be done again.
    followers: JoinSet<()>,
    listener: Option<HeadListener>,
}

impl Service {
    pub async fn start(options: ServiceOptions, vault: Vault, clock: Clock) -> anyhow::Result<Arc<Self>> {
        let metrics = Arc::new(Metrics::default());
        let observed = metrics.clone();
        let observer = Arc::new(move |appends, statements, took| observed.append_batch(appends, statements, took));
        let dependencies = Dependencies { vault, clock: clock.clone(), observer };
        let log = EventLog::open(&options.log_url, dependencies).await?;
        let runtime = PurposeRuntime::start(Purpose::Background).context("background threads cannot be started")?;
        let api_runtime = PurposeRuntime::start(Purpose::Api).context("threads for the API cannot be started")?;
        // Opened there, so that what writes the views runs there too.
        let views_url = options.views_url.clone();
        let opened = runtime.handle().spawn(async move { Database::open(&views_url, Durability::Rebuildable).await });
        let views = opened.await?.context("the views cannot be opened")?;
        projections::views::migrate(&views).await.context("the schema of the views cannot be brought up to date")?;
        let projector = Projector::start(&log, &views, &runtime.handle()).await?;
        let cortex =
            CortexClient::new(&options.cortex_url, options.cortex_timeout()).context("the address of Cortex Cloud")?;
        let service = Arc::new(Self {
            integrations: Integrations::new(&log),
            changes: Changes::default(),
            refusals: Arc::new(Refusals::default()),
            rates: Arc::default(),
            volumes: Arc::default(),
            rotation: Rotation::default(),
            replays: Replays::default(),
            retention: Retention::default(),
            public_url: options.public_url.trim_end_matches('/').to_owned(),
            introspection: options.introspection,
            limits: options.limits,
            bodies: Bodies::default(),
            log_probe: Probe::default(),
            views_probe: Probe::default(),
            trusted_proxies: options.trusted_proxies.clone(),
            cortex: cortex.clone(),
            processes: Processes::default(),
            checkpoint_every: options.checkpoint_every,
            working: Progress::default(),
            traces: Traces::default(),
            stopping: watch::Sender::new(false),
            background: tokio::sync::Mutex::default(),
            runtime,
            api_runtime,
            past: Semaphore::new(PAST_AT_A_TIME),
            ingest_failures: Recurring::new("webhooks are not stored"),
            key_failures: Recurring::new("API keys cannot be looked up"),
            log,
            views,
            projector,
            metrics,
            clock,
        });
        service.start_background(cortex, &options).await;
        Ok(service)
    }

    async fn start_background(self: &Arc<Self>, cortex: CortexClient, options: &ServiceOptions) {
        let runtime = self.runtime.handle();
        let mut background = self.background.lock().await;
        background.listener = Some(HeadListener::start(&self.log));
        let log = self.log.clone();
        background.followers.spawn(async move { log.follow_other_nodes().await });
        let (changes, log, views, projector) =
            (self.changes.clone(), self.log.clone(), self.views.clone(), self.projector.clone());
        background.followers.spawn_on(async move { changes.follow(&log, &views, &projector).await }, &runtime);
        let (refusals, log) = (self.refusals.clone(), self.log.clone());
        background.followers.spawn(async move { refusals.keep_writing(&log).await });
        let (volumes, log, limit) = (self.volumes.clone(), self.log.clone(), self.limits.daily_bytes);
        background.followers.spawn(async move { volumes.keep_writing(&log, limit).await });
        let service = self.clone();
        background.followers.spawn(async move { processes::keep_leases(&service).await });
        processes::start(self, &mut background.workers, &runtime);
        let service = self.clone();
        background.followers.spawn_on(async move { traces::follow(&service).await }, &runtime);
        let service = self.clone();
        background.followers.spawn_on(async move { disks::follow(&service).await }, &runtime);
        let (clock, metrics) = (self.clock.clone(), self.metrics.clone());
        background.followers.spawn(async move { clock.follow(|direction| metrics.clock_set(direction)).await });
        if options.workers > 0 {
            let timing = Timing { lease: options.lease, call: options.cortex_timeout() };
            let worker = Worker {
                work: Arc::new(Deliveries::new(self.clone(), cortex, timing)),
                concurrency: options.workers,
                log: self.log.clone(),
                clock: self.clock.clone(),
                rates: self.rates.clone(),
                progress: self.working.clone(),
                changes: self.projector.changes(),
                stopping: self.stopping(),
            };
            background.workers.spawn_on(worker.run(), &runtime);
        }
    }

    /// Runs something in the background that ends soon after the service begins to stop, and is waited for.
    pub(crate) async fn run_until_stopped(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut background = self.background.lock().await;
        // What has ended is not kept.
        while background.workers.try_join_next().is_some() {}
        background.workers.spawn_on(task, &self.runtime.handle());
    }

    /// Where requests to the API are executed.
    pub(crate) fn api_runtime(&self) -> tokio::runtime::Handle {
        self.api_runtime.handle()
    }

    /// Becomes true when the service is to stop.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Tells everything to come to an end, without waiting for it.
    pub fn begin_stopping(&self) {
        self.stopping.send_replace(true);
    }

    /// Finishes or hands back what is held, writes what was accepted, and closes. Call it once no request is served.
    pub async fn stop(&self) {
        self.begin_stopping();
        let mut background = std::mem::take(&mut *self.background.lock().await);
        while background.workers.join_next().await.is_some() {}
        background.followers.shutdown().await;
        if let Some(listener) = background.listener {
            listener.stop();
        }
        if let Err(error) = self.refusals.write(&self.log).await {
            tracing::warn!(%error, "the last refused webhooks could not be counted");
        }
        if let Err(error) = self.volumes.write(&self.log, self.limits.daily_bytes).await {
            tracing::warn!(%error, "what accounts have stored today could not be counted to the end");
        }
        self.projector.stop().await;
        self.log.close().await;
        self.views.close().await;
    }

    /// The key as it is recorded, active or not. One that is not found is looked for again once the view has caught up:
    /// a view that is folded for the first time must not lock anybody out.
    pub async fn api_key(&self, key: &str) -> anyhow::Result<Option<ApiKeyRow>> {
        if self.projector.of_other_log().contains(&accounts::VIEW) {
            bail!("the accounts are of another event log, and are being rebuilt");
        }
        let hash = keys::hash(key);
        if let Some(row) = accounts::key_by_hash(&self.views, &hash).await? {
            return Ok(Some(row));
        }
        if !self.projector.wait_for(&[accounts::VIEW], self.log.head(), VIEWS_TIMEOUT).await {
            bail!("the accounts are too far behind");
        }
        Ok(accounts::key_by_hash(&self.views, &hash).await?)
    }

    /// Waits until the views hold the event at `position`, so that people find what they did.
    pub async fn wait_for_views(&self, position: Option<i64>) {
        let Some(position) = position else { return };
        if !self.projector.wait_for_moving(position, VIEWS_TIMEOUT).await {
            tracing::warn!(position, "the views are too far behind to wait for");
        }
    }

    /// On an empty log: opens the administrator's account. `show` gets the key, which is known this once, before anything
    /// is recorded: a key that was shown and never recorded opens nothing, one that was recorded and never shown locks out.
    pub async fn bootstrap(
        &self,
        show: impl FnOnce(&NewAccount) -> anyhow::Result<()>,
    ) -> anyhow::Result<Option<NewAccount>> {
        if self.log.head() > 0 {
            return Ok(None);
        }
        // Always the same, so that of several nodes that start on an empty log only one opens it.
        let account_id = AccountId(Uuid::new_v5(&Uuid::NAMESPACE_OID, b"cloud-bridge administrator"));
        let (api_key, record) = keys::new_key("First key of the administrator", Role::Admin);
        let account = NewAccount { account_id, api_key };
        show(&account)?;
        let open = AccountCommand::Open {
            name: "Administrator".to_owned(),
            attempts_per_minute: DEFAULT_ATTEMPTS_PER_MINUTE,
            first_key: Some(record),
        };
        let opened = self.log.execute::<Account>(&account_id.to_string(), open, &Actor::System).await?;
        if opened.events.is_empty() {
            tracing::warn!("another node opened the administrator's account first: the key that it showed is the one");
            return Ok(None);
        }
        self.wait_for_views(opened.position).await;
        Ok(Some(account))
    }
}

pub struct NewAccount {
    pub account_id: AccountId,
    pub api_key: String,
}
