//! What can be asked of the benchmark.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::setting::databases::DatabaseOptions;

/// Measures how commerce events reach the endpoints that want them
#[derive(Debug, Parser)]
#[command(name = "cargo bench --bench dispatch --")]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) databases: DatabaseOptions,

    /// Only these parts
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,

    /// Webhooks that are posted as fast as they are accepted, each one event
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) webhooks: u64,

    /// Connections of stores, each with one request at a time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) connections: u16,

    /// Notifications that an endpoint takes at a time
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) concurrency: u16,

    /// Endpoints send in no order
    #[arg(long)]
    pub(crate) unordered: bool,

    /// Webhooks that are posted one at a time, in the part `idle`
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) idle: u64,

    /// Endpoints that all want each event, in the part `fan-out`, which has a fifth of the webhooks
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) fan_out: u16,

    /// Endpoints of which each event concerns one, in the part `many`
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) endpoints: u32,

    /// Accounts among which these are divided
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) accounts: u32,

    /// How many endpoints hang beside one that does not, in the part `hanging`: one row for each number
    #[arg(long, value_delimiter = ',', default_values_t = [0, 1, 10, 100], value_parser = clap::value_parser!(u16).range(0..=1_000))]
    pub(crate) hanging: Vec<u16>,

    /// Notifications that one which hangs is sent at a time
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) hanging_concurrency: u16,

    /// What these do
    #[arg(long, value_enum, default_value_t = Others::Hang)]
    pub(crate) others: Others,

    /// How long webhooks come at a fixed rate beside endpoints that hang; an attempt is given up after 15 s
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) hanging_seconds: u64,

    /// That rate, in webhooks a second
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) hanging_rate: u64,

    /// Webhooks that are then posted as fast as they are accepted
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) hanging_webhooks: u64,

    /// Measure this program, not the one that was built with the benchmark
    #[arg(long, value_name = "PATH")]
    pub(crate) program: Option<PathBuf>,

    /// What cargo adds when it is asked for benchmarks
    #[arg(long, hide = true)]
    pub(crate) bench: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// One endpoint, and stores that post as fast as they can
    Flood,
    /// One webhook at a time
    Idle,
    /// Several endpoints want each event
    FanOut,
    /// Very many endpoints, of which each event concerns one
    Many,
    /// Endpoints that hang beside one that does not
    Hanging,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Others {
    /// They take requests, and never respond
    Hang,
    /// The same, as endpoints of another account, whose shop has as many events
    HangApart,
    /// They respond at once, to compare with
    Respond,
}

impl Others {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Hang => "that hang",
            Self::HangApart => "that hang, of another account",
            Self::Respond => "that respond",
        }
    }
}

impl Options {
    pub(crate) fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}
