//! How the domain and its views meet the world: stores, people, Cortex Cloud and databases.

pub mod audit;
pub mod backup;
pub mod changes;
pub mod cli;
pub mod clock;
pub mod cortex;
pub mod demo;
mod disks;
pub mod erasure;
pub mod event_log;
pub mod graphql;
pub mod http;
pub mod ids;
pub mod ingest;
pub mod integrations;
pub mod keys;
pub mod limits;
pub mod master_keys;
pub mod metrics;
pub mod operations;
pub mod personal_data;
mod progress;
pub mod projector;
pub mod rate_limit;
mod reactions;
mod recurring;
pub mod replay;
pub mod retention;
mod runtimes;
pub mod sandbox;
pub mod service;
pub mod summary;
pub mod vault;
mod worker;

/// Rows of the log are made on one thread and dropped on another, where glibc's allocator has its threads wait for each
/// other: with this one a log is verified, and the views are moved, in a fraction of the time (docs/benchmarks.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
