//! The faults, each as it is brought about round after round.

mod bombs;
mod clocks;
mod disconnects;
mod disks;
pub(crate) mod dispatches;
mod kills;
mod restarts;
mod torn;

use clap::ValueEnum;

use super::check::Outcome;
use super::options::{Engine, Options};
use dispatches::Arrived;

/// Rounds of each, where nothing else is asked for.
const ROUNDS: usize = 100;

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
    /// The process is killed while events are sent to an endpoint, and started again.
    Dispatch,
    /// One of two nodes is killed while events are sent to an endpoint, and started again.
    Nodes,
}

/// What came of it.
pub(crate) enum Ended {
    Delivered(Outcome),
    Dispatched(Arrived),
}

impl Ended {
    pub(crate) fn is_whole(&self) -> bool {
        match self {
            Self::Delivered(outcome) => outcome.is_whole(),
            Self::Dispatched(arrived) => arrived.is_whole(),
        }
    }
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
            Self::Dispatch => "killed while events are sent",
            Self::Nodes => "one of two nodes killed while events are sent",
        }
    }

    pub(crate) fn engines(self) -> &'static [Engine] {
        match self {
            Self::Kill | Self::Disconnect | Self::Clock | Self::Bomb | Self::Dispatch => {
                &[Engine::Sqlite, Engine::Postgres]
            }
            Self::Restart | Self::Nodes => &[Engine::Postgres],
            Self::Disk | Self::Torn => &[Engine::Sqlite],
        }
    }

    /// How often it is brought about, where that was asked for.
    pub(crate) fn rounds(self, wanted: Option<usize>) -> usize {
        match self {
            Self::Kill | Self::Disconnect => wanted.unwrap_or(ROUNDS),
            Self::Restart | Self::Disk | Self::Clock | Self::Torn | Self::Bomb => wanted.unwrap_or(ROUNDS).div_ceil(10),
            // Each waits until the lease of the process that was killed has ended.
            Self::Dispatch | Self::Nodes => wanted.unwrap_or(ROUNDS / 10),
        }
    }
}

pub(crate) async fn run(scenario: Scenario, engine: Engine, options: &Options) -> anyhow::Result<Ended> {
    let (rounds, seed) = (scenario.rounds(options.rounds), options.seed);
    let outcome = match scenario {
        Scenario::Kill => kills::run(engine, rounds, seed).await?,
        Scenario::Disconnect => disconnects::run(engine, rounds, seed).await?,
        Scenario::Restart => restarts::run(rounds, seed).await?,
        Scenario::Disk => disks::run(rounds, seed).await?,
        Scenario::Clock => clocks::run(engine, rounds, seed).await?,
        Scenario::Torn => torn::run(rounds, seed).await?,
        Scenario::Bomb => bombs::run(engine, rounds, seed).await?,
        Scenario::Dispatch => return Ok(Ended::Dispatched(dispatches::run(engine, 1, rounds, options).await?)),
        Scenario::Nodes => return Ok(Ended::Dispatched(dispatches::run(engine, 2, rounds, options).await?)),
    };
    Ok(Ended::Delivered(outcome))
}
