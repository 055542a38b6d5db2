//! Use cases: who may do what, and what happens then. Each is a method that is given the [`Viewer`] who asks. The API calls
//! them, the command line through it, and so will whatever else people use.

pub mod accounts;
pub mod administration;
pub mod api_keys;
pub mod bootstrap;
pub mod changes;
pub mod core;
pub mod deliveries;
pub mod disks;
pub mod erasure;
mod error;
pub mod integrations;
pub mod keys;
pub mod limits;
pub mod links;
pub mod master_keys;
pub mod operator_actions;
pub mod summary;
pub mod viewer;

use std::sync::Arc;

use event_log::refusals::Refusals;

use self::core::Core;
use crate::replay::job::Replays;

pub use error::{Error, Refused};
pub use viewer::Viewer;

/// All use cases, and what is read to answer questions.
pub struct App {
    pub core: Core,
    pub api_keys: Arc<api_keys::ApiKeys>,
    pub links: links::Links,
    pub refusals: Arc<Refusals>,
    pub changes: changes::Changes,
    pub accounts: accounts::Accounts,
    pub integrations: integrations::Integrations,
    pub deliveries: deliveries::Deliveries,
    pub erasure: erasure::Erasure,
    pub replays: Arc<Replays>,
    pub processes: Arc<crate::processes::Processes>,
    pub administration: administration::Administration,
    /// The address under which stores reach this service, without a slash at the end.
    pub public_url: String,
}
