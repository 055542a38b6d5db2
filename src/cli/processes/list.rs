//! `cloud-bridge processes`: read from the log, so that it works without a running server.

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use crate::cli::databases::DatabaseArgs;
use crate::cli::output::{self, cell};
use crate::processes::{Standing, standings};
use event_log::Position;

#[derive(Args, Debug)]
pub(super) struct List {
    #[command(flatten)]
    databases: DatabaseArgs,
}

impl List {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let log = self.databases.open_log().await?;
        let standings = standings(&log).await.context("the event log cannot be read")?;
        let head = log.head();
        log.close().await;
        if json {
            let entries: Vec<Value> = standings.iter().map(|standing| entry(standing, head)).collect();
            return Ok(output::print_json(&entries)?);
        }
        let header = [
            ("PROCESS", None),
            ("POSITION", None),
            ("HEAD OF THE LOG", Some(1)),
            ("EVENTS BEHIND", None),
            ("PARKED", None),
            ("RUN BY", Some(2)),
        ];
        let mut table = output::list(&header);
        for standing in &standings {
            table.add_row([
                cell(standing.name),
                cell(standing.position.to_string()),
                cell(head.to_string()),
                cell(standing.lag(head).to_string()),
                cell(standing.parked.to_string()),
                cell(standing.held_by.as_deref().unwrap_or("none")),
            ]);
        }
        output::may_shorten(&mut table, &["RUN BY"]);
        output::print(output::rendered(&table))?;
        if standings.iter().any(|standing| standing.parked > 0) {
            output::say("\nSee what is parked with: cloud-bridge processes parked")?;
        }
        Ok(())
    }
}

fn entry(standing: &Standing, head: Position) -> Value {
    json!({
        "name": standing.name,
        "position": standing.position.to_string(),
        "head": head.to_string(),
        "lag": standing.lag(head),
        "heldBy": standing.held_by,
        "parked": standing.parked,
    })
}
