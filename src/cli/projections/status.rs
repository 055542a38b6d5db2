//! `cloud-bridge projections status`: read from the stores, so that it works without a running server.

use anyhow::Context as _;
use clap::Args;
use event_log::Position;
use projections::View;
use projections::registry::{self, Build};
use serde_json::{Value, json};

use crate::cli::databases::DatabaseArgs;
use crate::cli::output::{self, cell};

/// Show how far each view has followed the event log; works with and without a running server
#[derive(Args, Debug)]
pub(in crate::cli) struct Status {
    #[command(flatten)]
    databases: DatabaseArgs,
}

struct Standing {
    view: View,
    position: Position,
    /// Whether it was made from this log: otherwise a server rebuilds it.
    is_of_log: bool,
    build: Option<Build>,
}

impl Status {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let log = self.databases.open_log().await?;
        let views = self.databases.open_views().await?;
        let head = log.head();
        let mut builds = registry::builds(&views).await.context("the views cannot be read")?;
        let mut standings = vec![];
        for view in View::ALL {
            let cursor = view.checkpoint(&views).await.context("the views cannot be read")?;
            let is_of_log = log.holds(&cursor).await.context("the event log cannot be read")?;
            let found = builds.iter().position(|(built, _)| *built == view);
            let build = found.map(|index| builds.swap_remove(index).1);
            standings.push(Standing { view, position: cursor.position, is_of_log, build });
        }
        views.close().await;
        log.close().await;
        if json {
            let entries: Vec<Value> = standings.iter().map(|standing| standing.json(head)).collect();
            return Ok(output::print_json(&entries)?);
        }
        let mut table = output::table(&["VIEW", "POSITION", "HEAD OF THE LOG", "EVENTS BEHIND", "REBUILD"]);
        for standing in standings {
            table.add_row([
                cell(standing.view.name),
                cell(standing.position.to_string()),
                cell(head.to_string()),
                cell(standing.lag(head).to_string()),
                cell(standing.rebuild()),
            ]);
        }
        output::print(output::rendered(&table))?;
        Ok(())
    }
}

impl Standing {
    fn lag(&self, head: Position) -> i64 {
        if self.is_of_log { head.events_since(self.position).max(0) } else { head.0 }
    }

    fn rebuild(&self) -> String {
        match &self.build {
            Some(build) => format!("at {}", build.cursor.position),
            None if self.is_of_log => String::new(),
            None => "wanted: it is of another log".to_owned(),
        }
    }

    fn json(&self, head: Position) -> Value {
        let rebuild = self.build.as_ref().map(|build| {
            json!({ "generation": build.generation, "position": build.cursor.position.to_string(), "head": head.to_string() })
        });
        json!({
            "name": self.view.name,
            "position": self.position.to_string(),
            "head": head.to_string(),
            "lag": self.lag(head),
            "ofThisLog": self.is_of_log,
            "rebuild": rebuild,
        })
    }
}
