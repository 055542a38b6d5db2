//! `cloud-bridge events tail`.

use anyhow::Context as _;
use clap::Args;
use clap::builder::FalseyValueParser;

use super::super::databases::DatabaseArgs;
use super::super::output;
use super::filter::Filter;
use super::line::{Layout, object};
use super::list::first_of;
use event_log::selection::{Chosen, Order};
use event_log::{EventLog, HeadListener};

/// Show the newest events, and with --follow those to come
///
/// Without --from or --since it begins with the newest 20 that fit.
#[derive(Args, Debug)]
pub(in crate::cli) struct Tail {
    /// Wait for more, until Ctrl-C
    #[arg(long, short, env = "CLOUD_BRIDGE_FOLLOW", value_parser = FalseyValueParser::new(), conflicts_with_all = ["until", "to"])]
    follow: bool,
    #[command(flatten)]
    filter: Filter,
    #[command(flatten)]
    databases: DatabaseArgs,
}

/// Events that are shown where no beginning is given.
const NEWEST: usize = 20;

impl Tail {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let log = self.databases.open_log().await?;
        let listener = self.follow.then(|| HeadListener::start(&log));
        let shown = self.print(&log, json).await;
        if let Some(listener) = listener {
            listener.stop();
        }
        log.close().await;
        shown
    }

    async fn print(&self, log: &EventLog, json: bool) -> anyhow::Result<()> {
        let mut heads = log.head_changes();
        let (selection, mut positions) = self.filter.of(log).await?;
        if !self.filter.has_beginning() {
            let mut newest = first_of(log, &self.filter, Order::NewestFirst, NEWEST).await?;
            newest.retain(|event| event.stored.position <= *positions.end());
            for event in newest.iter().rev() {
                print(log, event, json).await?;
            }
            positions = positions.end().next()..=*positions.end();
        }
        let mut choice = log.choose(selection, positions, Order::OldestFirst);
        loop {
            heads.mark_unchanged();
            while let Some(events) = choice.next().await? {
                for event in &events {
                    print(log, event, json).await?;
                }
            }
            if !self.follow {
                return Ok(());
            }
            let head = log.newest().await?;
            choice.extend_to(head);
            if choice.positions_left() == 0 {
                heads.changed().await.context("the event log is closed")?;
            }
        }
    }
}

async fn print(log: &EventLog, event: &Chosen, json: bool) -> anyhow::Result<()> {
    if json {
        output::print_json_line(&object(event))?;
    } else {
        output::print(Layout::of_stdout().line_of(log, event).await?)?;
    }
    Ok(())
}
