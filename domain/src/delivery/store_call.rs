//! A call to a store's own API, as the history of a delivery tells of it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a call to the API of a store ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoreCall {
    /// The HTTP status of the response. None where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    pub duration_ms: u32,
    /// Why it is of no use. Quotes nothing of the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// As in "the store answered HTTP 503 after 120 ms (answered 503)".
impl fmt::Display for StoreCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "answered HTTP {status}")?,
            None => write!(f, "did not answer")?,
        }
        write!(f, " after {} ms", self.duration_ms)?;
        self.reason.as_ref().map_or(Ok(()), |reason| write!(f, " ({reason})"))
    }
}
