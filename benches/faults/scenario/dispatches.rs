//! Killed at random moments while commerce events are sent to an endpoint: one node that is started again, or one of two.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use parking_lot::Mutex;
use serde_json::json;
use tempfile::TempDir;

use crate::faults::catalogue::{Catalogue, Urls};
use crate::faults::draw::Draw;
use crate::faults::options::{Engine, Options};
use crate::faults::postgres;
use crate::faults::subscriber::{Counts, Subscriber};
use crate::setting::account::{Account, Api, NewEndpoint};
use crate::setting::server::{Launch, Server};

/// How long after a round everything may take to arrive and to be recorded so.
const TIMEOUT: Duration = Duration::from_mins(2);
const CHECK_EVERY: Duration = Duration::from_millis(50);
/// What the killed process had sent has arrived after this.
const STILL_UNDER_WAY: Duration = Duration::from_millis(50);

#[derive(Clone, Debug, Default)]
pub(crate) struct Arrived {
    pub(crate) rounds: usize,
    /// Webhooks that were accepted, each one event.
    pub(crate) accepted: u64,
    /// Of those, how many never arrived.
    pub(crate) lost: usize,
    /// Dispatches that are not delivered two minutes after the last webhook of their round.
    pub(crate) stuck: usize,
    /// Requests without the right signature.
    pub(crate) refused: u64,
    pub(crate) counts: Counts,
    /// From each kill until an event was sent again, by this or the other node.
    pub(crate) recoveries: Vec<Duration>,
    /// From the last webhook of each round until everything had arrived.
    pub(crate) settled: Vec<Duration>,
}

impl Arrived {
    pub(crate) fn is_whole(&self) -> bool {
        let Counts { disordered, doubled, .. } = self.counts;
        (self.lost, self.stuck, disordered, doubled, self.refused) == (0, 0, 0, 0, 0)
    }
}

/// Nodes over one log, and the subscriber.
struct Nodes {
    servers: Vec<(Launch, Server)>,
    urls: Urls,
    catalogue: Catalogue,
    subscriber: Subscriber,
    account: Account,
    folder: TempDir,
}

pub(crate) async fn run(engine: Engine, nodes: usize, rounds: usize, options: &Options) -> anyhow::Result<Arrived> {
    let mut nodes = Nodes::start(engine, nodes, options).await?;
    let mut draw = Draw::from_seed(options.seed);
    let mut arrived = Arrived { rounds, ..Arrived::default() };
    for round in 0..rounds {
        let changing = nodes.catalogue.starts_to_change();
        tokio::time::sleep(draw.between(100, 2_500)).await;
        let killed = usize::try_from(draw.below(u64::try_from(nodes.servers.len())?))?;
        let killed_at = nodes.kill(killed).await?;
        tokio::time::sleep(draw.between(0, 1_500)).await;
        nodes.start_again(killed).await?;
        tokio::time::sleep(draw.between(0, 1_500)).await;
        changing.stop().await?;
        let stopped = Instant::now();
        arrived.lost = nodes.until_arrived().await;
        let again = nodes.subscriber.first_request();
        arrived.recoveries.extend(again.and_then(|again| again.checked_duration_since(killed_at)));
        arrived.settled.push(stopped.elapsed());
        arrived.stuck = nodes.until_delivered().await?;
        arrived.counts = nodes.subscriber.counts();
        arrived.refused = nodes.subscriber.refused();
        arrived.accepted = nodes.catalogue.accepted().values().sum();
        if !arrived.is_whole() {
            arrived.rounds = round + 1;
            let kept = nodes.folder.keep();
            eprintln!("round {round} is not whole; what the nodes said and kept is in {}", kept.display());
            break;
        }
    }
    Ok(arrived)
}

impl Nodes {
    async fn start(engine: Engine, count: usize, options: &Options) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (log_url, views_url) = match engine {
            Engine::Sqlite => (None, None),
            Engine::Postgres => {
                let (log, views) = postgres::databases(&postgres::server_url()?).await?;
                (Some(log), Some(views))
            }
        };
        let endpoints =
            ["--allow-http-endpoints", "--allow-endpoint-range", "127.0.0.0/8", "--max-daily-mib", "1000000"];
        let (mut servers, mut admin) = (vec![], None);
        for number in 0..count {
            let launch = Launch {
                data: folder.path().join(format!("data-{number}")),
                // Nothing is delivered, so that it is never called.
                cortex_url: "http://127.0.0.1:9".to_owned(),
                log_url: log_url.clone(),
                views_url: views_url.clone(),
                program: options.program.clone(),
                arguments: endpoints.map(str::to_owned).to_vec(),
                ..Launch::default()
            };
            let server = Server::start(&launch, &folder.path().join("server.log")).await?;
            admin = admin.or_else(|| server.admin_key.clone());
            servers.push((launch, server));
        }
        let admin = Api::new(&servers[0].1.url, &admin.context("the first start says the key")?)?;
        let (account, subscriber) = (Account::open(&admin, "Storm Audio").await?, Subscriber::listen().await?);
        let endpoint =
            NewEndpoint { url: subscriber.url(), event_type: "product.*", concurrency: 100, is_ordered: true };
        account.endpoint(&endpoint).await?;
        let shop = account.shop().await?;
        let urls: Urls = Arc::new(Mutex::new(servers.iter().map(|(_, server)| server.url.clone()).collect()));
        let catalogue = Catalogue::new(urls.clone(), shop)?;
        Ok(Self { servers, urls, catalogue, subscriber, account, folder })
    }

    async fn kill(&mut self, number: usize) -> anyhow::Result<Instant> {
        self.servers[number].1.kill().await?;
        let now = Instant::now();
        self.subscriber.awaits_request_after(now + STILL_UNDER_WAY);
        Ok(now)
    }

    async fn start_again(&mut self, number: usize) -> anyhow::Result<()> {
        let (launch, server) = &mut self.servers[number];
        *server = Server::start(launch, &self.folder.path().join("server.log")).await?;
        self.urls.lock()[number] = server.url.clone();
        self.account.api.url = server.url.clone();
        Ok(())
    }

    /// Waits until everything that was accepted has arrived, or cannot be waited for any longer. Returns how much did not.
    async fn until_arrived(&self) -> usize {
        let accepted = self.catalogue.accepted();
        let began = Instant::now();
        loop {
            let missing = self.subscriber.missing(&accepted);
            if missing == 0 || began.elapsed() > TIMEOUT {
                return missing;
            }
            tokio::time::sleep(CHECK_EVERY).await;
        }
    }

    /// Waits until every dispatch is delivered, and returns how many are not.
    async fn until_delivered(&self) -> anyhow::Result<usize> {
        let document =
            "query { done: dispatches(first: 100, filter: { statuses: [QUEUED, RETRYING, DEAD_LETTER, SKIPPED] }) {
            nodes { id status attemptCount } } }";
        let began = Instant::now();
        loop {
            let found = self.account.api.ask(document, json!({})).await?;
            let open = found["nodes"].as_array().map_or(0, Vec::len);
            if open == 0 || began.elapsed() > TIMEOUT {
                if open > 0 {
                    eprintln!("not delivered: {found}");
                }
                return Ok(open);
            }
            tokio::time::sleep(CHECK_EVERY).await;
        }
    }
}
