//! What Cortex Cloud returned to a call: recorded, so that "why did it fail" can be answered later.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoStaticStr};

/// Longest reason that is recorded, in characters.
pub const MAX_REASON_CHARS: usize = 200;

/// One call to Cortex Cloud, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CortexCall {
    pub operation: CortexOperation,
    /// The HTTP status; none where there was no response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    pub duration_ms: u32,
    /// Why it failed, in a few words: at most [`MAX_REASON_CHARS`] characters, and nothing of the response's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumIter, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum CortexOperation {
    Login,
    FindUser,
    Relation,
    Follow,
    Unfollow,
    FindItem,
    IsShared,
    Share,
}

impl CortexOperation {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// What was tried, to follow "to".
    fn described(self) -> &'static str {
        match self {
            Self::Login => "log in",
            Self::FindUser => "find the customer",
            Self::Relation => "see whether the customer follows back",
            Self::Follow => "follow the customer",
            Self::Unfollow => "unfollow the customer",
            Self::FindItem => "find the asset",
            Self::IsShared => "see whether the asset is shared already",
            Self::Share => "share the asset",
        }
    }
}

/// As people read it: `the call to share the asset: HTTP 503 after 120 ms (answered 503)`.
impl fmt::Display for CortexCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the call to {}: ", self.operation.described())?;
        match self.status {
            Some(status) => write!(f, "HTTP {status}")?,
            None => f.write_str("no response")?,
        }
        write!(f, " after {} ms", self.duration_ms)?;
        match &self.reason {
            Some(reason) => write!(f, " ({reason})"),
            None => Ok(()),
        }
    }
}
