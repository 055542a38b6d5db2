//! `cloud-bridge processes`: how far the process managers are, and the events that they could not handle.

mod list;
mod parked;
mod retry;

use clap::{Args, Subcommand};

/// See how far each process manager is and which node runs it; list and retry the events that one could not handle
///
/// A process manager reads events and issues commands: it wakes deliveries whose cause was fixed, fulfils what stores
/// ask by law, erases what was kept for long enough, signs checkpoints. An event that one cannot handle is parked: it goes on
/// without it, and tries it again after 1 minute, 10 minutes, an hour, and then every 6 hours.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Processes {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: list::List,
}

#[derive(Debug, Subcommand)]
enum Command {
    Parked(parked::Parked),
    Retry(retry::Retry),
}

impl Processes {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        match self.command {
            None => self.list.run(json).await,
            Some(Command::Parked(command)) => command.run(json).await,
            Some(Command::Retry(command)) => command.run(json).await,
        }
    }
}
