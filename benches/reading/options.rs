//! What can be asked of the benchmark.

use clap::Parser;

use crate::setting::databases::DatabaseOptions;

/// Measures loading a long stream, moving the views along the feed, and fetching pages of the delivery log.
#[derive(Debug, Parser)]
#[command(name = "cargo bench --bench reading --")]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) databases: DatabaseOptions,

    /// How many charges the long stream of an account has; 0 leaves loading out
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(0..=50_000_000))]
    pub(crate) charges: u64,

    /// How often each stream is loaded
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) loads: u64,

    /// How many events about deliveries the log is filled with, to verify it and to move the views along; 0 leaves both out
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(0..=50_000_000))]
    pub(crate) events: u64,

    /// Of these events, every one is a fresh order: none is worked on
    #[arg(long)]
    pub(crate) fresh_orders: bool,

    /// How many deliveries the large delivery log has; 0 leaves the pages out
    #[arg(long, default_value_t = 10_000_000, value_parser = clap::value_parser!(i64).range(0..=100_000_000))]
    pub(crate) deliveries: i64,

    /// How often each page is fetched; less often where that takes more than a few seconds
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) pages: u64,

    /// Prints one JSON object instead of tables
    #[arg(long)]
    pub(crate) json: bool,

    /// What cargo adds when it is asked for benchmarks
    #[arg(long, hide = true)]
    pub(crate) bench: bool,
}
