//! An entry of the delivery log, and the rows in which it is stored.

use std::collections::BTreeSet;

use domain::Private;
use domain::delivery::{DeliveryStatus, Shared, Summary};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::FromRow;

use crate::table::table_row;
use event_log::Position;
use storage::storable;

/// Where an entry is read: what never changes of it, and where it stands.
pub(super) const COLUMNS: &str = "d.listed_at, d.id, d.duplicate_of, d.account_id, d.integration_id, d.order_id, \
     d.order_number, d.received_at, s.due_at, s.set_at, s.caused_by, s.kept_since, s.completed_at, s.updated_at, \
     s.position, s.shared_at, s.summary";

/// One delivery, or one duplicate of a delivery. Times are microseconds since 1970.
#[derive(Clone, Debug, PartialEq, FromRow)]
pub struct DeliveryRow {
    /// Position of the event that began the entry: the order of the list.
    pub listed_at: Position,
    pub id: String,
    pub duplicate_of: Option<String>,
    pub account_id: String,
    pub integration_id: String,
    pub order_id: String,
    pub order_number: Option<String>,
    pub received_at: i64,
    /// When something is to be done by itself, if anything is.
    pub due_at: Option<i64>,
    /// When that was recorded.
    pub(super) set_at: Option<i64>,
    /// The position of the event that put it where it is.
    pub(super) caused_by: Position,
    /// While it is over and holds anything personal: when it last changed.
    pub kept_since: Option<i64>,
    pub completed_at: Option<i64>,
    pub updated_at: i64,
    /// Of the latest event.
    pub position: Position,
    /// When each of the assets in the summary was shared.
    #[sqlx(try_from = "String")]
    pub shared_at: Json<Vec<i64>>,
    /// What the aggregate says of itself; of a duplicate, what its webhook said.
    #[sqlx(try_from = "String")]
    pub summary: Json<Summary>,
}

/// A value that is stored as JSON in a column of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> TryFrom<String> for Json<T> {
    type Error = serde_json::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        serde_json::from_str(&text).map(Json)
    }
}

impl<T: Serialize> Json<T> {
    pub(super) fn text(&self) -> String {
        serde_json::to_string(&self.0).expect("plain values are always JSON")
    }
}

impl DeliveryRow {
    pub fn summary(&self) -> &Summary {
        &self.summary.0
    }

    pub fn is_duplicate(&self) -> bool {
        self.duplicate_of.is_some()
    }

    pub fn status(&self) -> DeliveryStatus {
        if self.is_duplicate() { DeliveryStatus::Duplicate } else { self.summary().status() }
    }

    pub fn resolution_code(&self) -> Option<domain::ResolutionCode> {
        if self.is_duplicate() { Some(domain::ResolutionCode::Duplicate) } else { self.summary().resolution_code() }
    }

    /// The customer's username, unless it was erased.
    pub fn username(&self) -> Option<&str> {
        self.summary().username.as_ref().and_then(Private::known).map(String::as_str)
    }

    /// What was shared, and when.
    pub fn shared(&self) -> impl Iterator<Item = (&Shared, i64)> {
        self.summary().shared.iter().zip(self.shared_at.0.iter().copied())
    }

    /// When it is tried again by itself, where it is.
    pub fn next_attempt_at(&self) -> Option<i64> {
        self.due_at.filter(|_| self.status() == DeliveryStatus::RetryScheduled)
    }

    /// Whether something is bought that the latest attempt found no mapping for. What is done about it is done to the
    /// delivery, not to its duplicates.
    pub fn is_unmapped(&self) -> bool {
        !self.is_duplicate() && self.summary().is_unmapped()
    }

    /// Whether its order is read at the store before anything else is done.
    fn is_to_be_read(&self) -> bool {
        !self.is_duplicate() && self.summary().is_read_next()
    }

    /// Why its order could not be read at the store when that was last tried.
    fn unread_code(&self) -> Option<domain::ResolutionCode> {
        let unread = self.summary().unread.as_ref().filter(|_| !self.is_duplicate())?;
        unread.failure.as_ref().map(|failure| failure.code)
    }

