//! Under what a figure was measured, without which it says nothing.

use std::fmt;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct Conditions {
    pub(crate) version: &'static str,
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) engine: String,
    /// What kind of file system the benchmark's folder is on.
    pub(crate) file_system: String,
    /// How often a second the disk takes 64 KiB for good, right after the run: no log commits more often.
    pub(crate) syncs_per_second: Option<f64>,
}

const SYNCED_BYTES: usize = 64 * 1_024;
const SYNCING: Duration = Duration::from_secs(1);

impl Conditions {
    pub(crate) fn of(engine: String, folder: &Path) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            processor: processor().unwrap_or_else(|| "a processor of unknown name".to_owned()),
            cores: available_parallelism().map_or(1, usize::from),
            engine,
            file_system: file_system(folder).unwrap_or_else(|| "unknown".to_owned()),
            syncs_per_second: syncs_per_second(folder).ok(),
        }
    }
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, processor, cores, engine, file_system, syncs_per_second } = self;
        write!(f, "cloud-bridge {version} on {processor}, {cores} cores; {engine}; files on {file_system}")?;
        match syncs_per_second {
            Some(syncs) => write!(f, ", whose disk takes 64 KiB for good {syncs:.0} times a second"),
            None => Ok(()),
        }
    }
}

fn syncs_per_second(folder: &Path) -> std::io::Result<f64> {
    let mut file = File::options().append(true).create(true).open(folder.join("synced"))?;
    let piece = vec![1; SYNCED_BYTES];
    let (since, mut syncs) = (Instant::now(), 0_u32);
    while since.elapsed() < SYNCING {
        file.write_all(&piece)?;
        file.sync_data()?;
        syncs += 1;
    }
    Ok(f64::from(syncs) / since.elapsed().as_secs_f64())
}

fn processor() -> Option<String> {
    let processors = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = processors.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The type of the innermost file system that `folder` is on.
fn file_system(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let mounts = std::fs::read_to_string("/proc/mounts").ok()?;
    let holding = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (place, kind) = (Path::new(fields.next()?), fields.next()?);
        folder.starts_with(place).then(|| (place.components().count(), kind))
    });
    holding.max_by_key(|(depth, _)| *depth).map(|(_, kind)| kind.to_owned())
}
