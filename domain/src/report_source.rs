//! How a report of a store came to be here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

/// How a report came. These names are the storage format.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumIter, EnumString, IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ReportSource {
    /// The store posted it.
    #[default]
    Webhook,
    /// The store never sent it: its orders were compared with what had come, and it was read at the store.
    Reconciliation,
    /// The store is asked what it changed, in place of webhooks.
    Polling,
    /// The store's catalogue was read.
    Filling,
}

impl ReportSource {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
    pub(crate) fn is_webhook(&self) -> bool {
        *self == Self::Webhook
    }
}
