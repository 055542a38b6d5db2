//! One run from start to end: the service under load, the ceiling under the same load, and whether everything was kept.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use domain::IntegrationId;
use tokio::time::sleep_until;

use super::ceiling::Ceiling;
use super::kept::Kept;
use super::load::Load;
use super::options::Options;
use super::report::{Appends, Cores, Figures, Megabytes, Report};
use super::server::{self, Appended, Server};
use crate::setting::conditions::Conditions;
use crate::setting::databases::Databases;
use crate::setting::process::{self, Memory};
use crate::setting::request::{Request, Target};

pub(crate) async fn run(options: &Options) -> anyhow::Result<()> {
    // Where the build is, because a system's temporary folder may be in memory, where a durable commit costs nothing.
    let temporary = tempfile::Builder::new().prefix("bench-ingest-").tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let folder = match &options.keep {
        None => temporary.path(),
        Some(kept) => {
            std::fs::create_dir(kept).with_context(|| format!("{} cannot be made", kept.display()))?;
            kept.as_path()
        }
    };
    let databases = Databases::make(&options.databases, folder).await?;
    let report = measure(options, folder, &databases).await;
    let removed = databases.remove().await;
    // The first error is the one to report.
    let report = report?;
    removed?;
    temporary.close().context("the benchmark's folder could not be removed")?;

    if options.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{report}");
    }
    if report.missing_in_log > 0 || report.webhooks_in_log < report.accepted {
        bail!(
            "LOST: {} of {} accepted webhooks are not in the log, which has {}",
            report.missing_in_log,
            report.accepted,
            report.webhooks_in_log
        );
    }
    if !options.json {
        println!("All {} accepted webhooks are in the log.", report.accepted);
    }
    Ok(())
}

async fn measure(options: &Options, folder: &Path, databases: &Databases) -> anyhow::Result<Report> {
    let server = Server::start(options.program.as_deref(), folder, databases).await?;
    let ready_after_ms = server.ready_after.as_millis();
    let outcome = tokio::select! {
        outcome = drive(options, folder, &server) => outcome.with_context(|| server::last_words(folder)),
        interrupted = interrupted() => Err(interrupted),
    };
    // Before its folder goes, and before anybody looks into its log.
    server.stop().await?;
    let driven = outcome?;

    let ceiling = Ceiling::start(&driven.target).await?;
    let outcome = tokio::select! {
        outcome = under_load(options, ceiling.address, ceiling.process_id(), driven.request.clone(), None) => outcome,
        interrupted = interrupted() => Err(interrupted),
    };
    ceiling.stop().await?;
    let without_storage = outcome?.figures;

    let kept = Kept::of(databases, driven.integration, &driven.accepted).await?;
    Ok(Report {
        provider: options.provider.as_str(),
        connections: options.connections,
        rate: options.rate,
        body_bytes: driven.request.body_bytes(),
        ready_after_ms,
        share_of_ceiling: driven.figures.requests_per_second / without_storage.requests_per_second,
        service: driven.figures,
        without_storage,
        appends: driven.appends,
        memory_mb: driven.memory,
        accepted: driven.accepted.len(),
        webhooks_in_log: kept.webhooks,
        missing_in_log: kept.missing,
        conditions: Conditions::of(databases.engine().await?, folder),
    })
}

async fn interrupted() -> anyhow::Error {
    match tokio::signal::ctrl_c().await {
        Ok(()) => anyhow::anyhow!("interrupted"),
        Err(error) => error.into(),
    }
}

/// The service, and what it did under the load.
struct Driven {
    integration: IntegrationId,
    target: Target,
    request: Request,
    figures: Figures,
    accepted: Vec<u64>,
    appends: Appends,
    memory: Option<Megabytes>,
}

async fn drive(options: &Options, folder: &Path, server: &Server) -> anyhow::Result<Driven> {
    let (integration, target) = server.integration(folder, options.provider).await?;
    let request = Request::new(target.clone(), usize::try_from(options.body_bytes)?)?;
    let memory = || server.process_id().and_then(process::memory);
    let before: Option<Memory> = memory();
    let loaded = under_load(options, server.address, server.process_id(), request.clone(), Some(server)).await?;
    let after = memory();
    let (from, to) = loaded.appended.context("nothing was read of the service's appends")?;
    Ok(Driven {
        integration,
        target,
        request,
        figures: loaded.figures,
        accepted: loaded.accepted,
        appends: Appends::between(from, to),
        memory: before.zip(after).map(|(before, after)| Megabytes::between(before, after)),
    })
}

/// What a server did under the load.
struct Loaded {
    figures: Figures,
    accepted: Vec<u64>,
    /// What it had appended when measuring began and when it ended.
    appended: Option<(Appended, Appended)>,
}

async fn under_load(
    options: &Options,
    address: SocketAddr,
    process_id: Option<u32>,
    request: Request,
    service: Option<&Server>,
) -> anyhow::Result<Loaded> {
    let load = Load::starting_now(options, address, request);
    let running = tokio::spawn(load.clone().run());
    sleep_until(load.measured_from().into()).await;
    let busy_before = Busy::of(process_id);
    let appended_before = appended(service).await?;
    let tally = running.await.context("the load failed")??;
    let cores = busy_before.until_now(process_id);
    let appended_after = appended(service).await?;
    if tally.latencies_us.is_empty() {
        bail!("nothing was answered while it was measured");
    }
    Ok(Loaded {
        figures: Figures::of(&tally, load.measured(&tally), cores),
        accepted: tally.accepted,
        appended: appended_before.zip(appended_after),
    })
}

async fn appended(service: Option<&Server>) -> anyhow::Result<Option<Appended>> {
    match service {
        Some(service) => Ok(Some(service.appended().await?)),
        None => Ok(None),
    }
}

/// How long the server and this process had kept cores busy at a moment.
struct Busy {
    at: Instant,
    server: Option<Duration>,
    load: Option<Duration>,
}

impl Busy {
    fn of(server: Option<u32>) -> Self {
        Self { at: Instant::now(), server: server.and_then(process::busy), load: process::busy(std::process::id()) }
    }

    fn until_now(&self, server: Option<u32>) -> Cores {
        let now = Self::of(server);
        let seconds = (now.at - self.at).as_secs_f64();
        let cores = |before: Option<Duration>, after: Option<Duration>| {
            Some(after?.saturating_sub(before?).as_secs_f64() / seconds)
        };
        Cores { server: cores(self.server, now.server), load: cores(self.load, now.load) }
    }
}
