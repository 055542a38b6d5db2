//! What people see: one file for each view, with its tables, its fold and its queries.
//!
//! A view is folded from the event log and nothing else, so it may be dropped and rebuilt at any moment. Nothing here
//! issues a command.

pub mod accounts;
pub mod build;
pub mod commerce;
pub mod customers;
pub mod data_requests;
pub mod delivery_log;
pub mod delivery_stats;
pub mod endpoints;
mod feed;
pub mod identifiers;
pub mod instances;
pub mod integrations;
mod json;

pub mod notices;
pub mod operator_actions;
pub mod registry;
mod schema;
pub mod stores;
mod table;
pub mod unread_orders;
pub mod view;
pub mod views;
pub mod webhook_receipts;

pub use view::View;
