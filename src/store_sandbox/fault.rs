//! What can be made to go wrong when an order is read.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    #[serde(rename = "error_500")]
    Error500,
    /// 429 with `Retry-After: 1`.
    RateLimit,
    #[serde(rename = "unavailable_503")]
    Unavailable503,
    /// 401, although the token is valid.
    Unauthorized,
    /// 404, although the order exists.
    NotFound,
    /// Closes the connection without a byte.
    DropConnection,
    /// Silence until the caller gives up, or a minute has passed.
    Timeout,
    /// Waits in real time, then responds as usual.
    #[serde(rename = "delayMs")]
    DelayMs(u64),
    /// 200 with the HTML page of something in between.
    Html,
    /// 200 with the order under another order's id.
    OtherOrder,
    /// 200 with a list of which every page says that another follows, which is the same one.
    SamePage,
    /// 200 with the first half of the JSON.
    TruncatedJson,
    /// 200 with a hundred megabytes that begin like JSON.
    HugeBody,
}

impl Fault {
    /// How long it makes a read wait, if it says so.
    pub(super) fn delay_ms(self) -> Option<u64> {
        match self {
            Self::DelayMs(ms) => Some(ms),
            Self::Error500
            | Self::RateLimit
            | Self::Unavailable503
            | Self::Unauthorized
            | Self::NotFound
            | Self::DropConnection
            | Self::Timeout
            | Self::Html
            | Self::OtherOrder
            | Self::SamePage
            | Self::TruncatedJson
            | Self::HugeBody => None,
        }
    }
}
