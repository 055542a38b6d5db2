//! The fold: what each event makes of a dispatch.

use super::{AttemptOutcome, Attempted, Dispatch, DispatchEvent, Failure, Phase, Progress, RedriveCause};

impl Dispatch {
    pub(super) fn fold(&mut self, event: DispatchEvent) {
        match (&mut *self, event) {
            (Self::Initial, DispatchEvent::Attempted(attempted)) => {
                let mut progress = Progress {
                    message: attempted.message.clone(),
                    phase: Phase::DeadLetter,
                    attempts: 0,
                    failures: 0,
                    first_failed_at: None,
                    failure: None,
                    scheduled_at: None,
                    not_before: None,
                };
                progress.apply_attempted(*attempted);
                *self = Self::Attempted(Box::new(progress));
            }
            (Self::Attempted(progress), event) => progress.apply(event),
            // Every other event comes after the first attempt.
            (Self::Initial, _) => {}
        }
    }
}

impl Progress {
    fn apply(&mut self, event: DispatchEvent) {
        match event {
            DispatchEvent::Attempted(attempted) => self.apply_attempted(*attempted),
            DispatchEvent::Redriven { cause, retry_at } => {
                match (cause, self.phase) {
                    (RedriveCause::Operator | RedriveCause::Resumed, _) => self.forget_failures(),
                    (RedriveCause::Recovered, Phase::Retrying { retry_at: due_at }) => {
                        self.scheduled_at.get_or_insert(due_at);
                    }
                    (RedriveCause::Recovered, Phase::Delivered | Phase::DeadLetter | Phase::Skipped(_)) => {}
                }
                self.phase = Phase::Retrying { retry_at };
            }
            DispatchEvent::Skipped { cause } => self.phase = Phase::Skipped(cause),
        }
    }

    fn apply_attempted(&mut self, attempted: Attempted) {
        let Attempted { attempt, probe, attempted_at, outcome, not_before, status, reason, .. } = attempted;
        self.attempts = attempt;
        (self.scheduled_at, self.not_before) = (None, not_before);
        self.phase = match outcome {
            AttemptOutcome::Delivered => Phase::Delivered,
            AttemptOutcome::Failed { retry_at } => Phase::Retrying { retry_at },
            AttemptOutcome::DeadLettered => Phase::DeadLetter,
        };
        if self.phase == Phase::Delivered {
            return self.forget_failures();
        }
        self.failure = Some(Failure { status, reason });
        if probe {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        self.first_failed_at.get_or_insert(attempted_at);
    }

    fn forget_failures(&mut self) {
        self.failures = 0;
        self.first_failed_at = None;
        self.failure = None;
        (self.scheduled_at, self.not_before) = (None, None);
    }
}
