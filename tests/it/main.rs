//! The service from outside: every feature through its endpoints, on SQLite and on Postgres.

#![allow(clippy::needless_raw_string_hashes, reason = "GraphQL documents read better when all are written alike")]
#![allow(clippy::unwrap_used, reason = "a story that cannot go on has failed")]
#![allow(clippy::too_many_lines, reason = "a story is one function")]

mod app;
mod audit;
mod backups;
mod catalogue;
mod causes;
mod cli;
mod clocks;
mod connecting;
mod cortex_failures;
mod crashes;
mod delivering;
mod disks;
mod dispatching;
mod elements;
mod endpoints;
mod engines;
mod erasure;
mod event_log;
mod fixes;
mod graphql;
mod handbook;
mod history;
mod hostile;
mod lists;
mod lost_ends;
mod master_keys;
mod operators;
mod orders;
mod privacy_requests;
mod process;
mod processes;
mod publications;
mod published_thin_orders;
mod publishing;
mod purposes;
mod rate_limits;
mod reading_orders;
mod reasons;
mod rebuilds;
mod receiving;
mod refusals;
mod replaying;
mod replays;
mod retention;
mod revisions;
mod shown;
mod silence;
mod sockets;
mod stored_form;
mod stores;
mod support;
mod terminal;
mod thin_orders;
mod unread_changes;
mod verification;
mod views;
mod volumes;
mod webhooks;
