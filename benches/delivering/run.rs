//! One run: orders wait, are woken at once, and are counted until the last is delivered and paid.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use cloud_bridge::sandbox::{self, FollowsBack, Operation, Sandbox, SandboxOptions};
use domain::Credits;
use tokio::net::TcpListener;

use super::options::Options;
use super::report::{Report, Used};
use super::store::{Standing, Store};
use crate::setting::conditions::Conditions;
use crate::setting::databases::{Databases, Engine};
use crate::setting::process;
use crate::setting::server::{Launch, Server};

/// Between two looks at how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Without any progress for so long, a run has failed.
const TIMEOUT: Duration = Duration::from_mins(2);

pub(crate) async fn run(options: &Options) -> anyhow::Result<Report> {
    let folder = tempfile::Builder::new().prefix("bench-delivering-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let databases = Databases::make(&options.databases, folder.path()).await?;
    let measured = measure(options, folder.path(), &databases).await;
    let conditions = Conditions::of(databases.engine().await?, folder.path());
    databases.remove().await?;
    let (moments, used) = measured?;
    Ok(Report { deliveries: options.deliveries, moments, used, conditions })
}

/// When each delivery was shared, from the moment in which all were woken, and what the service used meanwhile.
async fn measure(
    options: &Options,
    folder: &std::path::Path,
    databases: &Databases,
) -> anyhow::Result<(Vec<(Duration, u64)>, Used)> {
    let cortex = sandbox::start(TcpListener::bind("127.0.0.1:0").await?, SandboxOptions::default())?;
    let is_postgres = options.databases.log == Engine::Postgres;
    let launch = Launch {
        data: folder.join("data"),
        cortex_url: cortex.base_url().to_owned(),
        log_url: is_postgres.then(|| databases.log_url()),
        views_url: is_postgres.then(|| databases.views_url()),
        program: options.program.clone(),
        arguments: vec!["--workers".to_owned(), options.workers.to_string()],
        ..Launch::default()
    };
    let mut server = Server::start(&launch, &folder.join("server.log")).await?;
    let admin = server.admin_key.clone().context("the first start says the key")?;
    let follows = if options.follow { FollowsBack::AtOnce } else { FollowsBack::Already };
    let (mut stores, mut left) = (vec![], options.deliveries);
    for number in 0..options.merchants {
        let store = Store::open(&server.url, &admin, number, options.shares).await?;
        let orders = left / (options.merchants - number);
        store.post(orders, &cortex, follows).await?;
        left -= orders;
        stores.push(store);
    }
    until(&stores, "all of them wait", |all| all.waiting == options.deliveries).await?;
    let id = server.id().context("the service runs")?;
    let (woken, busy_before) = (Instant::now(), process::busy(id));
    for store in &stores {
        store.save_login().await?;
    }
    let moments = until_shared(&mut server, &cortex, woken, options.deliveries, options.shares).await?;
    let busy = process::busy(id).zip(busy_before).map(|(after, before)| after.saturating_sub(before));
    let used = Used { busy, memory: process::memory(id), paid_after: Duration::ZERO };
    let paid = until(&stores, "all of them are completed and paid", |all| {
        all.completed == options.deliveries && all.reserved == 0
    });
    let paid = paid.await?;
    let used = Used { paid_after: woken.elapsed(), ..used };
    let follow = if options.follow { Credits::OF_A_FOLLOW.0 } else { 0 };
    let price = options.shares * Credits::OF_A_SHARE.0 + follow;
    ensure!(paid.charged == paid.completed * price, "another price was paid: {paid:?}");
    server.kill().await?;
    Ok((moments, used))
}

/// How many deliveries had been shared at which moment.
async fn until_shared(
    server: &mut Server,
    cortex: &Sandbox,
    woken: Instant,
    deliveries: u64,
    shares: u64,
) -> anyhow::Result<Vec<(Duration, u64)>> {
    let (mut moments, mut last) = (vec![(Duration::ZERO, 0)], (woken, 0));
    while last.1 < deliveries {
        tokio::time::sleep(LOOK_EVERY).await;
        server.ensure_alive()?;
        let shared = cortex.call_count(Operation::Share).answered / shares;
        moments.push((woken.elapsed(), shared));
        if shared > last.1 {
            last = (Instant::now(), shared);
        }
        ensure!(last.0.elapsed() < TIMEOUT, "nothing was delivered for two minutes, after {shared}");
    }
    Ok(moments)
}

/// Waits until all stores together stand so.
async fn until(stores: &[Store], what: &str, is_so: impl Fn(&Standing) -> bool) -> anyhow::Result<Standing> {
    let began = Instant::now();
    loop {
        let mut all = Standing::default();
        for store in stores {
            all.add(store.standing().await?);
        }
        if is_so(&all) {
            return Ok(all);
        }
        ensure!(began.elapsed() < TIMEOUT * 5, "{what}: not after ten minutes: {all:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
