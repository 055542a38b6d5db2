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

/// That something of a store's catalogue changed. What it was is read at the store's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CatalogChange {
    /// By the store's own clock.
    pub changed_at: Option<DateTime<Utc>>,
}

impl StoreReport {
    /// A report that says neither when nor how often the store changed the resource.
    pub(crate) fn new(resource_id: String, happened: Happened, content: Content) -> Self {
        Self { resource_id, happened, event_id: None, changed_at: None, version: None, content }
    }
}

/// What happened, by a topic that is not signed: a deletion only where the body is that of one, since a deletion is final and
/// who captured any webhook could send it under the topic of another.
pub(crate) fn confirmed(by_topic: Happened, is_deletion: bool) -> Happened {
    match by_topic {
        Happened::Deleted if !is_deletion => Happened::Updated,
        Happened::Created | Happened::Updated | Happened::Deleted | Happened::Restored => by_topic,
    }
}

/// By what stock is known: the item, `@`, and the location; nothing after it where the store counts in all.
pub(crate) fn stock_id(item: &str, location: Option<&str>) -> String {
    format!("{item}@{}", location.unwrap_or_default())
}
