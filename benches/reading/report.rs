//! The figures of one run, as tables for people or as JSON for programs.

use std::fmt::{self, Display};

use serde::Serialize;

use super::loading::Loads;
use super::paging::{Asked, FEW};
use super::projecting::Projected;
use super::question::PAGE_ROWS;
use super::verifying::Audited;
use crate::setting::conditions::Conditions;

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) loads: Option<Vec<Loads>>,
    pub(crate) audited: Option<Audited>,
    pub(crate) projected: Option<Projected>,
    /// How many deliveries the long log has, and what was asked of it.
    pub(crate) deliveries: i64,
    pub(crate) pages: Option<Vec<Asked>>,
    pub(crate) conditions: Conditions,
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(audited) = &self.audited {
            write_audited(f, audited)?;
        }
        if let Some(projected) = &self.projected {
            write_projected(f, projected)?;
        }
        if let Some(loads) = &self.loads {
            write_loads(f, loads)?;
        }
        if let Some(pages) = &self.pages {
            write_pages(f, self.deliveries, pages)?;
        }
        write!(f, "{}", self.conditions)
    }
}

fn write_loads(f: &mut fmt::Formatter<'_>, loads: &[Loads]) -> fmt::Result {
    writeln!(f, "Loading a ledger\n")?;
    writeln!(f, "{:<40}{:>12}{:>10}{:>12}{:>10}", "", "events", "read", "median, ms", "p99, ms")?;
    for Loads { stream, events, events_read, timing } in loads {
        let (median, p99) = (timing.median_ms, timing.p99_ms);
        writeln!(f, "{stream:<40}{events:>12}{events_read:>10}{median:>12.3}{p99:>10.3}")?;
    }
    writeln!(f)
}

fn write_audited(f: &mut fmt::Formatter<'_>, audited: &Audited) -> fmt::Result {
    writeln!(f, "Verifying {} events\n\n{:<20}{:>12}{:>12}", audited.events, "", "events/s", "s")?;
    let signed = ("signing all of them", audited.signing_seconds);
    for (what, seconds) in std::iter::once(signed).chain(audited.verifying_seconds.iter().map(|s| ("verifying", *s))) {
        writeln!(f, "{what:<20}{:>12.0}{seconds:>12.2}", per_second(audited.events, seconds))?;
    }
    writeln!(f)
}

fn write_projected(f: &mut fmt::Formatter<'_>, projected: &Projected) -> fmt::Result {
    let rate = |seconds: f64| per_second(projected.events, seconds);
    writeln!(f, "Moving the views along {} events\n", projected.events)?;
    writeln!(f, "{:<20}{:>12}{:>12}{:>12}", "", "events/s", "reading, s", "applying, s")?;
    for alone in &projected.alone {
        let (reading, applying) = (alone.reading_seconds, alone.applying_seconds);
        let together = rate(reading + applying);
        writeln!(f, "{:<20}{together:>12.0}{reading:>12.2}{applying:>12.2}", alone.view)?;
    }
    let seconds = projected.together_seconds;
    writeln!(f, "{:<20}{:>12.0}{:>24.2}\n", "all by the projector", rate(seconds), seconds)
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people needs no more than 52 bits")]
fn per_second(events: i64, seconds: f64) -> f64 {
    events as f64 / seconds
}

fn write_pages(f: &mut fmt::Formatter<'_>, deliveries: i64, pages: &[Asked]) -> fmt::Result {
    writeln!(f, "A page of {PAGE_ROWS} of the delivery log; median and p99 in ms\n")?;
    writeln!(f, "{:<32}{FEW:>10}{:>10}{deliveries:>14}{:>12}{:>8}{:>8}", "deliveries", "p99", "p99", "ratio", "times")?;
    for Asked { question, few, many } in pages {
        let ratio = many.timing.median_ms / few.timing.median_ms;
        write!(f, "{question:<32}{:>10.2}{:>10.2}", few.timing.median_ms, few.timing.p99_ms)?;
        write!(f, "{:>14.2}{:>12.2}{ratio:>8.1}{:>8}", many.timing.median_ms, many.timing.p99_ms, many.timing.times)?;
        match many.failures {
            0 => writeln!(f)?,
            failures => writeln!(f, "  (gave up {failures} times)")?,
        }
    }
    writeln!(f)
}
