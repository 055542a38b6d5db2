//! Where a delivery stands after an event: the one fold of status and resolution code that the views share.

use domain::ResolutionCode;
use domain::delivery::{DeliveryEvent, DeliveryStatus, WebhookOutcome};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) status: DeliveryStatus,
    pub(crate) code: Option<ResolutionCode>,
}

impl Progress {
    pub(crate) const QUEUED: Self = Self { status: DeliveryStatus::Queued, code: None };
    const FILTERED: Self =
        Self { status: DeliveryStatus::FailedPermanent, code: Some(ResolutionCode::OrderStatusFiltered) };
    pub(crate) const DUPLICATE: Self =
        Self { status: DeliveryStatus::Duplicate, code: Some(ResolutionCode::Duplicate) };

    /// From the words in a row.
    pub(crate) fn read(status: &str, code: Option<&str>) -> Self {
        Self {
            status: DeliveryStatus::parse(status).unwrap_or(DeliveryStatus::Queued),
            code: code.and_then(ResolutionCode::parse),
        }
    }

    fn at(status: DeliveryStatus, code: Option<ResolutionCode>) -> Self {
        Self { status, code }
    }

    pub(crate) fn after(self, event: &DeliveryEvent) -> Self {
        match event {
            DeliveryEvent::WebhookReceived { outcome, .. } => self.after_webhook(*outcome),
            DeliveryEvent::Started(_) => Self::at(DeliveryStatus::Running, None),
            DeliveryEvent::UsernameCorrected { .. } if self.waits_for_username() => Self::QUEUED,
            DeliveryEvent::UsernameCorrected { .. }
            | DeliveryEvent::WebhookRepeated(_)
            | DeliveryEvent::StepStarted { .. }
            | DeliveryEvent::LeaseRenewed { .. }
            | DeliveryEvent::WaitMoved { .. }
            | DeliveryEvent::CancellationRequested {}
            | DeliveryEvent::PersonalDataErased { .. }
            | DeliveryEvent::Followed { .. }
            | DeliveryEvent::ItemShared { .. } => self,
            DeliveryEvent::StatusFiltered {} => Self::FILTERED,
            DeliveryEvent::RetryScheduled { code, .. } => Self::at(DeliveryStatus::RetryScheduled, Some(*code)),
            DeliveryEvent::ActionRequired { code, .. } => Self::at(DeliveryStatus::ActionRequired, Some(*code)),
            DeliveryEvent::Completed {} => Self::at(DeliveryStatus::Completed, None),
            DeliveryEvent::FailedPermanently { code, .. } => Self::at(DeliveryStatus::FailedPermanent, Some(*code)),
            DeliveryEvent::Cancelled {} => Self::at(DeliveryStatus::Cancelled, None),
            DeliveryEvent::HandedBack {} | DeliveryEvent::RetryRequested { .. } | DeliveryEvent::Requeued { .. } => {
                Self::QUEUED
            }
        }
    }

    fn after_webhook(self, outcome: WebhookOutcome) -> Self {
        // A worker that holds the delivery stops after its step; until then it runs.
        if self.status == DeliveryStatus::Running {
            return self;
        }
        match outcome {
            WebhookOutcome::Accepted => Self::QUEUED,
            WebhookOutcome::Filtered => Self::FILTERED,
            WebhookOutcome::Cancelled => Self::at(DeliveryStatus::Cancelled, None),
            WebhookOutcome::Revised | WebhookOutcome::Duplicate | WebhookOutcome::Stale | WebhookOutcome::TooLate => {
                self
            }
        }
    }

    fn waits_for_username(self) -> bool {
        self.status == DeliveryStatus::ActionRequired
            && matches!(self.code, Some(ResolutionCode::MissingUsername | ResolutionCode::InvalidUsername))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancellation_stops_what_waits_and_lets_what_runs_finish_its_step() {
        let cancelled = |progress: Progress| progress.after_webhook(WebhookOutcome::Cancelled).status;
        assert_eq!(cancelled(Progress::QUEUED), DeliveryStatus::Cancelled);
        assert_eq!(cancelled(Progress::at(DeliveryStatus::Running, None)), DeliveryStatus::Running);
    }

    #[test]
    fn a_corrected_username_moves_only_what_waited_for_one() {
        let corrected = DeliveryEvent::UsernameCorrected { username: "max".into() };
        let waiting = |code| Progress::at(DeliveryStatus::ActionRequired, Some(code)).after(&corrected).status;
        assert_eq!(waiting(ResolutionCode::InvalidUsername), DeliveryStatus::Queued);
        assert_eq!(waiting(ResolutionCode::NoItemMapping), DeliveryStatus::ActionRequired);
    }
}
