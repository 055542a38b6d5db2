//! `cloud-bridge serve`: the service, until it is stopped.

mod apps;
mod outbound;
mod webhooks;

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use clap::builder::FalseyValueParser;
use ipnet::IpNet;
use reqwest::Url;
use serde_json::json;
use tokio::net::TcpListener;

use super::databases::DatabaseArgs;
use super::output;
use super::shutdown::asked_to_stop;
use crate::api::http;
use crate::app::limits::Limits;
use crate::service::{DEFAULT_LEASE, MIN_LEASE, Service, ServiceOptions};
use event_log::clock::Clock;
use event_log::vault;
use outbound::OutboundArgs;
use webhooks::WebhookArgs;

/// Run the service: take webhooks, deliver orders, answer GraphQL
///
/// The first start makes what it needs in the data folder: the event log, its master key, and an administrator's account.
/// The administrator's API key is printed once and, with the log in the data folder, kept beside it as admin.key for the
/// other commands. Keep a copy of master.key apart from the data: without it what customers ordered cannot be read.
///
/// SIGINT and SIGTERM stop the service after it has answered what it took on; a second one ends it at once.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Serve {
    /// Address and port to listen on
    #[arg(long, env = "CLOUD_BRIDGE_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: String,
    /// Address under which stores reach this service [default: the address it listens on]
    #[arg(long, env = "CLOUD_BRIDGE_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// Cortex Cloud, or what speaks its protocol (docs/cortex-protocol.md); the default is where the sandbox listens
    #[arg(long, env = "CLOUD_BRIDGE_CORTEX_URL", value_name = "URL", default_value = "http://127.0.0.1:4000")]
    cortex_url: String,
    /// Deliveries that are worked on at the same time; 0 for a node that only takes webhooks and serves the API
    #[arg(long, env = "CLOUD_BRIDGE_WORKERS", value_name = "N", default_value_t = 4)]
    workers: usize,
    /// How long a delivery rests when the worker that held it died, in seconds
    #[arg(long, env = "CLOUD_BRIDGE_LEASE_SECONDS", value_name = "SECONDS", default_value_t = DEFAULT_LEASE.as_secs(), value_parser = clap::value_parser!(u64).range(MIN_LEASE.as_secs()..=3_600))]
    lease_seconds: u64,
    /// Proxies in front of this service, as addresses or networks like 10.0.0.0/8, separated by commas: who they ask for is read
    /// from their header X-Forwarded-For, and limits by address count that
    #[arg(long, env = "CLOUD_BRIDGE_TRUSTED_PROXIES", value_name = "NETWORK", value_delimiter = ',', value_parser = network)]
    trusted_proxies: Vec<IpNet>,
    /// Show the schema of the GraphQL API to API keys, for tools that complete or generate
    #[arg(long, env = "CLOUD_BRIDGE_GRAPHQL_INTROSPECTION", value_parser = FalseyValueParser::new())]
    graphql_introspection: bool,
    /// How long after a checkpoint of the log the next one is signed, like `15m` or `1h`; `off` for never by itself
    ///
    /// A checkpoint is signed only when something was recorded since the last one. docs/audit.md says what it proves.
    #[arg(long, env = "CLOUD_BRIDGE_CHECKPOINT_EVERY", value_name = "DURATION", default_value = "1h", value_parser = interval)]
    checkpoint_every: Interval,
    /// Connections of one address at a time, unless it is this machine's own or a trusted proxy's
    #[arg(long, env = "CLOUD_BRIDGE_MAX_CONNECTIONS_OF_ADDRESS", value_name = "N", default_value_t = http::Bounds::default().connections_of_address)]
    max_connections_of_address: usize,
    #[command(flatten)]
    webhooks: WebhookArgs,
    #[command(flatten)]
    outbound: OutboundArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    databases: DatabaseArgs,
}

