//! The real binary as a process of its own: started, asked, killed.

use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::app::text;
use crate::engines::Databases;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_cloud-bridge");

/// A server that runs, and the key to it.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    pub(crate) admin_key: String,
}

/// The binary with nothing of the tests' own dependencies in its environment.
pub(crate) fn cloud_bridge(folder: &Path) -> Command {
    let mut command = Command::new(BINARY);
    command.env_clear().env("CLOUD_BRIDGE_DATA_DIR", folder).current_dir(folder);
    command.stdin(Stdio::null()).kill_on_drop(true);
    command
}

impl Server {
    pub(crate) async fn start(databases: &Databases, cortex_url: &str) -> Self {
        Self::start_with(databases, cortex_url, &[]).await
    }

    /// With other options of `serve`.
    pub(crate) async fn start_with(databases: &Databases, cortex_url: &str, others: &[&str]) -> Self {
        let folder = databases.folder();
        let mut command = cloud_bridge(&folder);
        command.args([
            "--json",
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--lease-seconds",
            "6",
            "--cortex-url",
            cortex_url,
        ]);
        command.args(["--log", &databases.log_url, "--views", &databases.views_url]).args(others);
        command.env("CLOUD_BRIDGE_MASTER_KEY", hex::encode(crate::app::MASTER_KEY));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let line = lines.next_line().await.expect("it can be read").expect("the server says where it listens");
        let said: Value = serde_json::from_str(&line).expect("it is JSON");
        let kept = folder.join("kept.key");
        let admin_key = match said["adminKey"].as_str() {
            Some(key) => {
                std::fs::write(&kept, key).expect("the folder can be written");
                key.to_owned()
            }
            None => std::fs::read_to_string(&kept).expect("an earlier start printed the key"),
        };
        Self { child, url: text(&said["listening"]), admin_key }
    }

    /// `kill -9`: not a word of goodbye.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("it can be killed");
    }

    pub(crate) async fn ask(&self, key: &str, document: &str, variables: Value) -> Value {
        let request = reqwest::Client::new().post(format!("{}/graphql", self.url)).bearer_auth(key);
        let answer = request.json(&json!({ "query": document, "variables": variables })).send().await;
        let answer: Value = answer.expect("the server answers").json().await.expect("answers are JSON");
        assert!(answer["errors"].is_null(), "{answer:#} to {document}");
        answer["data"].clone()
    }
}

/// Sends a signal to a process that runs.
#[track_caller]
pub(crate) fn signal(child: &Child, signal: rustix::process::Signal) {
    let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process(id.expect("it runs"), signal).expect("it is ours");
}

/// What a command printed, once it ended as it should.
#[track_caller]
pub(crate) fn printed(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    out.into_owned()
}
