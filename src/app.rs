//! Use cases: who may do what, and what happens then. Each is a method that is given the [`Viewer`] who asks. The API calls
//! them, the command line through it, and so will whatever else people use.

pub mod accounts;
pub mod administration;
pub mod api_keys;
pub mod bootstrap;
pub mod changes;
pub mod commerce_events;
pub mod data_requests;
pub mod deliveries;
pub mod disks;
pub mod dispatches;
pub mod endpoints;
pub mod erasure;
mod error;
pub mod events;
pub mod identifiers;
pub mod instances;
pub mod integrations;
pub mod keys;
pub mod limits;
pub mod links;
pub mod log_and_views;
pub mod master_keys;
pub mod operator_actions;
pub mod products;
pub mod publications;
pub mod receipts;
pub mod stores;
pub mod summary;
pub mod viewer;

use std::sync::Arc;

use self::log_and_views::LogAndViews;
use crate::replay::job::Replays;

pub use error::{Error, Refused};
pub use viewer::Viewer;

/// All use cases.
pub struct App {
    /// What the API reads by itself: how far the views are, and rows that a row refers to which the caller was shown.
    pub data: LogAndViews,
    pub api_keys: Arc<api_keys::ApiKeys>,
    pub identifiers: identifiers::Identifiers,
    pub accounts: accounts::Accounts,
    pub integrations: integrations::Integrations,
    pub stores: stores::Stores,
    pub watching_stores: stores::Watching,
    pub deliveries: deliveries::Deliveries,
    pub receipts: receipts::Receipts,
    pub commerce_events: commerce_events::CommerceEvents,
    pub dispatches: Arc<dispatches::Dispatches>,
    pub products: products::Products,
    pub publications: publications::Publications,
    pub endpoints: Arc<endpoints::Endpoints>,
    pub instances: instances::Instances,
    pub events: events::Events,
    pub operator_actions: operator_actions::OperatorActions,
    pub data_requests: data_requests::DataRequests,
    pub erasure: erasure::Erasure,
    pub replays: Arc<Replays>,
    pub administration: administration::Administration,
    /// Whether there is a mail server, through which accounts are written to.
    pub sends_mail: bool,
    /// The address under which stores reach this service, without a slash at the end.
    pub public_url: String,
}
