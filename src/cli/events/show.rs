//! `cloud-bridge events show`.

use super::super::databases::DatabaseArgs;
use super::super::identifiers::whole_in;
use super::super::input;
use super::super::output::{self, cell, clean, moment};
use super::filter::deliveries_of;
use super::kinds::KINDS;
use super::line::{object, said, shown_actor};
use anyhow::bail;
use clap::Args;
use event_log::EventLog;
use event_log::row::first_broken;
use event_log::selection::Chosen;

/// Show every event of one stream, and check that none was changed
///
/// The streams are `account`, `integration`, `delivery`, `notice`, `operator_action` and `checkpoint`, by their ids. Private fields
/// (usernames, e-mail addresses, names, secrets) are never printed. Ends with an error where the chain of hashes breaks.
#[derive(Args, Debug)]
pub(in crate::cli) struct Show {
    #[arg(value_name = "AGGREGATE_TYPE")]
    aggregate_type: String,
    /// Its id, or the beginning of it; of a delivery also the id or number of its order
    #[arg(value_name = "ID")]
    id: String,
    /// How many events at most, from the first on
    #[arg(long, env = "CLOUD_BRIDGE_FIRST", value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(i64).range(1..=100_000))]
    first: i64,
    #[command(flatten)]
    databases: DatabaseArgs,
}

impl Show {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let log = self.databases.open_log().await?;
        let id = self.whole(&log).await?;
        let mut stream = log.whole_stream(&self.aggregate_type, &id, self.first + 1).await?;
        let first = usize::try_from(self.first)?;
        let more = stream.len() > first;
        stream.truncate(first);
        if stream.is_empty() {
            let (kind, id) = (clean(&self.aggregate_type), clean(&self.id));
            if kind == "delivery" {
                bail!(
                    "there is no stream delivery {id}; an entry for a repeated webhook has none: \
                     `cloud-bridge deliveries explain {id}` names the delivery that it repeats"
                );
            }
            let kinds = KINDS.map(|(kind, _)| kind).join(", ");
            bail!("there is no stream {kind} {id}: streams are {kinds}, each by its id");
        }
        let keys = log.data_keys(stream.iter().filter_map(|whole| whole.event.data_key_id)).await?;
        // Before the events are opened: a row that was changed can often not be opened at all.
        let broken = first_broken(&stream).map(|event| event.sequence);
        let events: Vec<Chosen> = stream
            .into_iter()
            .map(|whole| {
                let recorded = log.recorded(whole.event.clone(), &keys);
                Chosen { stored: whole.event, recorded }
            })
            .collect();
        log.close().await;
        if json {
            for event in &events {
                output::print_json_line(&object(event))?;
            }
        } else {
            print_table(&events)?;
        }
        if let Some(sequence) = broken {
            bail!("the chain of hashes breaks at event {sequence}: it, or one before it, was changed");
        }
        if !json {
            let over =
                if events.len() == 1 { "this 1 event".to_owned() } else { format!("these {} events", events.len()) };
            output::print(format_args!("\nThe chain of hashes over {over} is intact."))?;
        }
        if more {
            input::note("There are more: `--first N` shows and checks more of them.")?;
        }
        Ok(())
    }
}

impl Show {
    /// The id that is named; of a delivery also by its order.
    async fn whole(&self, log: &EventLog) -> anyhow::Result<String> {
        let id = whole_in(log, &self.aggregate_type, &self.id).await?;
        if self.aggregate_type != "delivery" || log.has_stream(&self.aggregate_type, &id).await? {
            return Ok(id);
        }
        match deliveries_of(log, None, &self.id).await?.as_slice() {
            [only] => Ok(only.clone()),
            [] => Ok(id),
            several => {
                bail!("several deliveries match {}: say which, by its id\n  {}", clean(&self.id), several.join("\n  "))
            }
        }
    }
}

fn print_table(events: &[Chosen]) -> std::io::Result<()> {
    let mut table = output::list(&[
        ("SEQUENCE", Some(2)),
        ("WHEN (UTC)", None),
        ("WHO", Some(3)),
        ("EVENT", Some(1)),
        ("WHAT HAPPENED", None),
    ]);
    for event in events {
        let at = event.stored.recorded_at.moment().map(moment).unwrap_or_default();
        let actor = event.recorded.as_ref().map_or("", |recorded| &recorded.actor);
        table.add_row([
            cell(event.stored.sequence.to_string()),
            cell(at),
            cell(shown_actor(actor)),
            cell(&event.stored.event_type),
            cell(said(event)),
        ]);
    }
    output::print(output::rendered(&table))
}
