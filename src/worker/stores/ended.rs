//! Why work at a store ended early, and what is recorded of that.

use chrono::TimeDelta;
use domain::integration::AccessLost;
use providers::Malformed;

use super::StoreWork;
use crate::app::Error;
use crate::app::stores::Visit;
use crate::ports::stores::CallFailure;

/// Why work at a store ended early.
pub(super) enum Ended {
    Call(CallFailure),
    Because(String),
    /// Nothing can be recorded.
    Failed(Error),
}

impl From<CallFailure> for Ended {
    fn from(failure: CallFailure) -> Self {
        Self::Call(failure)
    }
}

impl From<Malformed> for Ended {
    fn from(malformed: Malformed) -> Self {
        Self::Because(format!("what it responded with means nothing: {malformed}"))
    }
}

impl Ended {
    pub(super) fn too_long() -> Self {
        Self::Because("it took too long".to_owned())
    }

    /// Why, and for how long the store asked to be left alone. None where the store takes the token no more, which is recorded here.
    pub(super) async fn reason(
        self,
        work: &StoreWork,
        visit: &Visit<'_>,
    ) -> Result<Option<(String, Option<TimeDelta>)>, Error> {
        match self {
            Self::Failed(error) => Err(error),
            Self::Call(CallFailure::Unauthorized { .. }) => {
                work.stores.lose_access(visit, AccessLost::Refused).await?;
                Ok(None)
            }
            Self::Call(failure) => {
                let retry_after = failure.retry_after().and_then(|after| TimeDelta::from_std(after).ok());
                Ok(Some((failure.to_string(), retry_after)))
            }
            Self::Because(reason) => Ok(Some((reason, None))),
        }
    }
}
