//! `cloud-bridge events list`.

use clap::Args;
use clap::builder::FalseyValueParser;

use super::super::databases::DatabaseArgs;
use super::super::{input, output};
use super::filter::Filter;
use super::line::{Layout, object};
use event_log::selection::{Chosen, Order};
use event_log::{EventLog, Position};

/// List events, the newest first, with a sentence for each
///
/// All conditions must hold. Private fields (usernames, e-mail addresses, names, secrets) are never printed.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge events list --since 2h
  cloud-bridge events list --order 1042 --oldest-first
  cloud-bridge events list --type action_required --type failed_permanently --account ID
  cloud-bridge events list --actor worker --from 5000 --to 6000 --json | jq -r .summary")]
pub(in crate::cli) struct List {
    #[command(flatten)]
    filter: Filter,
    /// How many events at most
    #[arg(long, env = "CLOUD_BRIDGE_FIRST", value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    first: u64,
    /// Begin with the oldest
    #[arg(long, env = "CLOUD_BRIDGE_OLDEST_FIRST", value_parser = FalseyValueParser::new())]
    oldest_first: bool,
    #[command(flatten)]
    databases: DatabaseArgs,
}

impl List {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let log = self.databases.open_log().await?;
        let listed = self.print(&log, json).await;
        log.close().await;
        listed
    }

    async fn print(&self, log: &EventLog, json: bool) -> anyhow::Result<()> {
        let order = if self.oldest_first { Order::OldestFirst } else { Order::NewestFirst };
        let first = usize::try_from(self.first)?;
        let events = first_of(log, &self.filter, order, first + 1).await?;
        let (shown, more) = (events.iter().take(first), events.len() > first);
        if json {
            for event in shown {
                output::print_json_line(&object(event))?;
            }
        } else if events.is_empty() {
            output::say("No event fits. `cloud-bridge events list` without options shows the newest.")?;
        } else {
            let layout = Layout::of_stdout();
            output::print(layout.header())?;
            for event in shown {
                output::print(layout.line_of(log, event).await?)?;
            }
        }
        if more {
            let beyond = events.get(first - 1).map_or(Position::START, |last| last.stored.position);
            let (option, next) =
                if self.oldest_first { ("--from", beyond.next()) } else { ("--to", beyond.previous()) };
            let more = format!("There are more: `{option} {next}` goes on, `--first N` shows more at a time.");
            // Among objects, one a line, there is no place for it.
            if json { input::note(&more)? } else { output::print(format_args!("\n{more}"))? }
        }
        Ok(())
    }
}

/// So many of the events that fit, from one end.
pub(super) async fn first_of(
    log: &EventLog,
    filter: &Filter,
    order: Order,
    number: usize,
) -> anyhow::Result<Vec<Chosen>> {
    let (selection, positions) = filter.of(log).await?;
    let mut choice = log.choose(selection, positions, order);
    let mut events = vec![];
    while events.len() < number
        && let Some(chosen) = choice.next().await?
    {
        events.extend(chosen);
    }
    events.truncate(number);
    Ok(events)
}
