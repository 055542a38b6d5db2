//! What an account's own programs did with its products (Clione's webhooks document, "Outbound Webhooks").

use chrono::{DateTime, Utc};
use domain::commerce::CommerceEventType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Data, example};
use crate::{Text, TextList};

/// A product whose enrichment ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EnrichedProduct {
    /// The platform of the product's store, such as `shopify`. At most 50 characters.
    pub platform: Text<50>,
    /// The store's id of the product. At most 200 characters.
    pub product_id: Text<200>,
    /// Whether it was enriched.
    pub success: bool,
    /// Why it was not. At most 1000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<1000>>,
}

/// A product of which a person changed fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EditedProduct {
    /// The platform of the product's store, such as `shopify`. At most 50 characters.
    pub platform: Text<50>,
    /// The store's id of the product. At most 200 characters.
    pub product_id: Text<200>,
    /// The names of the fields that were changed: at most 100, of at most 100 characters.
    pub fields: TextList<100, 100>,
    /// Who changed them. At most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub editor: Option<Text<200>>,
}

/// A product of which an earlier version was restored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RolledBackProduct {
    /// The platform of the product's store, such as `shopify`. At most 50 characters.
    pub platform: Text<50>,
    /// The store's id of the product. At most 200 characters.
    pub product_id: Text<200>,
    /// The version that was restored. At most 200 characters.
    pub version: Text<200>,
}

/// The enrichment of many products, which ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BulkEnrichment {
    /// How many products there were.
    pub total: u32,
    /// How many were enriched.
    pub succeeded: u32,
    /// How many were not.
    pub failed: u32,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
}

impl Data for EnrichedProduct {
    fn object_id(&self) -> Option<String> {
        Some(self.product_id.as_str().to_owned())
    }

    fn sample(_: CommerceEventType) -> Self {
        Self {
            platform: Text::sample(example::PLATFORM),
            product_id: Text::sample(example::PRODUCT_ID),
            success: false,
            reason: Some(Text::sample("The product has no description.")),
        }
    }
}

impl Data for EditedProduct {
    fn object_id(&self) -> Option<String> {
        Some(self.product_id.as_str().to_owned())
    }

    fn sample(_: CommerceEventType) -> Self {
        Self {
            platform: Text::sample(example::PLATFORM),
            product_id: Text::sample(example::PRODUCT_ID),
            fields: TextList::sample(&["reasoning", "technical_details"]),
            editor: Some(Text::sample("Kim Editor")),
        }
    }
}

impl Data for RolledBackProduct {
    fn object_id(&self) -> Option<String> {
        Some(self.product_id.as_str().to_owned())
    }

    fn sample(_: CommerceEventType) -> Self {
        Self {
            platform: Text::sample(example::PLATFORM),
            product_id: Text::sample(example::PRODUCT_ID),
            version: Text::sample("3"),
        }
    }
}

impl Data for BulkEnrichment {
    fn object_id(&self) -> Option<String> {
        None
    }

    fn sample(_: CommerceEventType) -> Self {
        Self { total: 281, succeeded: 279, failed: 2, started_at: example::TIME, finished_at: example::TIME }
    }
}
