//! Breaks a running service in every way that we know, many times over, and counts what came of it: what was lost, delivered
//! twice, charged twice or stuck, and how long it took until a webhook was taken again.
//!
//! `scripts/faults`; `scripts/faults --only kill --engine postgres --rounds 300 --seed 7`.

// An order written as `json!` has more fields than the default allows.
#![recursion_limit = "256"]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a person watches it")]

mod faults {
    pub(crate) mod catalogue;
    pub(crate) mod check;
    pub(crate) mod draw;
    pub(crate) mod load;
    pub(crate) mod options;
    pub(crate) mod postgres;
    pub(crate) mod report;
    pub(crate) mod scenario;
    pub(crate) mod subscriber;
    pub(crate) mod world;
}

#[path = "setting"]
mod setting {
    pub(crate) mod account;
    #[expect(dead_code, reason = "of what stores send, the ingest benchmark uses all")]
    pub(crate) mod order;
    #[expect(dead_code, reason = "there is one endpoint here, and it always responds")]
    pub(crate) mod receiver;
    #[expect(dead_code, reason = "requests are made by hand where connections break")]
    pub(crate) mod request;
    pub(crate) mod server;
    pub(crate) mod signing;
}

use std::process::ExitCode;

use clap::{Parser as _, ValueEnum as _};
use faults::options::Options;
use faults::report::Report;
use faults::scenario::{self, Scenario};
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
    let mut report = Report::default();
    let mut is_whole = true;
    for &scenario in Scenario::value_variants() {
        for engine in scenario.engines().iter().filter(|engine| options.wants(scenario, **engine)) {
            eprintln!("{} on {}, {} rounds", scenario.name(), engine.name(), scenario.rounds(options.rounds));
            match runtime.block_on(scenario::run(scenario, *engine, &options)) {
                Ok(ended) => {
                    is_whole &= ended.is_whole();
                    eprintln!("{}", report.add(scenario, *engine, &ended));
                }
                Err(error) => {
                    is_whole = false;
                    eprintln!("{} on {} could not be run: {error:#}", scenario.name(), engine.name());
                }
            }
        }
    }
    println!("{}", report.table(&options));
    if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
