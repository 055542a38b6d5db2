//! One run from start to end: each measurement on databases made for it.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::path::Path;

use anyhow::Context as _;
use event_log::clock::Clock;
use event_log::vault::Vault;
use event_log::{Dependencies, EventLog};
use projections::views;
use storage::{Database, Durability};
use tokio::runtime::Handle;

use super::options::Options;
use super::report::Report;
use super::{deliveries, loading, paging, projecting, verifying};
use crate::setting::conditions::Conditions;
use crate::setting::databases::Databases;

/// Seals logs that are dropped at the end.
const MASTER_KEY: [u8; 32] = [7; 32];

pub(crate) async fn run(options: &Options, background: &Handle) -> anyhow::Result<()> {
    // Where the build is, because a system's temporary folder may be in memory, where reading costs nothing.
    let folder = tempfile::Builder::new().prefix("bench-reading-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let databases = Databases::make(&options.databases, folder.path()).await?;
    let report = tokio::select! {
        report = measure(options, folder.path(), &databases, background) => report,
        interrupted = tokio::signal::ctrl_c() => Err(interrupted.map_or_else(Into::into, |()| anyhow::anyhow!("interrupted"))),
    };
    let removed = databases.remove().await;
    // The first error is the one to report.
    let report = report?;
    removed?;
    folder.close().context("the benchmark's folder could not be removed")?;
    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{report}");
    }
    Ok(())
}

async fn measure(
    options: &Options,
    folder: &Path,
    databases: &Databases,
    background: &Handle,
) -> anyhow::Result<Report> {
    let dependencies = Dependencies::new(Vault::new(&MASTER_KEY), Clock::default());
    let log = EventLog::open(&databases.log_url(), dependencies).await?;
    let (mut projected, mut audited) = (None, None);
    if options.events > 0 {
        if options.fresh_orders {
            deliveries::record_orders(&log, options.events).await?;
        } else {
            deliveries::record(&log, options.events).await?;
        }
        audited = Some(verifying::measure(&log).await?);
        let views = Database::open(&databases.views_url(), Durability::Rebuildable).await?;
        views::migrate(&views).await?;
        projected = Some(projecting::measure(&log, &views, background).await?);
        projecting::empty(&views).await?;
        views.close().await;
    }
    let mut loads = None;
    if options.charges > 0 {
        loads = Some(loading::measure(&log, options.charges, options.loads).await?);
    }
    log.close().await;
    let mut pages = None;
    if options.deliveries > 0 {
        pages = Some(paging::measure(databases, options.deliveries, options.pages).await?);
    }
    let conditions = Conditions::of(databases.engine().await?, folder);
    Ok(Report { loads, audited, projected, deliveries: options.deliveries, pages, conditions })
}
