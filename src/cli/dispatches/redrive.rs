//! `cloud-bridge dispatches redrive`: the dispatches that are named, or all that a filter finds, after a preview.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail};
use clap::builder::{FalseyValueParser, PossibleValuesParser};
use clap::{ArgGroup, Args};
use domain::dispatch::DispatchStatus;
use serde::Deserialize;
use serde_json::{Value, json};

use super::show::held_back_by;
use super::{Dispatch, WhichArgs, number_of, table};
use crate::cli::client::{Client, ServerArgs, understood};
use crate::cli::identifiers::{self, Kind};
use crate::cli::output::{clean, word};
use crate::cli::shutdown::signals;
use crate::cli::{acting, input, output};

/// Send again what was given up: the dispatches that are named, or all that a filter finds
///
/// With a filter it shows first how many match, and which. Without --status these are dead letters. What is sent again has the
/// whole schedule of retries before it.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("wanted").required(true).multiple(true).args(["id", "endpoint", "status", "types", "object", "account"]), after_long_help = "\
Examples:
  cloud-bridge dispatches redrive DISPATCH_ID
  cloud-bridge dispatches redrive --endpoint ENDPOINT_ID --dry-run
  cloud-bridge dispatches redrive --status dead_letter --type 'product.*' --latest-per-object --yes")]
pub(in crate::cli) struct Redrive {
    /// The dispatches: their ids, or the beginnings of them
    #[arg(value_name = "DISPATCH_ID", num_args = 1..=MAX_NAMED, conflicts_with_all = ["status", "endpoint", "types", "object", "account", "latest_per_object", "dry_run"])]
    id: Vec<String>,
    /// All that have one of these statuses, separated by commas [default: `dead_letter`]
    #[arg(long, env = "CLOUD_BRIDGE_STATUS", value_delimiter = ',', value_parser = PossibleValuesParser::new([DispatchStatus::DeadLetter.as_str(), DispatchStatus::Retrying.as_str()]))]
    status: Vec<String>,
    #[command(flatten)]
    which: WhichArgs,
    /// All of this account, for support [default: all that the API key sees]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    /// Of each order, product or customer only the latest; what is older is not sent any more
    #[arg(long, env = "CLOUD_BRIDGE_LATEST_PER_OBJECT", value_parser = FalseyValueParser::new())]
    latest_per_object: bool,
    /// Show what would be sent again, and send nothing
    #[arg(long, env = "CLOUD_BRIDGE_DRY_RUN", value_parser = FalseyValueParser::new(), conflicts_with = "yes")]
    dry_run: bool,
    /// Send again all that a filter finds without asking
    #[arg(long, env = "CLOUD_BRIDGE_YES", value_parser = FalseyValueParser::new())]
    yes: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Dispatches that can be named at once.
const MAX_NAMED: usize = 100;
/// Dispatches that are listed before it is asked whether to go on; scripts get a hundred.
const SHOWN: usize = 20;

const REDRIVE: &str = "mutation($input: RedriveDispatchInput!) {
  redriveDispatch(input: $input) { dispatch { id status dueAt endpoint { id status } } userErrors { code message field } } }";

const REDRIVE_MANY: &str = "mutation($input: RedriveDispatchesInput!) {
  redriveDispatches(input: $input) {
    matched redriven skipped more endCursor
    dispatches {
      id status attemptCount dueAt reason skipCause commerceEvent { id type objectKind objectId recordedAt }
      endpoint { id url status account { id name } } }
    userErrors { code message field } } }";

/// A thousand dispatches at most.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Step {
    matched: u64,
    redriven: u64,
    skipped: u64,
    more: bool,
    end_cursor: Option<String>,
}

#[derive(Default)]
struct Total {
    matched: u64,
    redriven: u64,
    skipped: u64,
    /// The first hundred, as the server listed them.
    dispatches: Value,
}

impl Total {
    /// Why what is sent again is not sent at once, of each endpoint that is among the listed ones.
    fn held_back(&self) -> BTreeSet<String> {
        let dispatches =
            self.dispatches.as_array().filter(|_| self.redriven > 0).map(Vec::as_slice).unwrap_or_default();
        dispatches.iter().filter_map(held_back).collect()
    }
}

