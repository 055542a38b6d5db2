//! What a webhook says of a resource of the store, for who publishes it: in the words of the domain, with nothing of a person.

use chrono::{DateTime, Utc};
use domain::resource::{Content, Happened};

/// A webhook may say something of several resources.
pub(crate) const MAX_REPORTS: usize = 1_000;

/// What a webhook says of one resource.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreReport {
    /// The store's own id of it.
    pub resource_id: String,
    pub happened: Happened,
    /// The platform's id of the event, where it is signed: by it the same event is known again.
    pub event_id: Option<String>,
    /// By the store's own clock.
    pub changed_at: Option<DateTime<Utc>>,
    /// Where the store counts its changes.
    pub version: Option<i64>,
    pub content: Content,
}
