//! The figures, one row for each part.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::setting::process::Memory;

pub(crate) const HEAD: &str = "\
| | webhooks/s | sent meanwhile/s | sent in all/s | the last after, s | from the 202, ms (median / p95 / p99) \
| from posting, ms (median / p95 / p99) | cores busy | MiB at most, at the end | repeats |\n|---|---|---|---|---|---|---|---|---|---|";

/// One part.
#[derive(Default)]
pub(crate) struct Row {
    pub(crate) flooded: Option<Flooded>,
    /// From the moment a store had its 202 to the request at the receiver.
    pub(crate) since_accepted: Latencies,
    /// The same from the moment the store posted.
    pub(crate) since_sent: Latencies,
    /// The first of these, as long as the service does not know yet that an endpoint hangs.
    pub(crate) until_known: Option<Latencies>,
    pub(crate) used: Used,
}

/// Webhooks posted as fast as they were accepted, and what was sent of them.
pub(crate) struct Flooded {
    pub(crate) webhooks: u64,
    /// Notifications, each event counted once at each endpoint.
    pub(crate) sends: u64,
    /// From the first webhook to the last 202.
    pub(crate) posting: Duration,
    /// What had arrived by then.
    pub(crate) sends_meanwhile: u64,
    /// From the first webhook to the last arrival.
    pub(crate) until_all: Duration,
    /// From the last 202 to the last arrival.
    pub(crate) lag: Duration,
}

/// What the service used.
#[derive(Default)]
pub(crate) struct Used {
    pub(crate) cores: Option<f64>,
    pub(crate) memory: Option<Memory>,
    /// Notifications of an event that had arrived.
    pub(crate) repeats: u64,
    /// Requests that hung.
    pub(crate) hung: u64,
}

pub(crate) struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new_with_max(600_000_000, 3).expect("these bounds make a histogram"))
    }
}

impl Latencies {
    pub(crate) fn note(&mut self, took: Duration) {
        self.0.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    fn text(&self) -> String {
        if self.0.is_empty() {
            return "—".to_owned();
        }
        let at = |part: f64| milliseconds(self.0.value_at_quantile(part));
        format!("{} / {} / {}", at(0.5), at(0.95), at(0.99))
    }
}

/// Three digits, as far as they mean something.
fn milliseconds(micros: u64) -> String {
    let value = Duration::from_micros(micros).as_secs_f64() * 1_000.0;
    if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

fn per_second(count: u64, time: Duration) -> String {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    format!("{:.0}", f64::from(count) / time.as_secs_f64().max(f64::EPSILON))
}

pub(crate) fn line(name: &str, row: &Row) -> String {
    let of = |read: &dyn Fn(&Flooded) -> String| row.flooded.as_ref().map_or("—".to_owned(), read);
    let latency = match &row.until_known {
        Some(until_known) => format!("{} in the first 15 s, then {}", until_known.text(), row.since_accepted.text()),
        None => row.since_accepted.text(),
    };
    let mib = 1_024 * 1_024;
    let hung = if row.used.hung > 0 { format!(" ({} requests hung)", row.used.hung) } else { String::new() };
    format!(
        "| {name}{hung} | {} | {} | {} | {} | {latency} | {} | {} | {} | {} |",
        of(&|flooded| per_second(flooded.webhooks, flooded.posting)),
        of(&|flooded| per_second(flooded.sends_meanwhile, flooded.posting)),
        of(&|flooded| per_second(flooded.sends, flooded.until_all)),
        of(&|flooded| format!("{:.2}", flooded.lag.as_secs_f64())),
        row.since_sent.text(),
        row.used.cores.map_or("—".to_owned(), |cores| format!("{cores:.2}")),
        row.used.memory.map_or("—".to_owned(), |Memory { peak, now }| format!("{}, {}", peak / mib, now / mib)),
        row.used.repeats,
    )
}
