//! A replay for real: a look first, then a question, then the server does it while its progress is shown.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Replay;
use crate::cli::client::{Client, understood};
use crate::cli::deliveries::{Listed, listed, number_of, progress};
use crate::cli::shutdown::signals;
use crate::cli::{input, output};

/// How often the server is asked how far it is.
const POLL_EVERY: Duration = Duration::from_millis(500);
/// How long a replay may go on without an answer from the server.
const TIMEOUT: Duration = Duration::from_mins(1);

const FIELDS: &str = "id state filter checked chosen more done replayed refused
  leftAlone { filtered cancelled blocked unreadable erased underWay done }";
const DELIVERIES: &str = "deliveries { id orderId orderNumber status resolutionCode }";
const CANCEL: &str = "mutation($input: CancelReplayInput!) {
  cancelReplay(input: $input) { replay { id } userErrors { code message field } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Progress {
    id: String,
    state: String,
    checked: u64,
    chosen: u64,
    more: bool,
    done: u64,
    replayed: u64,
    refused: u64,
    left_alone: LeftAlone,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LeftAlone {
    filtered: u64,
    cancelled: u64,
    blocked: u64,
    unreadable: u64,
    erased: u64,
    under_way: u64,
    done: u64,
}

impl Progress {
    fn is_under_way(&self) -> bool {
        matches!(self.state.as_str(), "DECIDING" | "RUNNING")
    }
}

impl Replay {
    pub(super) async fn for_real(&self, json: bool) -> anyhow::Result<()> {
        let client = self.asking.client(&self.databases.data_dir)?;
        let statuses: Vec<String> = self.status.iter().map(|status| status.to_uppercase()).collect();
        let input = json!({
            "integrationId": self.integration,
            "from": self.from,
            "to": self.to,
            "statuses": statuses,
            "orderId": self.order,
            "deliveryIds": self.delivery,
        });
        ForReal { client: &client, input, yes: self.yes }.run(json).await
    }
}

/// A replay that is previewed, asked about, and followed to its end.
pub(in crate::cli) struct ForReal<'c> {
    pub(in crate::cli) client: &'c Client,
    /// Which webhooks are chosen, as `replayWebhooks` takes it.
    pub(in crate::cli) input: Value,
    /// Without asking.
    pub(in crate::cli) yes: bool,
}

impl ForReal<'_> {
    pub(in crate::cli) async fn run(&self, json: bool) -> anyhow::Result<()> {
        let client = self.client;
        let preview = self.preview().await.context("nothing was done again")?;
        let found: Progress = understood(&preview)?;
        if found.chosen > 0 {
            if !self.yes {
                input::note(&shown(client, &preview, &found).await?)?;
                let question = format!("Do {} again?", number_of(found.chosen));
                input::confirm(&question).context("nothing was done again")?;
            }
        } else {
            if found.checked == 0 {
                bail!("no order fits: nothing was done again");
            }
            let nothing = format!("Nothing is to be done again. {}", left_alone(&found));
            if json {
                output::print_json(&preview)?;
            } else {
                output::say(&nothing)?;
            }
            return Ok(());
        }
        let mut stop = signals()?;
        let begun: Progress = understood(&self.begin(false).await?)?;
        let bar = progress(found.chosen, "cancels")?;
        let id = begun.id.clone();
        let ended = tokio::select! {
            ended = followed(client, begun, &bar) => ended,
            _ = stop.recv() => cancelled(client, &id, &bar).await,
        };
        bar.finish_and_clear();
        let ended = ended?;
        match ended.state.as_str() {
            "DONE" => {}
            "CANCELLED" if ended.replayed == 0 => bail!("the replay was cancelled before anything was done again"),
            "CANCELLED" => bail!(
                "the replay was cancelled: {} of {} went back to the queue and stay there; run this again for the rest",
                ended.replayed,
                number_of(ended.chosen)
            ),
            _ => bail!("the replay was interrupted: the server's log says why; run this again for the rest"),
        }
        if json {
            return Ok(output::print_json(&poll(client, &ended.id, DELIVERIES).await?)?);
        }
        output::print(format_args!("{} went back to the queue.", number_of(ended.replayed)))?;
        if ended.refused > 0 {
            output::print(format_args!("{} had been changed meanwhile and were left alone.", ended.refused))?;
        }
        if ended.more {
            output::say("There are more than are done at once: run this again for the rest.")?;
        }
        Ok(())
    }

    /// What would be done again, once the server knows it. Nothing is listened to meanwhile: Ctrl-C ends the command, and a
    /// look needs no cancelling.
    async fn preview(&self) -> anyhow::Result<Value> {
        let client = self.client;
        let begun: Progress = understood(&self.begin(true).await?)?;
        let spinner = if std::io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        spinner.set_style(ProgressStyle::with_template("{spinner} {pos} deliveries checked")?);
        let preview = followed(client, begun, &spinner).await;
        spinner.finish_and_clear();
        let preview = preview?;
        if preview.state != "DONE" {
            bail!("the server could not find out what would be done: its log says why");
        }
        poll(client, &preview.id, DELIVERIES).await
    }

    async fn begin(&self, dry_run: bool) -> anyhow::Result<Value> {
        let mut input = self.input.clone();
        input["dryRun"] = json!(dry_run);
        let mutation = format!(
            "mutation($input: ReplayWebhooksInput!) {{
               replayWebhooks(input: $input) {{ replay {{ {FIELDS} }} userErrors {{ code message field }} }} }}"
        );
        let mut payload = self.client.change(&mutation, json!({ "input": input }), "replayWebhooks").await?;
        Ok(payload["replay"].take())
    }
}

