//! The program: reads the command line, runs the command, and prints what went wrong.
#![expect(clippy::print_stderr, reason = "this is where an error meets the person at the terminal")]

use std::process::ExitCode;
use std::time::Duration;

use cloud_bridge::cli::{Cli, reader_went_away};

/// Rows of the log are made on one thread and dropped on another, where glibc's allocator has its threads wait for each
/// other: with this one a log is verified, and the views are moved, in a fraction of the time (docs/benchmarks.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long threads that are still busy may take once the command is done.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let cli = Cli::read();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the program cannot start its threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(cli.run());
    // What still hangs on a thread of its own does not keep the program from ending.
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if reader_went_away(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because {cause}");
            }
            ExitCode::FAILURE
        }
    }
}
