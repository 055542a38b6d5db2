//! Measures what is read back: a long stream, the feed on its way into the views, the whole log as it is verified, and
//! pages of the delivery log.
//!
//! `cargo bench --bench reading`, and for Postgres `scripts/postgres cargo bench --bench reading -- --log postgres`.

// An order written as `json!` has more fields than the default allows.
#![recursion_limit = "256"]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its figures")]

mod reading {
    pub(crate) mod charges;
    pub(crate) mod deliveries;
    pub(crate) mod history;
    pub(crate) mod loading;
    pub(crate) mod options;
    pub(crate) mod paging;
    pub(crate) mod projecting;
    pub(crate) mod question;
    pub(crate) mod report;
    pub(crate) mod run;
    pub(crate) mod timing;
    pub(crate) mod verifying;
}
#[path = "setting"]
mod setting {
    pub(crate) mod conditions;
    pub(crate) mod databases;
    pub(crate) mod order;
}

use std::process::ExitCode;

use clap::Parser as _;
use reading::options::Options;
use reading::run;
use tokio::runtime::Builder;

/// That of the program: what is measured here runs in this process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let options = Options::parse();
    // `cargo test --all-targets` starts benchmarks too, without saying so.
    if !options.bench {
        println!("nothing is measured unless asked to: cargo bench --bench reading");
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
    // The two runtimes that the service has: what is not ingest has one thread for itself.
    let background = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run::run(options, background.handle()))
}
