//! What the demonstration runs on: a Cortex Cloud sandbox and a server, with their data in a folder.

use chrono::TimeDelta;
use domain::store::GRACE;
use event_log::ids;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;

use anyhow::Context as _;
use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::api::http;
use crate::app::bootstrap::NewAccount;
use crate::app::limits::Limits;
use crate::cli::{Client, admin_key_file, bind, keep, own_url};
use crate::ingest::verification::Verification;
use crate::ports::outbound::OutboundRules;
use crate::ports::stores::ApiAddresses;
use crate::sandbox::{self, Sandbox, SandboxOptions};
use crate::service::{DEFAULT_LEASE, Service, ServiceOptions};
use crate::store_sandbox::{self, StoreSandbox};
use event_log::clock::Clock;
use event_log::sqlite_url;
use event_log::vault::Vault;

const USUAL_ADDRESS: &str = "127.0.0.1:8080";
const ANY_PORT: &str = "127.0.0.1:0";
const WORKERS: usize = 8;
/// How long ago the demonstration begins: what a store changed later may still be on its way here, and is not looked for yet.
const SLOW: TimeDelta = TimeDelta::minutes(6);
const _: () = assert!(SLOW.num_seconds() > GRACE.num_seconds());

pub(super) struct World {
    pub(super) sandbox: Sandbox,
    pub(super) stores: StoreSandbox,
    /// Of all of it. It begins slow, and [`World::let_time_pass`] sets it right.
    clock: Clock,
    pub(super) url: String,
    pub(super) admin_key: String,
    pub(super) admin: Client,
    service: Arc<Service>,
    serving: JoinHandle<anyhow::Result<()>>,
    _folder: Folder,
}

impl World {
    pub(super) async fn start(listen: Option<&str>, data_dir: Option<PathBuf>) -> anyhow::Result<Self> {
        let listener = listener(listen).await?;
        let url = own_url(listener.local_addr()?);
        let folder = Folder::new(data_dir);
        let clock = Clock::default();
        clock.set(-SLOW);
        let of_cortex = SandboxOptions { clock: clock.clone(), ..SandboxOptions::default() };
        let sandbox = sandbox::start(bind(ANY_PORT).await?, of_cortex)?;
        let stores = store_sandbox::start(bind(ANY_PORT).await?, clock.clone())?;
        let at_sandbox = || Some(stores.base_url().to_owned());
        let options = ServiceOptions {
            trusted_proxies: vec![],
            introspection: true,
            limits: Limits::default(),
            checkpoint_every: None,
            outbound: OutboundRules { allow_http: true, allowed: vec![IpNet::from_str("127.0.0.0/8")?], proxy: None },
            mail: None,
            log_url: sqlite_url(&folder.path.join("log.db"))?,
            views_url: sqlite_url(&folder.path.join("views.db"))?,
            cortex_url: sandbox.base_url().to_owned(),
            store_apis: ApiAddresses {
                shopify: Some(format!("{}/shopify/{{store}}", stores.base_url())),
                bigcommerce: at_sandbox(),
                square: at_sandbox(),
                ..ApiAddresses::default()
            },
            verification: Verification::default(),
            public_url: url.clone(),
            workers: WORKERS,
            lease: DEFAULT_LEASE,
        };
        let is_new = !folder.path.join("log.db").exists();
        let vault = Vault::from_file(&folder.path.join("master.key"), is_new)?;
        let service = Service::start(options, vault, clock.clone()).await?;
        let admin_key = admin_key(&service, &folder.path).await?;
        let serving = tokio::spawn(http::serve(service.endpoints(), listener, http::Bounds::default()));
        let admin = Client::new(&url, admin_key.as_str().into())?;
        Ok(Self { sandbox, stores, clock, url, admin_key, admin, service, serving, _folder: folder })
    }

    /// What happened until now was minutes ago. Called once: the clock is right from then on.
    pub(super) fn let_time_pass(&self) {
        self.clock.advance(SLOW);
    }

    pub(super) async fn stop(self) {
        self.service.begin_stopping();
        match self.serving.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "serving did not end well"),
            Err(error) => tracing::error!(%error, "serving ended in a panic"),
        }
        self.service.stop().await;
        self.sandbox.stop().await;
        self.stores.stop().await;
    }
}

/// The usual port is often taken, by a server of one's own for instance; the one that was asked for must be had.
async fn listener(listen: Option<&str>) -> anyhow::Result<TcpListener> {
    match listen {
        Some(address) => bind(address).await,
        None => match TcpListener::bind(USUAL_ADDRESS).await {
            Ok(listener) => Ok(listener),
            Err(_) => bind(ANY_PORT).await,
        },
    }
}

async fn admin_key(service: &Service, folder: &Path) -> anyhow::Result<String> {
    let path = admin_key_file(folder);
    let keep_it = |admin: &NewAccount| {
        keep(&path, &admin.api_key).with_context(|| format!("the key cannot be kept in {}", path.display()))
    };
    if let Some(admin) = service.bootstrap(keep_it).await? {
        return Ok(admin.api_key);
    }
    let key = std::fs::read_to_string(&path).with_context(|| {
        format!("the data folder has a log already, but no administrator's key in {}: choose another", path.display())
    })?;
    Ok(key.trim().to_owned())
}

/// The folder with the data, which goes away with this value unless it was asked for.
struct Folder {
    path: PathBuf,
    temporary: bool,
}

impl Folder {
    fn new(asked_for: Option<PathBuf>) -> Self {
        match asked_for {
            Some(path) => Self { path, temporary: false },
            // Made, for its owner alone, by the first file in it.
            None => {
                Self { path: std::env::temp_dir().join(format!("cloud-bridge-demo-{}", ids::fresh())), temporary: true }
            }
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.temporary
            && let Err(error) = std::fs::remove_dir_all(&self.path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(folder = %self.path.display(), %error, "the temporary folder is left behind");
        }
    }
}
