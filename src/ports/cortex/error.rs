//! Why Cortex Cloud did not do what it was asked, in the words that the worker decides by.

use std::time::Duration;

use domain::delivery::MAX_REASON_CHARS;

/// Carries no secret, no e-mail address, no username and nothing of the answer's body: it may be logged and stored as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CortexError {
    #[error("Cortex Cloud does not accept this e-mail address and password")]
    BadCredentials,
    /// Log in again. The call had no effect.
    #[error("the Cortex Cloud session has expired")]
    SessionExpired,
    /// The call had no effect.
    #[error("Cortex Cloud asks for fewer calls")]
    RateLimited { retry_after: Option<Duration> },
    /// The call may have had its effect all the same: look before it is repeated.
    #[error("Cortex Cloud cannot be reached or is in trouble: {0}")]
    Temporary(String),
    /// Refused to share, since the two do not follow each other.
    #[error("the customer and the merchant do not follow each other")]
    NotMutual,
    /// The user or the item is gone.
    #[error("Cortex Cloud has no such user or item")]
    NotFound,
    /// A refusal, well-formed, that the protocol does not have. Trying again may not help for long; a person has to look.
    #[error("Cortex Cloud answered what its protocol does not have: {0}")]
    Unexpected(String),
}

impl CortexError {
    /// The same in a few words, beside the status that is recorded anyway.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::BadCredentials => "wrong e-mail address or password".to_owned(),
            Self::SessionExpired => "the session has expired".to_owned(),
            Self::RateLimited { .. } => "too many calls".to_owned(),
            Self::NotMutual => "the two do not follow each other".to_owned(),
            Self::NotFound => "no such user or item".to_owned(),
            Self::Temporary(reason) | Self::Unexpected(reason) => reason.chars().take(MAX_REASON_CHARS).collect(),
        }
    }
}
