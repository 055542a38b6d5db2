//! Why an attempt stops before everything is shared, and what each failure of Cortex Cloud or of the log means for it.

use domain::ResolutionCode;
use domain::delivery::DeliveryRefusal;

use crate::cortex::CortexError;
use crate::event_log::{CommandError, LoadError};

/// Why an attempt stops before everything is shared.
pub(super) enum Stop {
    /// The customer has not followed back.
    Wait,
    /// It may work later.
    Fail(String),
    RequireAction(ResolutionCode),
    GiveUp(String),
    /// The service stops.
    HandBack,
    /// Somebody called the delivery off; that is recorded.
    Cancelled,
    /// Somebody took the delivery over.
    Over,
    /// Nothing can be recorded; the lease runs out and the delivery is taken up again.
    LogGone(String),
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
            CortexError::BadCredentials => Stop::RequireAction(ResolutionCode::MissingCredentials),
            CortexError::RateLimited { .. } => Stop::Fail("Cortex Cloud asks for fewer calls".to_owned()),
            CortexError::Temporary(reason) => Stop::Fail(reason),
            CortexError::NotMutual => Stop::Wait,
            // The customer's account went away between two calls.
            CortexError::NotFound => Stop::RequireAction(ResolutionCode::InvalidUsername),
            CortexError::Unexpected(reason) => Stop::GiveUp(reason),
        })
    }
}

/// The customer was found a moment ago: what is not there is the asset, and its mapping is the merchant's to mend.
pub(super) fn no_such_asset(error: CortexError) -> Step {
    if error == CortexError::NotFound {
        Stop::RequireAction(ResolutionCode::NoItemMapping).into()
    } else {
        error.into()
    }
}

impl From<LoadError> for Stop {
    fn from(error: LoadError) -> Self {
        Self::LogGone(error.to_string())
    }
}

impl From<CommandError<DeliveryRefusal>> for Stop {
    fn from(error: CommandError<DeliveryRefusal>) -> Self {
        match error {
            CommandError::Refused(_) => Self::Over,
            CommandError::Contended | CommandError::Busy | CommandError::Unavailable(_) | CommandError::Broken(_) => {
                Self::LogGone(error.to_string())
            }
        }
    }
}
