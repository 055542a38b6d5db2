//! Why an attempt stops before everything is shared, and what each failure of Cortex Cloud or of the log means for it.

use domain::delivery::CortexCall;
use domain::{Asset, ResolutionCode};

use crate::ports::cortex::CortexError;
use crate::worker::lease::Over;
use event_log::LoadError;

/// Why an attempt stops before everything is shared.
pub(super) enum Stop {
    /// The customer has not followed back.
    Wait,
    /// It may work later.
    Fail(String),
    RequireAction(RequiredAction),
    GiveUp(String),
    /// The lease is over.
    Over(Over),
}

/// What the merchant has to fix.
pub(super) struct RequiredAction {
    pub(super) code: ResolutionCode,
    /// The assets that Cortex Cloud does not have.
    pub(super) missing: Vec<Asset>,
    /// The call that showed it, if one did.
    pub(super) call: Option<CortexCall>,
}

impl Stop {
    pub(super) fn require(code: ResolutionCode) -> Self {
        Self::RequireAction(RequiredAction { code, missing: vec![], call: None })
    }
}

/// Why a step was not taken: a login that ran out can be renewed, everything else ends the attempt.
pub(super) enum Step {
    SessionExpired,
    Stop(Stop),
}

impl From<Stop> for Step {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<CortexError> for Step {
    fn from(error: CortexError) -> Self {
        Self::Stop(match error {
            CortexError::SessionExpired => return Self::SessionExpired,
            CortexError::BadCredentials => Stop::require(ResolutionCode::MissingCredentials),
            CortexError::RateLimited { .. } => Stop::Fail("Cortex Cloud asks for fewer calls".to_owned()),
            CortexError::Temporary(reason) => Stop::Fail(reason),
            CortexError::NotMutual => Stop::Wait,
            // The customer's account went away between two calls.
            CortexError::NotFound => Stop::require(ResolutionCode::InvalidUsername),
            CortexError::Unexpected(reason) => Stop::GiveUp(reason),
        })
    }
}

impl From<LoadError> for Stop {
    fn from(error: LoadError) -> Self {
        Self::Over(Over::LogUnavailable(error.to_string()))
    }
}

impl From<Over> for Stop {
    fn from(over: Over) -> Self {
        Self::Over(over)
    }
}

impl From<Over> for Step {
    fn from(over: Over) -> Self {
        Self::Stop(over.into())
    }
}
