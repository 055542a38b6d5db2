//! What is broken, how often, and from which seed.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use super::scenario::Scenario;

/// Breaks a running service many times over and counts what came of it
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// Set by `cargo bench`
    #[arg(long, hide = true)]
    pub(crate) bench: bool,
    /// Rounds of each [default: 100, and 10 where events are sent]; disks, clocks, files and bombs are broken a tenth as often,
    /// for each takes its time
    #[arg(long)]
    pub(crate) rounds: Option<usize>,
    /// Break this program where events are sent, not the one that was built with this
    #[arg(long, value_name = "PATH")]
    pub(crate) program: Option<PathBuf>,
    /// The same seed draws the same moments again
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Only these
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Scenario>,
    /// Only this engine
    #[arg(long, value_enum)]
    engine: Option<Engine>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "Postgres",
        }
    }
}

impl Options {
    pub(crate) fn wants(&self, scenario: Scenario, engine: Engine) -> bool {
        (self.only.is_empty() || self.only.contains(&scenario)) && self.engine.is_none_or(|wanted| wanted == engine)
    }
}
