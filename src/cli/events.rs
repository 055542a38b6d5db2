//! `cloud-bridge events`: the event log itself, read beside a server that may be running.

mod export;
mod filter;
mod kinds;
mod line;
mod list;
mod show;
mod tail;

use clap::Subcommand;

pub(super) use kinds::event_type;
pub(super) use line::shown_actor;

/// Read the event log: everything that ever happened
#[derive(Debug, Subcommand)]
pub(super) enum Events {
    List(list::List),
    Show(show::Show),
    Tail(tail::Tail),
    Export(export::Export),
}

impl Events {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        match self {
            Self::List(command) => command.run(json).await,
            Self::Show(command) => command.run(json).await,
            Self::Tail(command) => command.run(json).await,
            Self::Export(command) => command.run(json).await,
        }
    }
}
