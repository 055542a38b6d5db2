//! Questions and answers that an account's own programs show (Clione's webhooks document, "Outbound Webhooks").

use domain::commerce::CommerceEventType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Data, example};
use crate::Text;

/// A question that someone sent in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubmittedFaq {
    /// The id of the entry. At most 200 characters.
    pub faq_id: Text<200>,
    /// What was asked. At most 2000 characters.
    pub question: Text<2000>,
    /// What it was asked about.
    pub entity_type: EntityType,
    /// The id of what it was asked about. Absent where that is everything. At most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<Text<200>>,
    /// The language it was asked in, as a BCP 47 tag. At most 35 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<Text<35>>,
    /// The e-mail address of who asked. At most 254 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Text<254>>,
}

/// A question that was reviewed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReviewedFaq {
    /// The id of the entry. At most 200 characters.
    pub faq_id: Text<200>,
    /// What it was asked about.
    pub entity_type: EntityType,
    /// The id of what it was asked about. Absent where that is everything. At most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<Text<200>>,
    /// Why it was decided so. At most 1000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<1000>>,
}

/// What a question may be about (Clione's FAQ API document, `entityType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntityType {
    Product,
    Variant,
    Category,
    Collection,
    Brand,
    Page,
    Global,
}

impl Data for SubmittedFaq {
    fn object_id(&self) -> Option<String> {
        Some(self.faq_id.as_str().to_owned())
    }

    fn sample(_: CommerceEventType) -> Self {
        Self {
            faq_id: Text::sample("faq_918"),
            question: Text::sample("Does it work with single coils?"),
            entity_type: EntityType::Product,
            entity_id: Some(Text::sample(example::PRODUCT_ID)),
            locale: Some(Text::sample("en-GB")),
            email: Some(Text::sample("fan@example.com")),
        }
    }
}

impl Data for ReviewedFaq {
    fn object_id(&self) -> Option<String> {
        Some(self.faq_id.as_str().to_owned())
    }

    fn sample(of: CommerceEventType) -> Self {
        let is_rejected = of == CommerceEventType::FaqRejected;
        Self {
            faq_id: Text::sample("faq_918"),
            entity_type: EntityType::Product,
            entity_id: Some(Text::sample(example::PRODUCT_ID)),
            reason: is_rejected.then(|| Text::sample("The question was answered already.")),
        }
    }
}