/// What one account may have at most.
#[derive(Args, Clone, Copy, Debug)]
struct LimitArgs {
    /// Integrations that an account may have
    #[arg(long, env = "CLOUD_BRIDGE_MAX_INTEGRATIONS", value_name = "N", default_value_t = Limits::default().integrations)]
    max_integrations: usize,
    /// Active API keys that an account may have
    #[arg(long, env = "CLOUD_BRIDGE_MAX_API_KEYS", value_name = "N", default_value_t = Limits::default().api_keys)]
    max_api_keys: usize,
    /// Item mappings that an account may have, of all its integrations together
    #[arg(long, env = "CLOUD_BRIDGE_MAX_MAPPINGS", value_name = "N", default_value_t = Limits::default().mappings)]
    max_mappings: usize,
    /// Endpoints that an account may have
    #[arg(long, env = "CLOUD_BRIDGE_MAX_ENDPOINTS", value_name = "N", default_value_t = Limits::default().endpoints)]
    max_endpoints: usize,
    /// What is stored of an account's webhooks in a day (UTC), in MiB; what comes beyond is refused with 429
    #[arg(long, env = "CLOUD_BRIDGE_MAX_DAILY_MIB", value_name = "MIB", default_value_t = Limits::default().daily_bytes / MIB)]
    max_daily_mib: u64,
}

const MIB: u64 = 1_024 * 1_024;

impl From<LimitArgs> for Limits {
    fn from(args: LimitArgs) -> Self {
        Self {
            integrations: args.max_integrations,
            api_keys: args.max_api_keys,
            mappings: args.max_mappings,
            endpoints: args.max_endpoints,
            daily_bytes: args.max_daily_mib.saturating_mul(MIB),
        }
    }
}

/// Whether the world comes to a server of this machine by way of another one.
fn is_elsewhere(public_url: &str) -> bool {
    let host = Url::parse(public_url).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.is_some_and(|host| host != "localhost" && !host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()))
}

/// A network, or one address.
fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| "write it like 10.0.0.0/8, or one address like 10.1.2.3".to_owned())
}

/// A time between two checkpoints, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Interval(Option<Duration>);

/// Shorter ones would fill the log with checkpoints, longer ones leave a year unsigned.
const INTERVALS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24 * 366);

fn interval(text: &str) -> Result<Interval, String> {
    if matches!(text.trim(), "off" | "0") {
        return Ok(Interval(None));
    }
    let every =
        humantime::parse_duration(text.trim()).map_err(|_| "write it like 90s, 15m or 1h 30m, or off".to_owned())?;
    if every.is_zero() {
        return Ok(Interval(None));
    }
    if !INTERVALS.contains(&every) {
        return Err("it is between 1s and 366days, or off".to_owned());
    }
    Ok(Interval(Some(every)))
}

const EXAMPLES: &str = "\
Examples:
  cloud-bridge serve
  cloud-bridge serve --listen 0.0.0.0:8080 --public-url https://bridge.example.com
  export CLOUD_BRIDGE_MASTER_KEY=\"$(openssl rand -base64 32)\"     # and keep it
  cloud-bridge serve --log postgres://bridge@db/log --views postgres://bridge@db/views";

impl Serve {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        // Before anything is made, so that a start that cannot work leaves nothing behind.
        let listener = bind(&self.listen).await?;
        let address = listener.local_addr()?;
        let public_url = self.public_url.as_deref().map(str::trim).filter(|url| !url.is_empty());
        let options = ServiceOptions {
            log_url: self.databases.log_url()?,
            views_url: self.databases.views_url()?,
            cortex_url: self.cortex_url.clone(),
            store_apis: self.webhooks.apis(),
            verification: self.webhooks.verification()?,
            public_url: public_url.map_or_else(|| own_url(address), str::to_owned),
            workers: self.workers,
            lease: Duration::from_secs(self.lease_seconds),
            trusted_proxies: self.trusted_proxies.clone(),
            introspection: self.graphql_introspection,
            limits: self.limits.into(),
            checkpoint_every: self.checkpoint_every.0,
            outbound: self.outbound.rules(),
            mail: self.outbound.mail()?,
        };
        if address.ip().is_loopback() && public_url.is_some_and(is_elsewhere) && self.trusted_proxies.is_empty() {
            tracing::warn!(
                "what serves --public-url in front of this server is not named in --trusted-proxies: all its clients \
                 count as one address"
            );
        }
        let service = Service::start(options, self.databases.vault(true)?, Clock::default()).await?;
        // Nothing is served before this is through, so the key works as soon as it is printed.
        let announced = match service.bootstrap(|admin| self.announce(json, address, Some(&admin.api_key))).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => self.announce(json, address, None),
            Err(error) => Err(error.context("the administrator's account cannot be opened")),
        };
        if let Err(error) = announced {
            service.stop().await;
            return Err(error);
        }

        let stopper = service.clone();
        tokio::spawn(async move {
            match asked_to_stop().await {
                Ok(()) => tracing::info!("stopping; once more to stop at once"),
                Err(error) => tracing::error!(%error, "signals cannot be received: stopping"),
            }
            stopper.begin_stopping();
        });
        let bounds =
            http::Bounds { connections_of_address: self.max_connections_of_address, ..http::Bounds::default() };
        let served = http::serve(service.endpoints(), listener, bounds).await;
        service.stop().await;
        served.context("serving came to an end")
    }

    fn announce(&self, json: bool, address: SocketAddr, admin_key: Option<&str>) -> anyhow::Result<()> {
        let url = own_url(address);
        let kept = match admin_key {
            Some(key) if self.databases.has_default_log() => {
                let path = self.databases.admin_key_file();
                keep(&path, key)
                    .with_context(|| format!("the key cannot be kept in {}", path.display()))
                    .map(|()| Some(path))
            }
            Some(_) | None => Ok(None),
        };
        if json {
            output::print_json_line(&json!({ "listening": url, "adminKey": admin_key }))?;
        } else {
            if let Some(key) = admin_key {
                output::print(format_args!("Administrator's API key, shown this once: {key}"))?;
            }
            if let Ok(Some(path)) = &kept {
                output::print(format_args!("The commands on this machine find it in   {}", path.display()))?;
            }
            output::print(format_args!("Listening on {url} (GraphQL, and a page to ask it with, at {url}/graphql)"))?;
        }
        // The key was printed first: a full disk must not be the reason why it is lost.
        kept.map(drop)
    }
}

