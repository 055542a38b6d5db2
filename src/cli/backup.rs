//! `cloud-bridge backup` and `restore`: the embedded log, copied while a server goes on, and put back.

mod files;

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use serde_json::json;

use self::files::BackupNote;
use super::databases::DatabaseArgs;
use super::output;

/// Copy the event log into a folder, while a server may go on writing it
///
/// The copy holds every event, the data keys that open what is private in them, and nothing of the views, which are
/// rebuilt. The master key is not in it: keep a copy of `DATA_DIR/master.key` elsewhere, for without it the backup cannot be
/// read, and together anyone who finds them can read them. A Postgres log is backed up with Postgres's own tools.
#[derive(Args, Debug)]
pub(super) struct Backup {
    /// A folder that is empty or not there yet
    #[arg(long, env = "CLOUD_BRIDGE_BACKUP", value_name = "DIR")]
    to: PathBuf,
    #[command(flatten)]
    databases: DatabaseArgs,
}

/// Put a backup's event log into an empty data folder, and check that no event in it was changed
///
/// Put the master key into the folder first, or give it in `CLOUD_BRIDGE_MASTER_KEY`. Nothing is ever written over. What was
/// erased after the backup was made is in it still: erase it again.
#[derive(Args, Debug)]
pub(super) struct Restore {
    /// The folder of the backup
    #[arg(long, env = "CLOUD_BRIDGE_BACKUP", value_name = "DIR")]
    from: PathBuf,
    #[command(flatten)]
    databases: DatabaseArgs,
}

impl Backup {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        self.databases
            .require_embedded_log("back it up with `pg_dump --format custom`, the tables of one log together")?;
        let log = self.databases.open_log().await?;
        let made = files::back_up(&log, &self.to, log.clock().now()).await;
        log.close().await;
        let note = made?;
        if json {
            return Ok(output::print_json(&note)?);
        }
        let BackupNote { position, bytes, master_key_ids, .. } = &note;
        let keys = master_key_ids.join(", ");
        let folder = self.to.display();
        Ok(output::print(format_args!(
            "Backed up {position} events, {bytes} bytes, to {folder}.\n\
             The master key (id {keys}) is not in it: keep a copy of it elsewhere.\n\
             Put back with: cloud-bridge restore --from {folder} --data-dir NEW_FOLDER"
        ))?)
    }
}

impl Restore {
    pub(super) fn run(self, json: bool) -> anyhow::Result<()> {
        self.databases.require_embedded_log("put it back with `pg_restore`")?;
        if !self.databases.has_default_log() {
            bail!("a backup is put back into a data folder: leave --log out and name the folder with --data-dir");
        }
        let note = files::examined(&self.from)?;
        let vault = self.databases.vault(false)?;
        if let Some(missing) = note.opened_by().find(|id| !hex::decode(id).is_ok_and(|id| vault.has(&id))) {
            let present = hex::encode(vault.master_key_id());
            bail!("the master key is not the backup's: it wants key {missing}, this is key {present}");
        }
        let file = files::put_back(&self.from, &self.databases.data_dir)?;
        if json {
            return Ok(output::print_json(&json!({ "log": file, "position": note.position }))?);
        }
        Ok(output::print(format_args!(
            "Restored {} events to {}.\nStart the server: it rebuilds the views.",
            note.position,
            file.display()
        ))?)
    }
}
