//! Whether the databases can be written, and how much room their disks have. Reads go on where a disk is full, so only a
//! write can show.

use std::path::Path;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use tokio::sync::Mutex;

use super::log_and_views::LogAndViews;

/// How long a write may take before the service counts as not ready.
const PROBE_TIMEOUT: Duration = Duration::from_millis(500);
/// An answer counts for so long: to ask all the time causes no more writes.
const GOOD_FOR: Duration = Duration::from_secs(1);
/// Less room than this is warned of, in bytes and in parts of the disk.
const LOW_BYTES: u64 = 256 * 1_024 * 1_024;
const LOW_PART: u64 = 20;
const POLL_EVERY: TimeDelta = TimeDelta::seconds(10);

/// Whether a database could be written when that was last tried.
#[derive(Debug, Default)]
pub(crate) struct Probe(Mutex<Option<(Instant, bool)>>);

impl Probe {
    /// Runs `write`, which writes a row, unless that was done a moment ago. Callers at the same time wait for one write.
    pub(crate) async fn is_writable(&self, write: impl Future<Output = sqlx::Result<()>>) -> bool {
        let mut last = self.0.lock().await;
        if let Some((at, worked)) = *last
            && at.elapsed() < GOOD_FOR
        {
            return worked;
        }
        let worked = matches!(tokio::time::timeout(PROBE_TIMEOUT, write).await, Ok(Ok(())));
        *last = Some((Instant::now(), worked));
        worked
    }
}

/// The room on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) free_bytes: u64,
    pub(crate) is_low: bool,
}

/// The room on the disk of a file.
pub(crate) fn room_on_disk_of(file: &Path) -> Option<Room> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let disk = rustix::fs::statvfs(folder).ok()?;
    let (free, all) = (disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize));
    Some(Room { free_bytes: free, is_low: free < LOW_BYTES.min(all / 4) || free < all / LOW_PART })
}

/// Says when a disk gets full, and when it has room again. Runs until it is dropped.
pub(crate) async fn follow(data: &LogAndViews) {
    let files = [("log", data.log.file()), ("views", data.views.file())];
    let mut low = [false; 2];
    loop {
        for ((name, file), was_low) in files.into_iter().zip(&mut low) {
            let Some(Room { free_bytes, is_low }) = file.and_then(room_on_disk_of) else { continue };
            if is_low && !*was_low {
                // Webhooks are written to the log alone.
                let once_full = match name {
                    "log" => "webhooks are answered 503 until there is room",
                    _ => "nothing is delivered and lists stand still until there is room",
                };
                tracing::warn!(database = name, free_bytes, "the disk is nearly full: once it is, {once_full}");
            } else if !is_low && *was_low {
                tracing::info!(database = name, free_bytes, "the disk has room again");
            }
            *was_low = is_low;
        }
        data.clock().sleep_until(data.now() + POLL_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_room_of_a_disk_is_known_by_a_file_on_it() {
        let folder = tempfile::tempdir().unwrap();
        let room = room_on_disk_of(&folder.path().join("log.db")).unwrap();
        assert!(room.free_bytes > 0);
        assert_eq!(room_on_disk_of(Path::new("/nowhere/log.db")), None);
    }
}
