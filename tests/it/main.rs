//! The service from outside: every feature through its doors, on SQLite and on Postgres.

#![expect(clippy::needless_raw_string_hashes, reason = "GraphQL documents read better when all are written alike")]

mod app;
mod cortex_failures;
mod delivering;
mod engines;
mod event_log;
mod fixes;
mod graphql;
mod orders;
mod views;
mod webhooks;
