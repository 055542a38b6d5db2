//! The service of one part: a process of its own with databases of its own, and the receiver beside it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use super::arrivals::Arrivals;
use super::options::Options;
use crate::setting::account::{Account, Api, NewEndpoint};
use crate::setting::databases::{Databases, Engine};
use crate::setting::process::{self, Memory};
use crate::setting::server::{Launch, Server};

/// What every account may have, so that no limit is measured.
const LIMITS: [&str; 6] = ["--max-endpoints", "100000", "--max-integrations", "100000", "--max-daily-mib", "1000000"];

pub(crate) struct Service {
    pub(crate) arrivals: Arrivals,
    pub(crate) admin: Api,
    pub(crate) address: SocketAddr,
    pub(crate) concurrency: u16,
    pub(crate) is_ordered: bool,
    server: Server,
}

impl Service {
    pub(crate) async fn start(options: &Options, folder: &Path, databases: &Databases) -> anyhow::Result<Self> {
        let is_postgres = options.databases.log == Engine::Postgres;
        let mut arguments: Vec<String> = LIMITS.iter().map(ToString::to_string).collect();
        arguments.extend(["--allow-http-endpoints", "--allow-endpoint-range", "127.0.0.0/8"].map(str::to_owned));
        let launch = Launch {
            data: folder.join("data"),
            // Nothing is delivered, so that it is never called.
            cortex_url: "http://127.0.0.1:9".to_owned(),
            log_url: is_postgres.then(|| databases.log_url()),
            views_url: is_postgres.then(|| databases.views_url()),
            program: options.program.clone(),
            arguments,
            ..Launch::default()
        };
        let server = Server::start(&launch, &folder.join("server.log")).await?;
        let key = server.admin_key.clone().context("the first start says the key")?;
        Ok(Self {
            arrivals: Arrivals::listen().await?,
            admin: Api::new(&server.url, &key)?,
            address: server.url.trim_start_matches("http://").parse()?,
            concurrency: options.concurrency,
            is_ordered: !options.unordered,
            server,
        })
    }

    /// An endpoint of this account that is measured.
    pub(crate) async fn endpoint(&self, account: &Account, number: u32) -> anyhow::Result<()> {
        self.endpoint_at(account, self.arrivals.url(number), "order.created", self.concurrency).await
    }

    pub(crate) async fn endpoint_at(
        &self,
        account: &Account,
        url: String,
        event_type: &str,
        concurrency: u16,
    ) -> anyhow::Result<()> {
        account.endpoint(&NewEndpoint { url, event_type, concurrency, is_ordered: self.is_ordered }).await
    }

    pub(crate) fn memory(&self) -> Option<Memory> {
        self.server.id().and_then(process::memory)
    }

    pub(crate) fn busy(&self) -> Option<Duration> {
        self.server.id().and_then(process::busy)
    }

    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.server.ensure_alive()?;
        self.server.kill().await
    }
}
