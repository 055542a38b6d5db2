//! Measures ingest: how many signed webhooks a second the service takes and keeps, and how many the same endpoint
//! would take that keeps nothing.
//!
//! `cargo bench --bench ingest`, and for Postgres `scripts/postgres cargo bench --bench ingest -- --log postgres`.

// An order written as `json!` has more fields than the default allows.
#![recursion_limit = "256"]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its figures")]

mod ingest {
    pub(crate) mod ceiling;
    pub(crate) mod kept;
    pub(crate) mod load;
    pub(crate) mod options;
    pub(crate) mod report;
    pub(crate) mod run;
    pub(crate) mod server;
}
#[path = "setting"]
mod setting {
    pub(crate) mod conditions;
    pub(crate) mod connection;
    pub(crate) mod databases;
    pub(crate) mod order;
    pub(crate) mod process;
    pub(crate) mod request;
    pub(crate) mod signing;
}

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use ingest::options::Options;
use ingest::{ceiling, run};
use tokio::runtime::Builder;

/// That of the program, so that both servers are measured alike.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let options = Options::parse();
    // `cargo test --all-targets` starts benchmarks too, without saying so.
    if !options.bench && options.ceiling_server.is_none() {
        println!("nothing is measured unless asked to: cargo bench --bench ingest");
        return ExitCode::SUCCESS;
    }
    match start(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(options: &Options) -> anyhow::Result<()> {
    if let Some(port) = options.ceiling_server {
        // The runtime that the service has, so that both are measured alike.
        let runtime = Builder::new_multi_thread().enable_all().build().context("no runtime")?;
        return runtime.block_on(ceiling::serve(options.provider, port));
    }
    let runtime = Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let outcome = runtime.block_on(run::run(options));
    // After an interruption, connections of the load may still wait for an answer.
    runtime.shutdown_background();
    outcome
}
