//! The figures of one run, as a table for people or as JSON for programs.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::load::Tally;
use super::server::Appended;
use crate::setting::conditions::Conditions;
use crate::setting::process::Memory;

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) provider: &'static str,
    pub(crate) connections: u16,
    /// Requests due in a second, at fixed times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<u32>,
    pub(crate) body_bytes: usize,
    pub(crate) ready_after_ms: u128,
    pub(crate) service: Figures,
    pub(crate) without_storage: Figures,
    /// What part of the requests without storage the service answers.
    pub(crate) share_of_ceiling: f64,
    pub(crate) appends: Appends,
    pub(crate) memory_mb: Option<Megabytes>,
    pub(crate) accepted: usize,
    pub(crate) webhooks_in_log: usize,
    pub(crate) missing_in_log: usize,
    pub(crate) conditions: Conditions,
}

/// What one server did under the load.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) requests: u64,
    pub(crate) seconds: f64,
    pub(crate) requests_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
    pub(crate) max_ms: f64,
    /// Answers other than 202, by status.
    pub(crate) other_answers: BTreeMap<u16, u64>,
    pub(crate) unanswered: u64,
    /// Cores that the server kept busy, and those that sending kept busy.
    pub(crate) server_cores: Option<f64>,
    pub(crate) load_cores: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Appends {
    pub(crate) per_commit: f64,
}

/// Resident memory of the service.
#[derive(Debug, Serialize)]
pub(crate) struct Megabytes {
    pub(crate) before: f64,
    pub(crate) after: f64,
    pub(crate) peak: f64,
}

/// How many cores two processes kept busy over a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    pub(crate) server: Option<f64>,
    pub(crate) load: Option<f64>,
}

impl Figures {
    pub(crate) fn of(tally: &Tally, measured: Duration, cores: Cores) -> Self {
        let latencies = &tally.latencies_us;
        let requests = latencies.len();
        Self {
            requests,
            seconds: measured.as_secs_f64(),
            requests_per_second: float(requests) / measured.as_secs_f64().max(f64::MIN_POSITIVE),
            p50_ms: quantile_ms(latencies, 0.5),
            p99_ms: quantile_ms(latencies, 0.99),
            p999_ms: quantile_ms(latencies, 0.999),
            max_ms: float(latencies.max()) / 1e3,
            other_answers: tally.others.clone(),
            unanswered: tally.unanswered,
            server_cores: cores.server,
            load_cores: cores.load,
        }
    }
}

impl Appends {
    pub(crate) fn between(before: Appended, after: Appended) -> Self {
        let commits = (after.commits - before.commits).max(1.0);
        Self { per_commit: (after.appends - before.appends) / commits }
    }
}

impl Megabytes {
    pub(crate) fn between(before: Memory, after: Memory) -> Self {
        let of = |bytes| float(bytes) / 1e6;
        Self { before: of(before.now), after: of(after.now), peak: of(after.peak) }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people needs no more than 52 bits")]
fn float(count: u64) -> f64 {
    count as f64
}

fn quantile_ms(latencies: &Histogram<u64>, quantile: f64) -> f64 {
    float(latencies.value_at_quantile(quantile)) / 1e3
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, without_storage: ceiling, conditions, .. } = self;
        writeln!(
            f,
            "Ingest: {} orders of {} bytes over {} connections{}\n",
            self.provider,
            self.body_bytes,
            self.connections,
            self.rate.map_or_else(String::new, |rate| format!(", {rate} due in a second"))
        )?;
        row(f, "", "the service", "without storage")?;
        let mut both = |name: &str, figure: &dyn Fn(&Figures) -> String| row(f, name, figure(service), figure(ceiling));
        both("requests/s", &|figures| format!("{:.0}", figures.requests_per_second))?;
        both("requests measured", &|figures| figures.requests.to_string())?;
        both("seconds measured", &|figures| format!("{:.1}", figures.seconds))?;
        both("p50, ms", &|figures| format!("{:.2}", figures.p50_ms))?;
        both("p99, ms", &|figures| format!("{:.2}", figures.p99_ms))?;
        both("p99.9, ms", &|figures| format!("{:.2}", figures.p999_ms))?;
        both("max, ms", &|figures| format!("{:.2}", figures.max_ms))?;
        both("answers other than 202", &|figures| others(&figures.other_answers))?;
        both("no answer", &|figures| figures.unanswered.to_string())?;
        both("cores busy: server", &|figures| optional(figures.server_cores, 2))?;
        both("cores busy: load", &|figures| optional(figures.load_cores, 2))?;
        row(f, "share of without storage", format!("{:.1} %", self.share_of_ceiling * 100.0), "")?;
        row(f, "appends per commit", format!("{:.1}", self.appends.per_commit), "")?;
        let memory = self.memory_mb.as_ref();
        row(f, "memory before, MB", optional(memory.map(|memory| memory.before), 1), "")?;
        row(f, "memory after, MB", optional(memory.map(|memory| memory.after), 1), "")?;
        row(f, "memory at most, MB", optional(memory.map(|memory| memory.peak), 1), "")?;
        row(f, "ready after start, ms", self.ready_after_ms, "")?;
        write!(f, "\n{conditions}")
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, first: impl Display, second: impl Display) -> fmt::Result {
    let line = format!("{name:<26}{:>16}{:>18}", first.to_string(), second.to_string());
    writeln!(f, "{}", line.trim_end())
}

fn optional(figure: Option<f64>, decimals: usize) -> String {
    figure.map_or_else(|| "unknown".to_owned(), |figure| format!("{figure:.decimals$}"))
}

fn others(answers: &BTreeMap<u16, u64>) -> String {
    if answers.is_empty() {
        return "0".to_owned();
    }
    let each: Vec<String> = answers.iter().map(|(status, answers)| format!("{status}: {answers}")).collect();
    each.join(", ")
}