    /// What the entry is found by, in the words of people: a number is searched with its mark and without.
    pub(super) fn terms(&self) -> BTreeSet<String> {
        let orders = [Some(&self.order_id), self.order_number.as_ref()].into_iter().flatten();
        orders.map(|order| order_term(order)).chain(self.username_term()).collect()
    }

    pub(super) fn username_term(&self) -> Option<String> {
        self.username().map(username_term)
    }
}

/// The term of an order's id or number. Stores print a number behind a mark that people leave out.
pub(super) fn order_term(order: &str) -> String {
    format!("#{}", storable(order).trim_start_matches('#'))
}

pub(super) fn username_term(username: &str) -> String {
    format!("@{}", username_key(username.trim_start_matches('@')))
}

fn username_key(username: &str) -> String {
    storable(username).to_lowercase()
}

/// What never changes, but for an order's number that the store names later.
pub(super) struct ListedRow<'r>(pub(super) &'r DeliveryRow);

impl crate::table::TableRow for ListedRow<'_> {
    const TABLE: &'static str = "delivery_log";
    const COLUMNS: &'static [&'static str] =
        &["listed_at", "id", "duplicate_of", "account_id", "integration_id", "order_id", "received_at", "order_number"];
    const KEY_COLUMNS: usize = 1;
    const FIRST_CHANGING: usize = 7;

    fn cells(&self) -> Vec<crate::table::Cell<'_>> {
        let DeliveryRow { listed_at, id, duplicate_of, account_id, integration_id, order_id, order_number, .. } =
            self.0;
        vec![
            listed_at.into(),
            id.into(),
            duplicate_of.into(),
            account_id.into(),
            integration_id.into(),
            order_id.into(),
            (&self.0.received_at).into(),
            order_number.into(),
        ]
    }
}

table_row!(StateRow, "delivery_states", key listed_at;
    once account_id, integration_id;
    changing status, resolution_code, unread_code, unmapped, due_at, to_read, set_at, caused_by, kept_since, username_key, completed_at,
        updated_at, position, shared_at, summary);

/// Where an entry stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StateRow {
    listed_at: Position,
    account_id: String,
    integration_id: String,
    pub(super) status: String,
    resolution_code: Option<String>,
    unread_code: Option<String>,
    unmapped: i64,
    due_at: Option<i64>,
    to_read: i64,
    set_at: Option<i64>,
    caused_by: Position,
    kept_since: Option<i64>,
    pub(super) username_key: Option<String>,
    completed_at: Option<i64>,
    updated_at: i64,
    position: Position,
    shared_at: String,
    summary: String,
}

impl From<&DeliveryRow> for StateRow {
    fn from(row: &DeliveryRow) -> Self {
        Self {
            listed_at: row.listed_at,
            account_id: row.account_id.clone(),
            integration_id: row.integration_id.clone(),
            status: row.status().as_str().to_owned(),
            resolution_code: row.resolution_code().map(|code| code.as_str().to_owned()),
            unread_code: row.unread_code().map(|code| code.as_str().to_owned()),
            unmapped: row.is_unmapped().into(),
            due_at: row.due_at,
            to_read: row.is_to_be_read().into(),
            set_at: row.set_at,
            caused_by: row.caused_by,
            kept_since: row.kept_since,
            username_key: row.username().map(username_key),
            completed_at: row.completed_at,
            updated_at: row.updated_at,
            position: row.position,
            shared_at: row.shared_at.text(),
            summary: row.summary.text(),
        }
    }
}

table_row!(TermRow, "delivery_terms", key account_id, term, listed_at; once; changing);

/// What an entry is found by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TermRow {
    pub(super) account_id: String,
    pub(super) term: String,
    pub(super) listed_at: Position,
}

table_row!(CustomerRow, "delivery_customers", key token, listed_at; once; changing);

/// Which customer a delivery names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CustomerRow {
    pub(super) token: String,
    pub(super) listed_at: Position,
}
