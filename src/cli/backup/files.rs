//! Backups of the embedded log: a copy that SQLite itself makes while the service goes on, and a note of what it is.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use event_log::vault::write_private;
use event_log::{EventLog, Position};

const FORMAT: &str = "cloud-bridge backup";
const VERSION: u32 = 1;
const LOG_FILE: &str = "log.db";
const NOTE_FILE: &str = "backup.json";
const READ_BYTES: usize = 1024 * 1024;

/// What a backup holds. Written last: a folder without it is a backup that did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BackupNote {
    format: String,
    version: u32,
    pub created_at: DateTime<Utc>,
    /// The position of the last event in it.
    pub position: Position,
    /// The master keys that open it, by their ids: more than one while they were being changed.
    #[serde(default)]
    pub master_key_ids: Vec<String>,
    /// What notes had before, which named the key that the server sealed with.
    #[serde(default, skip_serializing)]
    master_key_id: Option<String>,
    pub bytes: u64,
    /// Of the copy of the log; hexadecimal.
    sha256: String,
}

impl BackupNote {
    /// The ids of the master keys that must be there to open it.
    pub(super) fn opened_by(&self) -> impl Iterator<Item = &String> {
        self.master_key_ids.iter().chain(&self.master_key_id)
    }
}

/// Copies the log that is open into an empty folder. A server may go on writing: the copy holds what was committed when it
/// began.
///
/// # Errors
/// Where the folder holds anything, or the copy cannot be written.
pub(super) async fn back_up(log: &EventLog, folder: &Path, now: DateTime<Utc>) -> anyhow::Result<BackupNote> {
    make_empty_folder(folder)?;
    let copy = folder.join(LOG_FILE);
    let path = copy.to_str().context("the path of the folder is not readable as text: choose another")?;
    log.copy_to(path).await.with_context(|| format!("the log cannot be copied to {path}"))?;
    keep_private(&copy)?;
    let (bytes, sha256) = measured(&copy)?;
    let in_copy = EventLog::found_in(&copy).await.context("the copy cannot be read")?;
    let note = BackupNote {
        format: FORMAT.to_owned(),
        version: VERSION,
        created_at: now,
        position: in_copy.head,
        master_key_ids: in_copy.master_keys.iter().map(hex::encode).collect(),
        master_key_id: None,
        bytes,
        sha256,
    };
    write_private(&folder.join(NOTE_FILE), &serde_json::to_string_pretty(&note)?)?;
    Ok(note)
}

/// Reads a backup's note and checks that its copy is whole.
///
/// # Errors
/// Where it is no backup, of another version, or damaged.
pub(super) fn examined(folder: &Path) -> anyhow::Result<BackupNote> {
    let path = folder.join(NOTE_FILE);
    let text = fs::read_to_string(&path).with_context(|| {
        format!(
            "{} is not a backup, or one that did not come to its end: there is no {NOTE_FILE} in it",
            folder.display()
        )
    })?;
    let note: BackupNote =
        serde_json::from_str(&text).with_context(|| format!("{} is not understood", path.display()))?;
    ensure!(note.format == FORMAT, "{} is not the note of a backup", path.display());
    if note.version != VERSION {
        bail!("the backup is of format version {}, and this program reads version {VERSION}", note.version);
    }
    let (bytes, sha256) = measured(&folder.join(LOG_FILE))?;
    if (bytes, &sha256) != (note.bytes, &note.sha256) {
        bail!("the copy of the log in {} is not the one that was made: it was damaged or changed", folder.display());
    }
    Ok(note)
}

/// Puts the copy of the log of an examined backup where a server reads it.
///
/// # Errors
/// Where a log or views are there already: nothing is ever written over.
pub(super) fn put_back(folder: &Path, data_dir: &Path) -> anyhow::Result<PathBuf> {
    for name in [LOG_FILE, "log.db-wal", "views.db"] {
        let file = data_dir.join(name);
        if file.exists() {
            bail!("{} is there already: move it away, or restore into another folder with --data-dir", file.display());
        }
    }
    let log = data_dir.join(LOG_FILE);
    let part = data_dir.join("log.db.part");
    // Under another name until it is whole, so that no server takes half of it for a log.
    fs::copy(folder.join(LOG_FILE), &part).with_context(|| format!("{} cannot be written", part.display()))?;
    keep_private(&part)?;
    fs::rename(&part, &log)?;
    File::open(data_dir)?.sync_all()?;
    Ok(log)
}

fn make_empty_folder(folder: &Path) -> anyhow::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    if fs::read_dir(folder)?.next().is_some() {
        bail!("{} is not empty: a backup gets a folder of its own", folder.display());
    }
    Ok(())
}

fn keep_private(file: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(file, fs::Permissions::from_mode(0o600))?;
    }
    File::open(file)?.sync_all()
}

fn measured(file: &Path) -> anyhow::Result<(u64, String)> {
    let mut reader = File::open(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let (mut hasher, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; READ_BYTES]);
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            return Ok((bytes, hex::encode(hasher.finalize())));
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
}
