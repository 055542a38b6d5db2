//! How the domain and its views meet the world: stores, people, Cortex Cloud and databases.

pub mod audit;
mod background;
pub mod backup;
pub mod changes;
pub mod cli;
pub mod clock;
pub mod cortex;
pub mod demo;
pub mod erasure;
pub mod event_log;
pub mod graphql;
pub mod http;
pub mod ids;
pub mod ingest;
pub mod integrations;
pub mod keys;
pub mod metrics;
pub mod operations;
pub mod personal_data;
pub mod projector;
pub mod rate_limit;
mod reactions;
pub mod sandbox;
pub mod service;
pub mod summary;
pub mod vault;
mod worker;
