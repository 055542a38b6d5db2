//! The parts of a run, each with a service of its own.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its figures")]

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::load::{Load, Posted};
use super::options::{Options, Others, Part};
use super::report::{self, Flooded, Latencies, Row, Used};
use super::service::Service;
use crate::setting::account::Account;
use crate::setting::conditions::Conditions;
use crate::setting::databases::Databases;
use crate::setting::request::Target;

/// Webhooks before those that are measured, which open connections and fill caches.
const WARMUP: u64 = 50;
/// Between the arrival of one event and the next webhook, where one is posted at a time.
const PAUSE: Duration = Duration::from_millis(20);
/// Accounts and endpoints that are made at the same time.
const MAKERS: usize = 16;
/// How long an attempt takes that hangs; from then on the service knows which endpoints do.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(15);

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    println!("{}", report::HEAD);
    let mut conditions = None;
    if options.wants(Part::Flood) {
        one_row(options, "one endpoint", &mut conditions, flood).await?;
    }
    if options.wants(Part::Idle) {
        one_row(options, "one webhook at a time", &mut conditions, idle).await?;
    }
    if options.wants(Part::FanOut) {
        one_row(options, &format!("{} endpoints for each event", options.fan_out), &mut conditions, fan_out).await?;
    }
    if options.wants(Part::Many) {
        let name = format!("{} endpoints of {} accounts, one for each event", options.endpoints, options.accounts);
        one_row(options, &name, &mut conditions, many).await?;
    }
    if options.wants(Part::Hanging) {
        for hanging in &options.hanging {
            let name = format!("beside {hanging} {}", options.others.words());
            let measure = async |options: &Options, service: &Service| beside(options, service, *hanging).await;
            one_row(options, &name, &mut conditions, measure).await?;
        }
    }
    if let Some(conditions) = conditions {
        println!("\n{conditions}");
    }
    Ok(())
}

