//! The table of what came of it, as it is kept in `docs/faults.md`.

use std::time::Duration;

use super::check::Outcome;
use super::options::{Engine, Options};
use super::scenario::Scenario;

pub(crate) fn line(scenario: Scenario, engine: Engine, outcome: &Outcome) -> String {
    let mut sorted = outcome.recoveries.clone();
    sorted.sort_unstable();
    let at = |part: usize| sorted.get((sorted.len().saturating_sub(1)) * part / 100).map_or("—".to_owned(), seconds);
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} / {} |",
        scenario.name(),
        engine.name(),
        outcome.rounds,
        outcome.acknowledged,
        outcome.lost,
        outcome.doubled,
        outcome.stuck,
        outcome.charged_twice,
        at(50),
        at(100)
    )
}

fn seconds(duration: &Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

pub(crate) fn table(lines: &[String], options: &Options) -> String {
    format!(
        "seed {}\n\n| fault | engine | rounds | acknowledged | lost | delivered twice | stuck | charged twice | taken again after \
         (median / longest) |\n|---|---|---|---|---|---|---|---|---|\n{}",
        options.seed,
        lines.join("\n")
    )
}
