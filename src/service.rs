//! The service as a whole: how it starts and stops. Only commands and tests know it.

mod parts;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ipnet::IpNet;
use secrecy::{ExposeSecret as _, SecretString};
use storage::{Database, Durability};
use tokio::task::JoinSet;

use crate::api::http::Endpoints;
use crate::app::bootstrap::{NewAccount, bootstrap};
use crate::app::limits::Limits;
use crate::app::log_and_views::LogAndViews;
use crate::app::stores;
use crate::ingest::verification::Verification;
use crate::ingest::volume::Volumes;
use crate::metrics::Metrics;
use crate::ports::cortex::CortexClient;
use crate::ports::mail::{MailSetupError, Mailer};
use crate::ports::outbound::{OutboundClient, OutboundRules};
use crate::ports::stores::{ApiAddresses, StoreClient};
use crate::processes::Processes;
use crate::processes::retention::sweep::Sweeper;
use crate::projector::Projector;
use crate::runtimes::{Purpose, PurposeRuntime};
use crate::tasks::Tasks;
use event_log::clock::Clock;
use event_log::refusals::Refusals;
use event_log::vault::Vault;
use event_log::{Dependencies, EventLog, HeadListener};
use parts::{Parts, Ports};

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
