//! What can be asked of the benchmark.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use domain::integration::Provider;

use crate::setting::databases::DatabaseOptions;

/// Measures how many signed webhooks a second the service takes and keeps.
#[derive(Debug, Parser)]
#[command(name = "cargo bench --bench ingest --")]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) databases: DatabaseOptions,

    /// How many connections are kept open, each with one request at a time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) connections: u16,

    /// How many threads send; one sends more than a server on two cores takes
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) threads: u16,

    /// How many requests are due in a second, at fixed times, whether or not earlier ones were answered; the time of an answer
    /// then counts from when its request was due. Without it, each connection sends its next request at once
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) rate: Option<u32>,

    /// How long is measured
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,

    /// How many requests are measured, however long they take (up to an hour)
    #[arg(long, conflicts_with = "seconds", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) requests: Option<u64>,

    /// How long is sent before anything is measured
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(0..=600))]
    warmup_seconds: u64,

    /// Whose webhooks are sent: shopify, woocommerce or generic
    #[arg(long, default_value = "shopify", value_parser = provider)]
    pub(crate) provider: Provider,

    /// How large an order is made; a little more where what every order says does not fit
    #[arg(long, default_value_t = 4_500, value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    pub(crate) body_bytes: u32,

    /// Keeps the log, on SQLite, as the data folder of `cloud-bridge serve`; a folder that is not there yet
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,

    /// Measures another build of the service than the one that was built with this
    #[arg(long, value_name = "PATH")]
    pub(crate) program: Option<PathBuf>,

    /// Prints one JSON object instead of a table
    #[arg(long)]
    pub(crate) json: bool,

    /// What cargo adds when it is asked for benchmarks
    #[arg(long, hide = true)]
    pub(crate) bench: bool,

    /// Serves, on this port, the endpoint that keeps nothing
    #[arg(long, hide = true)]
    pub(crate) ceiling_server: Option<u16>,
}

impl Options {
    pub(crate) fn warmup(&self) -> Duration {
        Duration::from_secs(self.warmup_seconds)
    }

    /// The longest that is measured.
    pub(crate) fn measured(&self) -> Duration {
        Duration::from_secs(if self.requests.is_some() { 3_600 } else { self.seconds })
    }
}

fn provider(name: &str) -> Result<Provider, String> {
    let measured = [Provider::Shopify, Provider::WooCommerce, Provider::Generic];
    let provider = Provider::parse(name).filter(|provider| measured.contains(provider));
    provider.ok_or_else(|| "one of shopify, woocommerce, generic is needed".to_owned())
}
