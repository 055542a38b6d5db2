//! What can be asked of the benchmark.

use std::path::PathBuf;

use clap::Parser;

use crate::setting::databases::DatabaseOptions;

/// Measures how fast deliveries go that are woken at once
#[derive(Debug, Parser)]
#[command(name = "cargo bench --bench delivering --")]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) databases: DatabaseOptions,

    /// How many deliveries wait, over all merchants
    #[arg(long, default_value_t = 6_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) deliveries: u64,

    /// How many merchants they belong to
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    pub(crate) merchants: u64,

    /// Assets that each delivery shares
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10))]
    pub(crate) shares: u64,

    /// Customers are not followed yet, and follow back at once
    #[arg(long)]
    pub(crate) follow: bool,

    /// Deliveries that are worked on at a time
    #[arg(long, default_value_t = 16)]
    pub(crate) workers: u16,

    /// Measure this program, not the one that was built with the benchmark
    #[arg(long, value_name = "PATH")]
    pub(crate) program: Option<PathBuf>,

    /// What cargo adds when it is asked for benchmarks
    #[arg(long, hide = true)]
    pub(crate) bench: bool,
}
