//! Endpoints of subscribers.

use chrono::{DateTime, Utc};
use domain::commerce::CommerceEventType;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Data, example};

/// An endpoint that notifications do not reach (Clione's webhooks document, "Retry policy").
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DegradedEndpoint {
    /// The endpoint's id in this service.
    pub endpoint_id: Uuid,
    /// Its address, without what follows a question mark.
    pub url: String,
    /// How many attempts failed.
    pub failures: u32,
    /// When the first of them failed.
    pub since: DateTime<Utc>,
    /// Why the last one failed, in a sentence.
    pub reason: String,
}

impl Data for DegradedEndpoint {
    fn object_id(&self) -> Option<String> {
        Some(self.endpoint_id.to_string())
    }

    fn sample(_: CommerceEventType) -> Self {
        Self {
            endpoint_id: Uuid::from_u128(0x0195_9a3c_4e00_7b21_9f64_c1d2_e3f4_a5b6),
            url: "https://example.com/webhooks".to_owned(),
            failures: 7,
            since: example::TIME,
            reason: "The endpoint responded with 500.".to_owned(),
        }
    }
}
