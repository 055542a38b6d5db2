//! Measures how fast deliveries go that are woken at once: each is taken up, brought through Cortex Cloud, and paid.
//!
//! `cargo bench --bench delivering`, and for Postgres `scripts/postgres cargo bench --bench delivering -- --log postgres`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its figures")]

mod delivering {
    pub(crate) mod options;
    pub(crate) mod report;
    pub(crate) mod run;
    pub(crate) mod store;
}
#[path = "setting"]
mod setting {
    pub(crate) mod conditions;
    pub(crate) mod databases;
    pub(crate) mod process;
    pub(crate) mod server;
    pub(crate) mod signing;
}

use std::process::ExitCode;

use clap::Parser as _;
use delivering::options::Options;
use delivering::run;
use tokio::runtime::Builder;

fn main() -> ExitCode {
    let options = Options::parse();
    // `cargo test --all-targets` starts benchmarks too, without saying so.
    if !options.bench {
        println!("nothing is measured unless asked to: cargo bench --bench delivering");
        return ExitCode::SUCCESS;
    }
    let measured = Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(run::run(&options)));
    match measured {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
