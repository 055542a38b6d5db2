//! How the domain and its views meet the world: stores, people, Cortex Cloud and databases.

pub mod api;
pub mod app;
pub mod audit;
pub mod cli;
mod dispatcher;
pub mod ingest;
pub mod metrics;
mod moments;
pub mod ports;
pub mod processes;
pub mod projector;
pub mod rendering;
pub mod replay;
mod runtimes;
pub mod sandbox;
pub mod scripted;
pub mod service;
pub mod store_sandbox;
mod tasks;
mod worker;
