//! `cloud-bridge audit`: proof that the event log is what it was.

mod actions;
mod bundle;
mod export;
mod verify;

use clap::{Args, Subcommand};
use ed25519_dalek::VerifyingKey;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{ServerArgs, understood};
use super::databases::DatabaseArgs;
use super::output::{self, cell, moment};
use crate::audit::{checkpoint, key};

/// Prove that the event log was not changed: verify it, sign checkpoints, and export bundles that others can check
///
/// Every event is chained to the one before it in its stream, and signed checkpoints cover all events in order.
/// docs/audit.md describes what is proven and what is not, exactly enough to write another verifier.
#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    Verify(verify::Verify),
    Checkpoint(SignCheckpoint),
    Export(export::Export),
    VerifyBundle(bundle::VerifyBundle),
    Key(ShowKey),
    Actions(actions::Actions),
}

impl Audit {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Verify(command) => command.run(json).await,
            Self::Checkpoint(command) => command.run(json).await,
            Self::Export(command) => command.run(json).await,
            Self::VerifyBundle(command) => command.run(json),
            Self::Key(command) => command.run(json).await,
            Self::Actions(command) => command.run(json).await,
        }
    }
}

/// Sign a checkpoint now over everything since the last one
///
/// The running server signs it; it does so by itself too, see `serve --checkpoint-every`. Needs an administrator's or
/// support's key. Where nothing but checkpoints came since, the newest one is shown.
#[derive(Args, Debug)]
#[command(name = "checkpoint")]
pub(super) struct SignCheckpoint {
    #[command(flatten)]
    server: ServerArgs,
}

const SIGN: &str = "mutation { signCheckpoint {
  checkpoint { number firstPosition lastPosition root keyId publicKey signature signedAt }
  isNew userErrors { code message field } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignedCheckpoint {
    number: i64,
    first_position: String,
    last_position: String,
    root: String,
    key_id: String,
}

impl SignCheckpoint {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let payload = self.server.client()?.change(SIGN, json!({}), "signCheckpoint").await?;
        let (signed, is_new): (SignedCheckpoint, bool) =
            (understood(&payload["checkpoint"])?, understood(&payload["isNew"])?);
        if json {
            let mut checkpoint = payload["checkpoint"].clone();
            checkpoint["isNew"] = json!(is_new);
            return Ok(output::print_json(&checkpoint)?);
        }
        let SignedCheckpoint { number, first_position, last_position, root, key_id } = signed;
        let begin = if is_new { "Signed checkpoint" } else { "Nothing was recorded since checkpoint" };
        Ok(output::print(format_args!(
            "{begin} {number}\n  events  positions {first_position} to {last_position}\n  root    {}\n  key     {}",
            output::clean(&root),
            output::clean(&key_id)
        ))?)
    }
}

/// Show the public keys that sign the log's checkpoints, the one that signs now last
///
/// Give them to those who check your bundles, on another way than the bundles.
#[derive(Args, Debug)]
#[command(name = "key")]
pub(super) struct ShowKey {
    #[command(flatten)]
    databases: DatabaseArgs,
}

impl ShowKey {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let log = self.databases.open_log().await?;
        let keys = key::all(&log).await?;
        log.close().await;
        if json {
            let shown: Vec<Value> = keys
                .iter()
                .map(|key| {
                    let created_at = key.created_at.moment();
                    let public_key = hex::encode(key.public().as_bytes());
                    json!({ "keyId": key.key_id, "publicKey": public_key, "createdAt": created_at })
                })
                .collect();
            return Ok(output::print_json(&shown)?);
        }
        if keys.is_empty() {
            return Ok(output::print(
                "There is no key yet: the first checkpoint makes one (`cloud-bridge audit checkpoint`)",
            )?);
        }
        let mut table = output::table(&["KEY", "PUBLIC KEY (ED25519)", "SINCE (UTC)"]);
        for key in &keys {
            let since = key.created_at.moment().map(moment).unwrap_or_default();
            table.add_row([cell(&key.key_id), cell(hex::encode(key.public().as_bytes())), cell(since)]);
        }
        output::keep_whole(&mut table, 1);
        Ok(output::print(output::rendered(&table))?)
    }
}

/// A public key as `audit key` shows it.
fn public_key(text: &str) -> Result<VerifyingKey, &'static str> {
    checkpoint::public_key(&text.trim().to_lowercase())
        .ok_or("a public key is 64 hexadecimal digits, as `cloud-bridge audit key` shows it")
}

/// Drawn on standard error, and only on a terminal.
fn bar() -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} events, {per_sec}, {eta} left")?;
    Ok(ProgressBar::new(0).with_style(style))
}

fn counted(number: u64, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_progress_bar_can_be_drawn() {
        bar().unwrap().finish_and_clear();
    }

    #[test]
    fn a_public_key_is_parsed_and_anything_else_refused() {
        assert!(public_key(&format!(" 58{} ", "6".repeat(62))).is_ok());
        for text in ["", "58", &"zz".repeat(32)] {
            assert!(public_key(text).is_err());
        }
    }
}