/// Replaces a key that is left from a log that was removed.
pub(crate) fn keep(path: &Path, key: &str) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    vault::write_private(path, key)
}

pub(crate) async fn bind(address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let advice = if error.kind() == ErrorKind::AddrInUse {
            "another program listens there: stop it, or choose another port with --listen"
        } else if error.kind() == ErrorKind::PermissionDenied {
            "ports below 1024 need permission: choose a higher one with --listen"
        } else if error.kind() == ErrorKind::AddrNotAvailable {
            "this machine has no such address: choose 127.0.0.1, or 0.0.0.0 for all of them, with --listen"
        } else {
            "give an address and a port with --listen, like 127.0.0.1:8080"
        };
        anyhow!(error).context(format!("cannot listen on {address}: {advice}"))
    })
}

/// How this machine reaches what listens on an address.
pub(crate) fn own_url(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("http://localhost:{}", address.port())
    } else {
        format!("http://{address}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_is_taken_is_reported_with_what_to_do() {
        let taken = bind("127.0.0.1:0").await.unwrap();
        let error = bind(&taken.local_addr().unwrap().to_string()).await.unwrap_err();
        assert!(error.to_string().contains("--listen"), "{error}");
        assert!(bind("nonsense").await.unwrap_err().to_string().contains("127.0.0.1:8080"));
    }

    #[test]
    fn a_server_that_the_world_reaches_by_another_is_known() {
        for elsewhere in ["https://bridge.example.com", "http://203.0.113.7:80/"] {
            assert!(is_elsewhere(elsewhere), "{elsewhere}");
        }
        for here in ["http://127.0.0.1:8080", "http://localhost:8080", "nonsense"] {
            assert!(!is_elsewhere(here), "{here}");
        }
    }

    #[test]
    fn an_interval_is_written_as_people_write_one() {
        for (text, seconds) in [("1h", 3_600), ("90s", 90), ("1h 30m", 5_400), (" 15min ", 900)] {
            assert_eq!(interval(text), Ok(Interval(Some(Duration::from_secs(seconds)))), "{text}");
        }
        for text in ["off", "0", "0s"] {
            assert_eq!(interval(text), Ok(Interval(None)), "{text}");
        }
        for text in ["", "soon", "-1h", "1", "10ms", "9999years"] {
            assert!(interval(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_key_of_a_log_that_is_gone_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/admin.key");
        for key in ["cb_live_old", "cb_live_new"] {
            keep(&path, key).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap().trim(), key);
        }
    }

    #[test]
    fn the_own_address_is_one_that_can_be_called() {
        for (address, url) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("0.0.0.0:80", "http://localhost:80"),
            ("[::]:8080", "http://localhost:8080"),
            ("[::1]:8080", "http://[::1]:8080"),
        ] {
            assert_eq!(own_url(address.parse().unwrap()), url);
        }
    }
}
