//! Under what a figure was measured, without which it says nothing.

use std::fmt;
use std::path::Path;
use std::thread::available_parallelism;

use serde::Serialize;

#[derive(Debug, Serialize)]
pub(crate) struct Conditions {
    pub(crate) version: &'static str,
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) engine: String,
    /// What kind of file system the benchmark's folder is on.
    pub(crate) file_system: String,
}

impl Conditions {
    pub(crate) fn of(engine: String, folder: &Path) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            processor: processor().unwrap_or_else(|| "a processor of unknown name".to_owned()),
            cores: available_parallelism().map_or(1, usize::from),
            engine,
            file_system: file_system(folder).unwrap_or_else(|| "unknown".to_owned()),
        }
    }
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, processor, cores, engine, file_system } = self;
        write!(f, "cloud-bridge {version} on {processor}, {cores} cores; {engine}; files on {file_system}")
    }
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
