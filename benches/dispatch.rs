//! Measures how commerce events reach endpoints: from a webhook that is accepted to the subscriber's 2xx, with everything on.
//!
//! `cargo bench --bench dispatch`, and for Postgres `scripts/postgres cargo bench --bench dispatch -- --log postgres`.

// An order written as `json!` has more fields than the default allows.
#![recursion_limit = "256"]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its figures")]

mod dispatch {
    pub(crate) mod arrivals;
    pub(crate) mod load;
    pub(crate) mod options;
    pub(crate) mod part;
    pub(crate) mod report;
    pub(crate) mod service;
}
#[path = "setting"]
mod setting {
    pub(crate) mod account;
    pub(crate) mod conditions;
    pub(crate) mod connection;
    pub(crate) mod databases;
    #[expect(dead_code, reason = "of what stores send, the ingest benchmark uses all")]
    pub(crate) mod order;
    pub(crate) mod process;
    #[expect(dead_code, reason = "events are known by their orders here")]
    pub(crate) mod receiver;
    #[expect(dead_code, reason = "of what stores send, the ingest benchmark uses all")]
    pub(crate) mod request;
    pub(crate) mod server;
    pub(crate) mod signing;
}

use std::process::ExitCode;

use clap::Parser as _;
use dispatch::options::Options;
use dispatch::part;
use tokio::runtime::Builder;

/// That of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let options = Options::parse();
    // `cargo test --all-targets` starts benchmarks too, without saying so.
    if !options.bench {
        println!("nothing is measured unless asked to: cargo bench --bench dispatch");
        return ExitCode::SUCCESS;
    }
    let measured = Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(part::run(&options)));
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
