//! What Cortex Cloud returned to a call.

use async_graphql::SimpleObject;

/// A call to Cortex Cloud, and how it ended.
#[derive(SimpleObject)]
pub(super) struct CortexCall {
    /// `login`, `find_user`, `relation`, `follow`, `is_shared` or `share`.
    operation: &'static str,
    /// The HTTP status; null where there was no response.
    status: Option<i32>,
    /// In milliseconds.
    duration_ms: i32,
    /// Why it failed, in a few words.
    reason: Option<String>,
}

impl From<domain::delivery::CortexCall> for CortexCall {
    fn from(call: domain::delivery::CortexCall) -> Self {
        Self {
            operation: call.operation.as_str(),
            status: call.status.map(i32::from),
            duration_ms: i32::try_from(call.duration_ms).unwrap_or(i32::MAX),
            reason: call.reason,
        }
    }
}
