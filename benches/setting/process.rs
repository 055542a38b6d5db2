//! What the system says a process uses. It says so on Linux; elsewhere the benchmark goes without.

use std::time::Duration;

/// Clock ticks in a second, as Linux counts a process's time for everybody who reads it.
const TICKS_A_SECOND: u64 = 100;

/// Resident memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    pub(crate) now: u64,
    pub(crate) peak: u64,
}

pub(crate) fn memory(process_id: u32) -> Option<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{process_id}/status")).ok()?;
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line.trim_start_matches(':').trim().strip_suffix("kB")?.trim().parse().ok()?;
        Some(kib * 1_024)
    };
    Some(Memory { now: bytes("VmRSS")?, peak: bytes("VmHWM")? })
}

/// How long a process has kept cores busy, all of them together.
pub(crate) fn busy(process_id: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process_id}/stat")).ok()?;
    // The second field is the program's name in brackets, which may contain anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut times = fields.split(' ').skip(11);
    let user: u64 = times.next()?.parse().ok()?;
    let system: u64 = times.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 1_000 / TICKS_A_SECOND))
}
