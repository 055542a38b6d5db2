//! Breaks a running service in every way that we know, many times over, and counts what came of it: what was lost, delivered
//! twice, charged twice or stuck, and how long it took until a webhook was taken again.
//!
//! `scripts/faults`; `scripts/faults --only kill --engine postgres --rounds 300 --seed 7`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a person watches it")]

mod faults {
    pub(crate) mod check;
    pub(crate) mod draw;
    pub(crate) mod load;
    pub(crate) mod options;
    pub(crate) mod postgres;
    pub(crate) mod report;
    pub(crate) mod scenario;
    pub(crate) mod world;
}

#[path = "setting"]
mod setting {
    pub(crate) mod server;
    pub(crate) mod signing;
}

use std::process::ExitCode;

use clap::{Parser as _, ValueEnum as _};
use faults::options::Options;
use faults::scenario::Scenario;
use faults::{report, scenario};
use tokio::runtime::Builder;

fn main() -> ExitCode {
    let options = Options::parse();
    // `cargo test --all-targets` starts benchmarks too, without saying so.
    if !options.bench {
        return ExitCode::SUCCESS;
    }
    let runtime = match Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("there are no threads to run on: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut lines = vec![];
    let mut is_whole = true;
    for &scenario in Scenario::value_variants() {
        for engine in scenario.engines().iter().filter(|engine| options.wants(scenario, **engine)) {
            eprintln!("{} on {}, {} rounds", scenario.name(), engine.name(), options.rounds_of(scenario));
            match runtime.block_on(scenario::run(scenario, *engine, &options)) {
                Ok(outcome) => {
                    is_whole &= outcome.is_whole();
                    lines.push(report::line(scenario, *engine, &outcome));
                    eprintln!("{}", lines[lines.len() - 1]);
                }
                Err(error) => {
                    is_whole = false;
                    eprintln!("{} on {} could not be run: {error:#}", scenario.name(), engine.name());
                }
            }
        }
    }
    println!("{}", report::table(&lines, &options));
    if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
