//! The faults, each as it is brought about round after round.

mod bombs;
mod clocks;
mod disconnects;
mod disks;
mod kills;
mod restarts;
mod torn;

use clap::ValueEnum;

use super::check::Outcome;
use super::options::{Engine, Options};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// The process is killed at a random moment and started again.
    Kill,
    /// Clients hang up at random moments.
    Disconnect,
    /// Postgres loses its power and comes back.
    Restart,
    /// The disk is filled and freed.
    Disk,
    /// The clock is set by up to days, and right again.
    Clock,
    /// The process is killed, and the end of its write-ahead log is torn off.
    Torn,
    /// GraphQL requests that multiply, with little memory to do it in.
    Bomb,
}

impl Scenario {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kill => "killed at a random moment",
            Self::Disconnect => "clients that hang up",
            Self::Restart => "Postgres without power",
            Self::Disk => "a full disk",
            Self::Clock => "a clock that jumps",
            Self::Torn => "a torn write-ahead log",
            Self::Bomb => "GraphQL bombs within 3 GiB",
        }
    }

    pub(crate) fn engines(self) -> &'static [Engine] {
        match self {
            Self::Kill | Self::Disconnect | Self::Clock | Self::Bomb => &[Engine::Sqlite, Engine::Postgres],
            Self::Restart => &[Engine::Postgres],
            Self::Disk | Self::Torn => &[Engine::Sqlite],
        }
    }

    pub(crate) fn is_slow(self) -> bool {
        match self {
            Self::Kill | Self::Disconnect => false,
            Self::Restart | Self::Disk | Self::Clock | Self::Torn | Self::Bomb => true,
        }
    }
}

pub(crate) async fn run(scenario: Scenario, engine: Engine, options: &Options) -> anyhow::Result<Outcome> {
    let (rounds, seed) = (options.rounds_of(scenario), options.seed);
    match scenario {
        Scenario::Kill => kills::run(engine, rounds, seed).await,
        Scenario::Disconnect => disconnects::run(engine, rounds, seed).await,
        Scenario::Restart => restarts::run(rounds, seed).await,
        Scenario::Disk => disks::run(rounds, seed).await,
        Scenario::Clock => clocks::run(engine, rounds, seed).await,
        Scenario::Torn => torn::run(rounds, seed).await,
        Scenario::Bomb => bombs::run(engine, rounds, seed).await,
    }
}