async fn poll(client: &Client, id: &str, more: &str) -> anyhow::Result<Value> {
    let query = format!("query($id: ID!) {{ replay(id: $id) {{ {FIELDS} {more} }} }}");
    let mut data = client.ask(&query, json!({ "id": id })).await?;
    if data["replay"].is_null() {
        bail!("the server does not know the replay any more: was it restarted?");
    }
    Ok(data["replay"].take())
}

/// Returns once the replay has ended.
async fn followed(client: &Client, mut replay: Progress, bar: &ProgressBar) -> anyhow::Result<Progress> {
    let mut answered = Instant::now();
    while replay.is_under_way() {
        if replay.state == "RUNNING" {
            bar.set_length(replay.chosen);
            bar.set_position(replay.done);
        } else if bar.length().is_none() {
            bar.set_position(replay.checked);
        }
        tokio::time::sleep(POLL_EVERY).await;
        match poll(client, &replay.id, "").await {
            Ok(now) => (replay, answered) = (understood(&now)?, Instant::now()),
            // The server may be restarting.
            Err(error) if answered.elapsed() > TIMEOUT => return Err(error),
            Err(_) => {}
        }
    }
    Ok(replay)
}

/// Cancels it, and waits for how it ended.
async fn cancelled(client: &Client, id: &str, bar: &ProgressBar) -> anyhow::Result<Progress> {
    let asked = client.change(CANCEL, json!({ "input": { "replayId": id } }), "cancelReplay").await;
    let now = understood(&poll(client, id, "").await?)?;
    let ended = followed(client, now, bar).await?;
    // It may have come to its end before it could be cancelled.
    if ended.state != "DONE" {
        asked.context("the replay could not be cancelled")?;
    }
    Ok(ended)
}

/// What is about to be done, on standard error: standard output is for the outcome.
async fn shown(client: &Client, preview: &Value, found: &Progress) -> anyhow::Result<String> {
    let all: Vec<Listed> = understood(&preview["deliveries"])?;
    let list = listed(client, &all, found.chosen).await?;
    let mut text = format!("{} would be done again:\n{list}", number_of(found.chosen));
    if found.more {
        text.push_str("\nThere are more than are done at once: run this again after it.");
    }
    text.push('\n');
    text.push_str(&output::fitted(&left_alone(found), 0));
    Ok(text)
}

fn left_alone(found: &Progress) -> String {
    let LeftAlone { filtered, cancelled, blocked, unreadable, erased, under_way, done } = found.left_alone;
    let counts = [
        (done, "done"),
        (under_way, "under way"),
        (filtered, "of a status that is not delivered"),
        (blocked, "waiting for a username or a mapping"),
        (cancelled, "cancelled"),
        (erased, "erased"),
        (unreadable, "not read as orders"),
    ];
    let reasons: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if reasons.is_empty() {
        return format!("{} checked.", number_of(found.checked));
    }
    format!("{} checked; left alone: {}.", number_of(found.checked), reasons.join(", "))
}
