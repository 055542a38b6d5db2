//! The delivery log: one row for each delivery and for each duplicate, as merchants list, search and read it.

mod fold;
pub mod personal;
mod query;
mod search;

use domain::delivery::{CortexCall, OrderLines};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

pub(crate) use fold::apply;
pub use fold::{duplicate_id, folded};
pub use query::{Filter, Page, completed_of, find, find_many, page, waiting_for};

use crate::schema::Schema;
use crate::table::table_row;

pub(crate) const SCHEMA: Schema = Schema {
    version: 4,
    tables: &["delivery_log"],
    statements: include_str!("../../migrations/views/delivery_log.sql"),
};

table_row!(DeliveryRow, "delivery_log", key id;
    once duplicate_of, account_id, integration_id, order_id, order_number, received_at, listed_at;
    changing username, username_key, status, resolution_code, detail, items, unmapped, wanted, shared, attempts,
        next_attempt_at, credits_charged, updated_at, completed_at, personal, kept_since, position);

/// A row as it lies in the table. Times are microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct DeliveryRow {
    pub id: String,
    pub duplicate_of: Option<String>,
    pub account_id: String,
    pub integration_id: String,
    pub order_id: String,
    pub order_number: Option<String>,
    pub username: Option<String>,
    pub username_key: Option<String>,
    pub status: String,
    pub resolution_code: Option<String>,
    /// JSON: [`Detail`], of the status at hand.
    pub detail: Option<String>,
    /// JSON: the order's lines, as [`OrderLines`].
    pub items: String,
    /// 1 while something is bought that the latest attempt found no mapping for.
    pub unmapped: i64,
    /// 1 while the store's newest report wants the order delivered: it is neither cancelled nor of another status.
    pub wanted: i64,
    /// JSON: a list of [`SharedAsset`].
    pub shared: String,
    pub attempts: i64,
    pub next_attempt_at: Option<i64>,
    pub credits_charged: i64,
    pub received_at: i64,
    pub updated_at: i64,
    pub completed_at: Option<i64>,
    /// 1 while the delivery holds anything personal. A duplicate has 0: what is done to its delivery is done to it.
    #[sqlx(default)]
    pub personal: i64,
    /// While it is over and holds anything personal: when it last changed. Not read with lists of deliveries.
    #[sqlx(default)]
    pub kept_since: Option<i64>,
    pub listed_at: i64,
    pub position: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedAsset {
    pub asset: domain::Asset,
    /// Microseconds since 1970.
    pub shared_at: i64,
    pub credits: domain::Credits,
    /// With whom; none once the person was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
}

/// Why a delivery has its status, beyond the resolution code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// What Cortex Cloud returned to the call that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CortexCall>,
    /// The assets that Cortex Cloud does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<domain::Asset>,
}

impl DeliveryRow {
    pub fn lines(&self) -> OrderLines {
        serde_json::from_str(&self.items).unwrap_or_default()
    }

    pub fn shared_assets(&self) -> Vec<SharedAsset> {
        serde_json::from_str(&self.shared).unwrap_or_default()
    }

    pub fn detail(&self) -> Detail {
        self.detail.as_deref().and_then(|detail| serde_json::from_str(detail).ok()).unwrap_or_default()
    }
}
