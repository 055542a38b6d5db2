//! The service as a process of its own, started as an operator starts it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// How the process is started: what comes before it on the command line, and what is in its environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Launch {
    /// A program that runs another, like `prlimit`, with its arguments.
    pub(crate) by: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) log_url: Option<String>,
    pub(crate) views_url: Option<String>,
    pub(crate) data: PathBuf,
    pub(crate) cortex_url: String,
    /// Another program than the one that was built with this.
    pub(crate) program: Option<PathBuf>,
    /// Further arguments of `serve`.
    pub(crate) arguments: Vec<String>,
}

pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    /// Said by the first start alone.
    pub(crate) admin_key: Option<String>,
}

impl Server {
    pub(crate) async fn start(launch: &Launch, logged: &Path) -> anyhow::Result<Self> {
        let built = Path::new(env!("CARGO_BIN_EXE_cloud-bridge"));
        let program = launch.program.as_deref().unwrap_or(built);
        let mut command = match launch.by.split_first() {
            Some((first, arguments)) => {
                let mut command = Command::new(first);
                command.args(arguments).arg(program);
                command
            }
            None => Command::new(program),
        };
        command.args(["--json", "serve", "--listen", "127.0.0.1:0", "--lease-seconds", "6", "--cortex-url"]);
        command.arg(&launch.cortex_url).arg("--data-dir").arg(&launch.data).args(&launch.arguments);
        if let (Some(log), Some(views)) = (&launch.log_url, &launch.views_url) {
            command.args(["--log", log, "--views", views]);
        }
        command.env("CLOUD_BRIDGE_MASTER_KEY", "07".repeat(32)).envs(launch.environment.iter().cloned());
        let log = std::fs::OpenOptions::new().create(true).append(true).open(logged)?;
        let mut child = command.stdout(Stdio::piped()).stderr(log).kill_on_drop(true).spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("it is piped")?).lines();
        let said = lines.next_line().await?.with_context(|| format!("it does not start: see {}", logged.display()))?;
        let said: Value = serde_json::from_str(&said)?;
        let url = said["listening"].as_str().context("it says where it listens")?.to_owned();
        Ok(Self { child, url, admin_key: said["adminKey"].as_str().map(str::to_owned) })
    }

    /// `kill -9`: not a word of goodbye.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// The id of the process, as the system numbers it.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    pub(crate) fn ensure_alive(&mut self) -> anyhow::Result<()> {
        ensure!(self.child.try_wait()?.is_none(), "the process has ended");
        Ok(())
    }
}
