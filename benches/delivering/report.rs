//! What was measured, as people read it.

use std::fmt;
use std::time::Duration;

use crate::setting::conditions::Conditions;
use crate::setting::process::Memory;

pub(crate) struct Report {
    pub(crate) deliveries: u64,
    /// How many were delivered at which moment after all were woken.
    pub(crate) moments: Vec<(Duration, u64)>,
    pub(crate) used: Used,
    pub(crate) conditions: Conditions,
}

/// What the service used, where the system says so.
pub(crate) struct Used {
    pub(crate) busy: Option<Duration>,
    pub(crate) memory: Option<Memory>,
    /// After the deliveries were woken, until no credits were set aside any more.
    pub(crate) paid_after: Duration,
}

impl Report {
    /// When so many were delivered.
    fn at(&self, delivered: u64) -> Duration {
        let found = self.moments.iter().find(|(_, so_far)| *so_far >= delivered);
        found.map_or(Duration::ZERO, |(moment, _)| *moment)
    }

    /// Deliveries a second between two of them.
    fn rate(&self, from: u64, to: u64) -> f64 {
        let time = self.at(to).saturating_sub(self.at(from)).as_secs_f64();
        let many = u32::try_from(to - from).unwrap_or(u32::MAX);
        f64::from(many) / time.max(f64::EPSILON)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.deliveries;
        let tenth = |number: u64| all * number / 10;
        writeln!(f, "{all} deliveries woken at once: {:.0} a second", self.rate(0, all))?;
        writeln!(f, "the first of them after {:.2} s", self.at(1).as_secs_f64())?;
        let second = self.rate(tenth(1), tenth(2));
        writeln!(f, "the second tenth at {second:.0} a second, the last at {:.0}", self.rate(tenth(9), all))?;
        writeln!(
            f,
            "the last delivered after {:.2} s, and all of them paid as people see it after {:.2} s",
            self.at(all).as_secs_f64(),
            self.used.paid_after.as_secs_f64()
        )?;
        let took = self.at(all).as_secs_f64().max(f64::EPSILON);
        if let Some(busy) = self.used.busy {
            writeln!(f, "the service kept {:.2} cores busy", busy.as_secs_f64() / took)?;
        }
        if let Some(Memory { now, peak }) = self.used.memory {
            let mib = 1_024 * 1_024;
            writeln!(f, "it has {} MiB resident at the end, {} at most", now / mib, peak / mib)?;
        }
        write!(f, "{}", self.conditions)
    }
}
