//! What can be made to go wrong at Cortex Cloud.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Returns 500 and does nothing.
    #[serde(rename = "error_500")]
    Error500,
    /// Returns 429 with `Retry-After: 1` and does nothing.
    RateLimit,
    /// Closes the connection without an answer and does nothing.
    DropConnection,
    /// Does nothing and does not answer until the caller gives up, or a minute has passed.
    Timeout,
    /// Waits in real time, then does and responds as usual.
    #[serde(rename = "delayMs")]
    DelayMs(u64),
    /// Returns 500, and does the thing later all the same, in real time.
    #[serde(rename = "lateMs")]
    LateMs(u64),
    /// Does the thing, then returns 500.
    #[serde(rename = "after_effect_500")]
    AfterEffect500,
    /// Returns something that is not in the protocol and does nothing.
    Nonsense,
    /// Refuses, well-formed, with a code that the protocol does not have, and does nothing.
    UnknownRefusal,
}

impl Fault {
    /// How long it makes a call or its effect wait, if it says so.
    pub(super) fn delay_ms(self) -> Option<u64> {
        match self {
            Self::DelayMs(ms) | Self::LateMs(ms) => Some(ms),
            Self::Error500
            | Self::RateLimit
            | Self::DropConnection
            | Self::Timeout
            | Self::AfterEffect500
            | Self::Nonsense
            | Self::UnknownRefusal => None,
        }
    }
}
