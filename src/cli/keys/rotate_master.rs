//! `cloud-bridge keys rotate-master`: everything that is sealed passes to another master key.

use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use clap::builder::FalseyValueParser;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::json;

use crate::cli::client::{Client, ServerArgs, understood};
use crate::cli::output;

/// How often the server is polled.
const POLL_EVERY: Duration = Duration::from_millis(500);

/// Rewrap every data key and sealed secret by another master key, while the server goes on
///
/// First give every node both keys, the new one first, and restart it: `CLOUD_BRIDGE_MASTER_KEY=NEW,OLD`, or two lines in the
/// key file. Then run this. It says when the old key may go; interrupted, run it again.
#[derive(Args, Debug)]
pub(in crate::cli) struct RotateMaster {
    /// Begin and do not wait for the end
    #[arg(long, env = "CLOUD_BRIDGE_DETACH", value_parser = FalseyValueParser::new())]
    detach: bool,
    #[command(flatten)]
    server: ServerArgs,
}

const FIELDS: &str = "running checked total rewrapped masterKeyId stillNeeded";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rotation {
    running: bool,
    checked: u64,
    total: u64,
    rewrapped: u64,
    master_key_id: String,
    still_needed: Vec<String>,
}

impl RotateMaster {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let begin =
            format!("mutation {{ rotateMasterKey {{ rotation {{ {FIELDS} }} userErrors {{ code message field }} }} }}");
        let begun = client.change(&begin, json!({}), "rotateMasterKey").await?;
        let mut rotation: Rotation = understood(&begun["rotation"])?;
        if !self.detach {
            rotation = followed(&client, rotation).await?;
        }
        if !self.detach && !rotation.still_needed.is_empty() {
            bail!("the master key is not changed yet: the server's log says why; run this again");
        }
        if json {
            return Ok(output::print_json(&json!({
                "masterKeyId": rotation.master_key_id,
                "rewrapped": rotation.rewrapped,
                "stillNeeded": rotation.still_needed,
            }))?);
        }
        if self.detach {
            return Ok(output::print("The server rewraps the keys. Run this again to see how far it is.")?);
        }
        Ok(output::print(format_args!(
            "Everything is sealed by the master key {}; {} keys were rewrapped.\n\
             The earlier master key may go: leave it out on every node, and destroy it once no backup needs it.",
            rotation.master_key_id, rotation.rewrapped
        ))?)
    }
}

async fn followed(client: &Client, mut rotation: Rotation) -> anyhow::Result<Rotation> {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(rotation.total) } else { ProgressBar::hidden() };
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos}/{len} keys, {per_sec}, {eta} left")?);
    while rotation.running {
        bar.set_length(rotation.total);
        bar.set_position(rotation.checked);
        tokio::time::sleep(POLL_EVERY).await;
        let asked = format!("{{ masterKeyRotation {{ {FIELDS} }} }}");
        rotation = client.read(&asked, json!({}), "masterKeyRotation").await?;
    }
    bar.finish_and_clear();
    Ok(rotation)
}