/// Measures one part with a service of its own, and prints its row.
async fn one_row(
    options: &Options,
    name: &str,
    conditions: &mut Option<Conditions>,
    measure: impl AsyncFn(&Options, &Service) -> anyhow::Result<Row>,
) -> anyhow::Result<()> {
    // Where the build is, because a system's temporary folder may be in memory, where a durable commit costs nothing.
    let folder = tempfile::Builder::new().prefix("bench-dispatch-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let databases = Databases::make(&options.databases, folder.path()).await?;
    let row = row(options, folder.path(), &databases, measure).await;
    if row.is_err() {
        let said = std::fs::read_to_string(folder.path().join("server.log")).unwrap_or_default();
        let lines: Vec<_> = said.lines().rev().take(20).collect();
        eprintln!("{name}: what the service said last, the latest first:\n{}", lines.join("\n"));
    }
    let described = Conditions::of(databases.engine().await?, folder.path());
    databases.remove().await?;
    println!("{}", report::line(name, &row?));
    conditions.get_or_insert(described);
    Ok(())
}

async fn row(
    options: &Options,
    folder: &Path,
    databases: &Databases,
    measure: impl AsyncFn(&Options, &Service) -> anyhow::Result<Row>,
) -> anyhow::Result<Row> {
    let service = Service::start(options, folder, databases).await?;
    let (began, busy) = (Instant::now(), service.busy());
    let mut row = measure(options, &service).await?;
    let spent = service.busy().zip(busy).map(|(after, before)| after.saturating_sub(before));
    row.used = Used {
        cores: spent.map(|spent| spent.as_secs_f64() / began.elapsed().as_secs_f64()),
        memory: service.memory(),
        repeats: service.arrivals.repeats(),
        hung: service.arrivals.hung(),
    };
    let refused = service.arrivals.refused();
    service.stop().await?;
    ensure!(refused == 0, "{refused} requests were no notifications, or were not signed with the endpoint's secret");
    Ok(row)
}

/// Posts orders as fast as they are accepted, and waits until each arrived at `endpoints` of its endpoints.
async fn flooded(
    options: &Options,
    service: &Service,
    shops: &[Target],
    webhooks: u64,
    endpoints: u64,
) -> anyhow::Result<Flooded> {
    let numbers = WARMUP..WARMUP + webhooks;
    warm_up(service, shops, 0..WARMUP, endpoints).await?;
    let began = Instant::now();
    let connections = options.connections;
    let load = Load { address: service.address, shops, numbers: numbers.clone(), connections, rate: None };
    let posted = load.run().await?;
    let accepted = posted.iter().map(|posted| posted.accepted).max().context("something was posted")?;
    service.arrivals.until(usize::try_from((WARMUP + webhooks) * endpoints)?).await?;
    let arrived = service.arrivals.last_of(numbers.clone()).context("something arrived")?;
    Ok(Flooded {
        webhooks,
        sends: webhooks * endpoints,
        posting: accepted - began,
        sends_meanwhile: u64::try_from(service.arrivals.count_until(numbers, accepted))?,
        until_all: arrived - began,
        lag: arrived.saturating_duration_since(accepted),
    })
}

async fn warm_up(
    service: &Service,
    shops: &[Target],
    numbers: std::ops::Range<u64>,
    endpoints: u64,
) -> anyhow::Result<()> {
    let before = service.arrivals.count();
    let expected = before + usize::try_from((numbers.end - numbers.start) * endpoints)?;
    Load { address: service.address, shops, numbers, connections: 4, rate: None }.run().await?;
    service.arrivals.until(expected).await
}

async fn flood(options: &Options, service: &Service) -> anyhow::Result<Row> {
    let account = Account::open(&service.admin, "Storm Audio").await?;
    service.endpoint(&account, 0).await?;
    let shops = [account.shop().await?];
    Ok(Row { flooded: Some(flooded(options, service, &shops, options.webhooks, 1).await?), ..Row::default() })
}

async fn idle(options: &Options, service: &Service) -> anyhow::Result<Row> {
    let account = Account::open(&service.admin, "Storm Audio").await?;
    service.endpoint(&account, 0).await?;
    let shops = [account.shop().await?];
    warm_up(service, &shops, 0..WARMUP, 1).await?;
    let mut row = Row::default();
    for number in WARMUP..WARMUP + options.idle {
        let load =
            Load { address: service.address, shops: &shops, numbers: number..number + 1, connections: 1, rate: None };
        let posted = load.run().await?;
        service.arrivals.until(usize::try_from(number + 1)?).await?;
        note(&mut row, service, &posted)?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(row)
}

/// Notes how long events took to the endpoint with the number 0.
fn note(row: &mut Row, service: &Service, posted: &[Posted]) -> anyhow::Result<()> {
    for posted in posted {
        let at = service.arrivals.at(0, posted.number).context("it arrived")?;
        row.since_accepted.note(at.saturating_duration_since(posted.accepted));
        row.since_sent.note(at.saturating_duration_since(posted.sent));
    }
    Ok(())
}

async fn fan_out(options: &Options, service: &Service) -> anyhow::Result<Row> {
    let account = Account::open(&service.admin, "Storm Audio").await?;
    for number in 0..u32::from(options.fan_out) {
        service.endpoint(&account, number).await?;
    }
    let shops = [account.shop().await?];
    let webhooks = (options.webhooks / 5).max(1);
    let flooded = flooded(options, service, &shops, webhooks, u64::from(options.fan_out)).await?;
    Ok(Row { flooded: Some(flooded), ..Row::default() })
}

/// Of the endpoints of each account, one wants orders, the others products, of which nothing is said.
async fn many(options: &Options, service: &Service) -> anyhow::Result<Row> {
    let made = stream::iter(0..options.accounts).map(async |number| {
        let account = Account::open(&service.admin, &format!("Merchant {number}")).await?;
        service.endpoint(&account, number).await?;
        for other in (number + options.accounts..options.endpoints).step_by(usize::try_from(options.accounts)?) {
            service.endpoint_at(&account, service.arrivals.url(other), "product.updated", 10).await?;
        }
        account.shop().await
    });
    let shops: Vec<Target> = made.buffered(MAKERS).try_collect().await?;
    Ok(Row { flooded: Some(flooded(options, service, &shops, options.webhooks, 1).await?), ..Row::default() })
}

/// The endpoint with the number 0 beside others which hang: latency at a fixed rate, then how fast a flood arrives.
async fn beside(options: &Options, service: &Service, hanging: u16) -> anyhow::Result<Row> {
    let account = Account::open(&service.admin, "Storm Audio").await?;
    service.endpoint(&account, 0).await?;
    let mut shops = vec![account.shop().await?];
    let other =
        if options.others == Others::HangApart { Some(Account::open(&service.admin, "Another").await?) } else { None };
    let whose = other.as_ref().unwrap_or(&account);
    // Before any of the others is there.
    warm_up(service, &shops, 0..WARMUP, 1).await?;
    let (arrivals, numbers) = (&service.arrivals, 1..=u32::from(hanging));
    let url = |number| match options.others {
        Others::Hang | Others::HangApart => arrivals.hanging_url(number),
        Others::Respond => arrivals.other_url(number),
    };
    let urls: Vec<String> = numbers.map(url).collect();
    let made = stream::iter(urls)
        .map(async |url| service.endpoint_at(whose, url, "order.created", options.hanging_concurrency).await);
    made.buffer_unordered(MAKERS).try_collect::<()>().await?;
    if let Some(other) = &other {
        shops.push(other.shop().await?);
    }
    let (began, shop_count) = (Instant::now(), u64::try_from(shops.len())?);
    let paced = WARMUP..WARMUP + options.hanging_rate * options.hanging_seconds * shop_count;
    let rate = Some(options.hanging_rate * shop_count);
    let connections = 8;
    let load = Load { address: service.address, shops: &shops, numbers: paced.clone(), connections, rate };
    let posted = of_measured(load.run().await?);
    let mut expected = usize::try_from(WARMUP)? + posted.len();
    service.arrivals.until(expected).await?;
    let is_early = |posted: &&Posted| posted.sent < began + ATTEMPT_TIMEOUT;
    let (early, late): (Vec<Posted>, Vec<Posted>) = posted.iter().copied().partition(|posted| is_early(&posted));
    let mut row = Row::default();
    note(&mut row, service, &early)?;
    row.until_known = Some(std::mem::take(&mut row.since_accepted));
    row.since_sent = Latencies::default();
    note(&mut row, service, &late)?;

    let numbers = paced.end..paced.end + options.hanging_webhooks * shop_count;
    let began = Instant::now();
    let connections = options.connections;
    let load = Load { address: service.address, shops: &shops, numbers, connections, rate: None };
    let posted = of_measured(load.run().await?);
    let accepted = posted.iter().map(|posted| posted.accepted).max().context("something was posted")?;
    expected += posted.len();
    service.arrivals.until(expected).await?;
    let arrivals: Vec<Instant> = posted.iter().filter_map(|posted| service.arrivals.at(0, posted.number)).collect();
    let arrived = arrivals.iter().copied().max().context("something arrived")?;
    let sends = u64::try_from(posted.len())?;
    row.flooded = Some(Flooded {
        webhooks: sends,
        sends,
        posting: accepted - began,
        sends_meanwhile: u64::try_from(arrivals.iter().filter(|at| **at <= accepted).count())?,
        until_all: arrived - began,
        lag: arrived.saturating_duration_since(accepted),
    });
    Ok(row)
}

/// What the shop of the endpoint that does not hang posted.
fn of_measured(posted: Vec<Posted>) -> Vec<Posted> {
    posted.into_iter().filter(|posted| posted.shop == 0).collect()
}
