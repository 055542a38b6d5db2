//! What people see: one file for each view, with its fold, its queries and its reset.
//!
//! A view is folded from the event log and nothing else, so it may be dropped and rebuilt at any moment. Nothing here
//! issues a command.

pub mod database;
pub mod feed;
