//! Customers of a store.

use chrono::{DateTime, Utc};
use domain::commerce::CommerceEventType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Data, example};
use crate::Personal;

/// A customer as the store stated them last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Customer {
    /// The store's id of the customer.
    pub customer_id: String,
    /// The e-mail address. Absent where the store does not say, and once it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Personal>,
    /// The full name. Absent where the store does not say, and once it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Personal>,
    /// When the customer's data changed last, by the store's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<DateTime<Utc>>,
}

impl Data for Customer {
    fn object_id(&self) -> Option<String> {
        Some(self.customer_id.clone())
    }

    fn sample(_: CommerceEventType) -> Self {
        Self {
            customer_id: "207119551".to_owned(),
            email: Some("fan@example.com".into()),
            name: Some("Robin Fan".into()),
            changed_at: Some(example::TIME),
        }
    }
}
