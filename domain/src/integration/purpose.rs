//! What an integration is for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

/// What is done with the webhooks of a store. These names are the storage format.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumIter, EnumString, IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Purpose {
    /// What was ordered is delivered.
    #[default]
    Delivers,
    /// What happens in the store is published as commerce events. Its orders are not delivered, and no customer is asked for.
    Publishes,
    Both,
}

impl Purpose {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    pub fn delivers(self) -> bool {
        match self {
            Self::Delivers | Self::Both => true,
            Self::Publishes => false,
        }
    }

    pub fn publishes(self) -> bool {
        match self {
            Self::Publishes | Self::Both => true,
            Self::Delivers => false,
        }
    }

    /// The default is not written.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
