//! The service itself: the release binary in a process of its own, spoken to through its endpoints alone.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use domain::IntegrationId;
use domain::integration::Provider;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::setting::databases::Databases;
use crate::setting::request::Target;

/// The file that takes what the service prints.
const OUTPUT: &str = "server.log";
/// Of a shop of Shopify.
const SECRET_OF_SHOP: &str = "shpss_0707070707070707070707070707070707";
const MAX_START: Duration = Duration::from_secs(30);
const MAX_STOP: Duration = Duration::from_mins(1);

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// From the start of the process to the first time it said that it was ready.
    pub(crate) ready_after: Duration,
    child: Child,
    http: reqwest::Client,
}

/// What the service has counted of its appends so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Appended {
    pub(crate) appends: f64,
    pub(crate) commits: f64,
}

pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

impl Server {
    pub(crate) async fn start(program: Option<&Path>, folder: &Path, databases: &Databases) -> anyhow::Result<Self> {
        let port = free_port()?;
        let output = File::create(folder.join(OUTPUT))?;
        let mut command = Command::new(program.unwrap_or(Path::new(env!("CARGO_BIN_EXE_cloud-bridge"))));
        // Only what is given here decides, not what the shell happens to be set up for.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CLOUD_BRIDGE_")) {
            command.env_remove(name);
        }
        command.args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--data-dir"]).arg(folder);
        if let Databases::Postgres(_) = databases {
            command.args(["--log", &databases.log_url(), "--views", &databases.views_url()]);
            // Seals a log that is dropped at the end.
            command.env("CLOUD_BRIDGE_MASTER_KEY", "07".repeat(32));
        }
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).kill_on_drop(true);
        let started = Instant::now();
        let child = command.spawn().context("the service cannot be started")?;
        let mut server = Self {
            address: (Ipv4Addr::LOCALHOST, port).into(),
            ready_after: Duration::ZERO,
            child,
            http: reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?,
        };
        server.await_ready(started).await.with_context(|| last_words(folder))?;
        Ok(server)
    }

    async fn await_ready(&mut self, started: Instant) -> anyhow::Result<()> {
        while started.elapsed() < MAX_START {
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status}");
            }
            let answer = self.http.get(self.url("/ready")).send().await;
            if answer.is_ok_and(|answer| answer.status() == reqwest::StatusCode::OK) {
                self.ready_after = started.elapsed();
                return Ok(());
            }
            sleep(Duration::from_millis(5)).await;
        }
        bail!("it was not ready after {} s", MAX_START.as_secs())
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn process_id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Makes the integration whose webhooks are sent.
    pub(crate) async fn integration(
        &self,
        folder: &Path,
        provider: Provider,
    ) -> anyhow::Result<(IntegrationId, Target)> {
        let said = std::fs::read_to_string(folder.join(OUTPUT))?;
        let printed = said.lines().find_map(|line| line.strip_prefix("Administrator's API key, shown this once: "));
        let key = printed.context("the service printed no administrator's key")?;
        // Shopify chooses the secret itself; the others get one of the service's.
        let chosen = (provider == Provider::Shopify).then_some(SECRET_OF_SHOP);
        let own = chosen.map(|secret| format!(r#", signingSecret: "{secret}""#)).unwrap_or_default();
        let mutation = format!(
            r#"mutation {{ createIntegration(input: {{ provider: {}, name: "bench"{own} }}) {{
                integration {{ id }} signingSecret userErrors {{ code message }} }} }}"#,
            provider.as_str().to_uppercase(),
        );
        let request = self.http.post(self.url("/graphql")).bearer_auth(key);
        let answer: Value = request.json(&json!({ "query": mutation })).send().await?.json().await?;
        let created = &answer["data"]["createIntegration"];
        let secret = chosen.or_else(|| created["signingSecret"].as_str());
        let (Some(id), Some(secret)) = (created["integration"]["id"].as_str(), secret) else {
            bail!("no integration could be made: {answer}");
        };
        let path = format!("/api/webhooks/{}/{id}", provider.as_str());
        Ok((id.parse()?, Target { provider, path, secret: secret.to_owned() }))
    }

    pub(crate) async fn appended(&self) -> anyhow::Result<Appended> {
        let metrics = self.http.get(self.url("/metrics")).send().await?.error_for_status()?.text().await?;
        let value = |name: &str| {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            let value = line.and_then(|line| line.split(' ').next()?.parse::<f64>().ok());
            value.with_context(|| format!("the metrics lack {name}"))
        };
        Ok(Appended {
            appends: value("cloud_bridge_append_batch_size_sum")?,
            commits: value("cloud_bridge_append_batch_size_count")?,
        })
    }

    /// Lets the service finish and returns once its process has ended.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let Some(process_id) = self.child.id() else {
            return Ok(());
        };
        let process = i32::try_from(process_id).ok().and_then(Pid::from_raw);
        let asked = process.is_some_and(|process| kill_process(process, Signal::TERM).is_ok());
        if asked && let Ok(ended) = timeout(MAX_STOP, self.child.wait()).await {
            ended?;
            return Ok(());
        }
        self.child.kill().await.context("the service could not be stopped")
    }
}

/// What the service logged last, to find out what went wrong with it.
pub(crate) fn last_words(folder: &Path) -> String {
    let said = std::fs::read_to_string(folder.join(OUTPUT)).unwrap_or_default();
    let lines: Vec<&str> = said.lines().collect();
    let last = lines[lines.len().saturating_sub(20)..].join("\n");
    if last.is_empty() {
        return "the service failed without a word".to_owned();
    }
    format!("the service failed; what it said last:\n{last}\n")
}