impl Redrive {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        if !self.id.is_empty() {
            return named(&client, &self.id, json).await;
        }
        let found = self.each(&client, true).await.context("nothing was sent again")?;
        if found.matched == 0 {
            bail!("no dispatch fits: nothing was sent again (without --status these are dead letters)");
        }
        if self.dry_run && json {
            return print_json(&found);
        }
        if self.dry_run || !self.yes {
            let list: Vec<Dispatch> = understood(&found.dispatches)?;
            let listed = list.len().min(SHOWN);
            let rest = found.matched.saturating_sub(listed as u64);
            let more = if rest > 0 { format!("\n… and {rest} more") } else { String::new() };
            let skipped = if found.skipped > 0 { format!(", and {}", not_sent(found.skipped)) } else { String::new() };
            let table = table(&client, &list[..listed]).await?;
            let mut preview = format!("{} would be sent again{skipped}:\n{table}{more}", number_of(found.redriven));
            for why in found.held_back() {
                preview.push_str("\nBut ");
                preview.push_str(&why);
            }
            if self.dry_run {
                return Ok(output::print(preview)?);
            }
            input::note(&preview)?;
            let question = format!("Send {} again{skipped}?", number_of(found.redriven));
            input::confirm(&question).context("nothing was sent again")?;
        }
        let mut stop = signals()?;
        let done = tokio::select! {
            done = self.each(&client, false) => done?,
            _ = stop.recv() => bail!("stopped: what is to be sent again stays so; run this again for the rest"),
        };
        if json {
            return print_json(&Total { dispatches: found.dispatches, ..done });
        }
        if done.redriven + done.skipped == 0 {
            return Ok(output::say(
                "Nothing changed: what the filter found is sent again already, or was delivered meanwhile.",
            )?);
        }
        let skipped = if done.skipped > 0 { format!("; {}", not_sent(done.skipped)) } else { String::new() };
        let verb = if done.redriven == 1 { "is" } else { "are" };
        output::say(&format!("{} {verb} sent again{skipped}.", number_of(done.redriven)))?;
        for why in found.held_back() {
            output::say(&format!("But {why}"))?;
        }
        Ok(())
    }

    /// Goes through all that the filter finds, a thousand at a time.
    async fn each(&self, client: &Client, dry_run: bool) -> anyhow::Result<Total> {
        let mut filter = self.which.filter(&self.status);
        filter["accountId"] = json!(self.account);
        let filter = identifiers::completed(client, filter).await?;
        let (mut total, mut after) = (Total { dispatches: json!([]), ..Total::default() }, None::<String>);
        loop {
            let input = json!({ "filter": filter, "latestPerObject": self.latest_per_object, "after": after, "dryRun": dry_run });
            let mut payload = client.change(REDRIVE_MANY, json!({ "input": input }), "redriveDispatches").await?;
            let step: Step = understood(&payload)?;
            if total.matched == 0 {
                total.dispatches = payload["dispatches"].take();
            }
            total.matched += step.matched;
            total.redriven += step.redriven;
            total.skipped += step.skipped;
            match step.end_cursor {
                Some(cursor) if step.more => after = Some(cursor),
                Some(_) | None => return Ok(total),
            }
        }
    }
}

fn print_json(total: &Total) -> anyhow::Result<()> {
    let Total { matched, redriven, skipped, dispatches } = total;
    Ok(output::print_json(
        &json!({ "matched": matched, "redriven": redriven, "skipped": skipped, "dispatches": dispatches }),
    )?)
}

/// Why it is not sent again at once.
fn held_back(dispatch: &Value) -> Option<String> {
    let endpoint = &dispatch["endpoint"];
    held_back_by(&clean(endpoint["id"].as_str()?), endpoint["status"].as_str()?)
}

fn not_sent(skipped: u64) -> String {
    format!("{skipped} not, since something later about the same object is sent")
}

/// All that are named, the first that is refused ends it: those before it are sent again.
async fn named(client: &Client, ids: &[String], json: bool) -> anyhow::Result<()> {
    let mut whole = vec![];
    for id in ids {
        whole.push(identifiers::whole(client, Kind::Dispatch, id).await?);
    }
    let mut redriven = vec![];
    for id in &whole {
        acting::print_owner_of_dispatch(client, id).await?;
        let input = json!({ "input": { "dispatchId": id } });
        let payload = client.change(REDRIVE, input, "redriveDispatch").await;
        let dispatch = payload.with_context(|| format!("{id} is not sent again"))?["dispatch"].take();
        if !json {
            let status = word(dispatch["status"].as_str().unwrap_or_default());
            let but = held_back(&dispatch).map(|why| format!(" But {why}")).unwrap_or_default();
            output::print(format_args!("Dispatch {} is {} now: it is sent again.{but}", clean(id), clean(&status)))?;
        }
        redriven.push(dispatch);
    }
    if json { Ok(output::print_json(&redriven)?) } else { Ok(()) }
}
