//! The same endpoint with nothing behind it: it reads, verifies and parses a webhook, answers 202, and keeps nothing.
//!
//! It runs as a process of its own, started from this very program, so that both are measured alike.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use chrono::DateTime;
use domain::integration::Provider;
use providers::{Parsed, Received};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::task::spawn_blocking;

use super::server::free_port;
use crate::setting::request::Target;

/// The server without storage, as seen by its parent process.
pub(crate) struct Ceiling {
    pub(crate) address: SocketAddr,
    child: Child,
}

impl Ceiling {
    pub(crate) async fn start(target: &Target) -> anyhow::Result<Self> {
        let port = free_port()?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--ceiling-server", &port.to_string(), "--provider", target.provider.as_str()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("the server without storage cannot be started")?;
        let stdin = child.stdin.as_mut().context("it has no standard input")?;
        stdin.write_all(format!("{}\n", target.secret).as_bytes()).await?;
        let stdout = child.stdout.take().context("it has no standard output")?;
        if BufReader::new(stdout).lines().next_line().await?.is_none() {
            bail!("the server without storage ended before it was ready");
        }
        Ok(Self { address: (Ipv4Addr::LOCALHOST, port).into(), child })
    }

    pub(crate) fn process_id(&self) -> Option<u32> {
        self.child.id()
    }

    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        // It ends with its standard input.
        drop(self.child.stdin.take());
        self.child.wait().await.context("the server without storage did not end")?;
        Ok(())
    }
}

struct Endpoint {
    provider: Provider,
    secret: String,
}

/// Serves until the standard input ends, whose first line is the secret.
#[expect(clippy::print_stdout, reason = "the parent process waits for this line")]
pub(crate) async fn serve(provider: Provider, port: u16) -> anyhow::Result<()> {
    let mut secret = String::new();
    std::io::stdin().read_line(&mut secret)?;
    let endpoint = Arc::new(Endpoint { provider, secret: secret.trim_end().to_owned() });
    let route = format!("/api/webhooks/{}/{{integrationId}}", provider.as_str());
    let router = Router::new().route(&route, post(receive)).with_state(endpoint);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    // A socket that keeps its delay is only slower, which a ceiling must not be.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    println!("ready");
    tokio::select! {
        served = axum::serve(listener, router) => served.context("the server without storage failed"),
        ended = spawn_blocking(|| std::io::read_to_string(std::io::stdin())) => ended?.map(drop).map_err(Into::into),
    }
}

async fn receive(
    State(endpoint): State<Arc<Endpoint>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, StatusCode> {
    let platform = providers::of(endpoint.provider);
    let received = Received { address: "", headers: &headers, body: &body, at: DateTime::UNIX_EPOCH };
    platform.verify(&received, &[&endpoint.secret]).map_err(|_| StatusCode::UNAUTHORIZED)?;
    match platform.interpret(platform.topic(&received).as_deref(), &body) {
        Ok(Parsed::Order(_)) => Ok(StatusCode::ACCEPTED),
        Ok(Parsed::ThinOrder(_) | Parsed::Notice(_) | Parsed::Unusable(_)) | Err(_) => Err(StatusCode::BAD_REQUEST),
    }
}
