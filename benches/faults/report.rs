//! The table of what came of it, as it is kept in `docs/faults.md`.

use std::time::Duration;

use super::check::Outcome;
use super::options::{Engine, Options};
use super::scenario::dispatches::Arrived;
use super::scenario::{Ended, Scenario};

const DELIVERED: &str = "\
| fault | engine | rounds | acknowledged | lost | delivered twice | stuck | charged twice | taken again after (median / longest) |";
const DISPATCHED: &str = "\
| fault | engine | rounds | events accepted | lost | out of order | stuck | published twice | sent again | first sent after \
(median / longest) | all arrived after (median / longest) |";

/// What came of all that was run.
#[derive(Default)]
pub(crate) struct Report {
    delivered: Vec<String>,
    dispatched: Vec<String>,
}

impl Report {
    /// Adds a line, and returns it.
    pub(crate) fn add(&mut self, scenario: Scenario, engine: Engine, ended: &Ended) -> String {
        let (line, lines) = match ended {
            Ended::Delivered(outcome) => (delivered(scenario, engine, outcome), &mut self.delivered),
            Ended::Dispatched(arrived) => (dispatched(scenario, engine, arrived), &mut self.dispatched),
        };
        lines.push(line.clone());
        line
    }

    pub(crate) fn table(&self, options: &Options) -> String {
        let all = [(DELIVERED, &self.delivered), (DISPATCHED, &self.dispatched)];
        let tables = all.into_iter().filter(|(_, lines)| !lines.is_empty()).map(|(head, lines)| {
            let columns = "|---".repeat(head.matches(" | ").count() + 1);
            format!("{head}\n{columns}|\n{}", lines.join("\n"))
        });
        let tables: Vec<String> = tables.collect();
        format!("seed {}\n\n{}", options.seed, tables.join("\n\n"))
    }
}

fn delivered(scenario: Scenario, engine: Engine, outcome: &Outcome) -> String {
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        scenario.name(),
        engine.name(),
        outcome.rounds,
        outcome.acknowledged,
        outcome.lost,
        outcome.doubled,
        outcome.stuck,
        outcome.charged_twice,
        median_and_longest(&outcome.recoveries)
    )
}

fn dispatched(scenario: Scenario, engine: Engine, arrived: &Arrived) -> String {
    let counts = &arrived.counts;
    format!(
        "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        scenario.name(),
        engine.name(),
        arrived.rounds,
        arrived.accepted,
        arrived.lost,
        counts.disordered,
        arrived.stuck,
        counts.doubled,
        counts.repeats,
        median_and_longest(&arrived.recoveries),
        median_and_longest(&arrived.settled)
    )
}

fn median_and_longest(durations: &[Duration]) -> String {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    let at = |part: usize| sorted.get((sorted.len().saturating_sub(1)) * part / 100).map_or("—".to_owned(), seconds);
    format!("{} / {}", at(50), at(100))
}

fn seconds(duration: &Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}
