//! Collections of a store: what some platforms call categories.

use chrono::{DateTime, Utc};
use domain::commerce::CommerceEventType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Data, example};

/// A collection that changed, or that the store has no more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Collection {
    /// The store's id of the collection.
    pub collection_id: String,
    /// Its title, where the store states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// When it changed, by the store's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<DateTime<Utc>>,
}

impl Data for Collection {
    fn object_id(&self) -> Option<String> {
        Some(self.collection_id.clone())
    }

    fn sample(_: CommerceEventType) -> Self {
        Self {
            collection_id: "841564295".to_owned(),
            title: Some("Lead presets".to_owned()),
            changed_at: Some(example::TIME),
        }
    }
}
