//! What an attempt means for its endpoint. Appended together with it, so that an endpoint is degraded or disabled in the moment
//! in which a message says so, and no restart forgets it.

use super::{Dispatch, Phase, Progress};
use crate::EndpointId;
use crate::endpoint::{EndpointCommand, FIRST_WARNING_FAILURES, GONE, MessageFailure};

impl Dispatch {
    /// What the endpoint does together with a command that changed this dispatch from `before`: it knows by its profile what so
    /// many failures mean. A success means nothing to an endpoint that is not
    /// [failing](crate::endpoint::Subscription::is_failing).
    pub fn consequence(&self, before: &Self) -> Option<(EndpointId, EndpointCommand)> {
        let progress = self.progress()?;
        if before.progress().is_some_and(|before| before.attempts >= progress.attempts) {
            return None;
        }
        let command = match progress.phase {
            // All attempts before it failed, also those before it was redriven: its endpoint may have been warned of these.
            Phase::Delivered => EndpointCommand::RecordSuccess { failures: progress.attempts.saturating_sub(1) },
            Phase::Retrying { .. } | Phase::DeadLetter => {
                EndpointCommand::RecordFailure(progress.failure(before.failures() < progress.failures)?)
            }
            Phase::Skipped(_) => return None,
        };
        Some((progress.message.endpoint_id, command))
    }
}

impl Progress {
    /// Of the latest attempt, where it may mean anything to the endpoint. One that was made before its time does not count.
    fn failure(&self, counts: bool) -> Option<MessageFailure> {
        let failure = self.failure.clone()?;
        let is_meaningful = counts && self.failures >= FIRST_WARNING_FAILURES || failure.status == Some(GONE);
        is_meaningful.then_some(MessageFailure {
            failures: self.failures,
            since: self.first_failed_at?,
            status: failure.status,
            reason: failure.reason,
        })
    }
}
