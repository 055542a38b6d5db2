//! The fold: what each event makes of a delivery.

use super::{BegunStep, DeliveryEvent, Lease, Order, Phase, Shared, Started, StopCause};
use crate::credits::PaidAction;
use crate::{Credits, Private, ResolutionCode};

impl Order {
    pub(super) fn apply(&mut self, event: DeliveryEvent) {
        match event {
            DeliveryEvent::WebhookReceived { webhook, outcome, changes } => {
                self.apply_webhook(*webhook, outcome, &changes);
            }
            DeliveryEvent::WebhookRepeated(repeated) => self.received.again(repeated.received_at),
            DeliveryEvent::Started(started) => self.apply_started(started),
            DeliveryEvent::LeaseRenewed { lease_until } => {
                if let Phase::Running(lease) = &mut self.phase {
                    lease.until = lease_until;
                }
            }
            DeliveryEvent::StepStarted { action } => {
                self.begun = Some(BegunStep { action, attempt: self.attempts });
            }
            DeliveryEvent::Followed { username, credits, call: _ } => {
                self.finish_step(&PaidAction::Follow, credits);
                self.followed.get_or_insert(credits);
                self.followed_username = Some(username);
                self.failures = 0;
            }
            DeliveryEvent::ItemShared { asset, credits, username: _, call: _ } => {
                self.finish_step(&PaidAction::Share(asset.clone()), credits);
                self.shared.push(Shared { asset, credits });
                self.failures = 0;
            }
            DeliveryEvent::RetryScheduled { code, due_at, call: _ } => {
                if code == ResolutionCode::NdspWaiting {
                    self.forget_step_of_this_attempt();
                    self.waits = self.waits.saturating_add(1);
                    self.failures = 0;
                } else {
                    self.failures = self.failures.saturating_add(1);
                }
                self.phase = Phase::RetryScheduled { code, due_at };
            }
            DeliveryEvent::WaitMoved { until, cause: _ } => match &mut self.phase {
                Phase::Running(lease) => lease.until = until,
                Phase::RetryScheduled { due_at, .. } => *due_at = until,
                Phase::Filtered
                | Phase::Queued
                | Phase::ActionRequired { .. }
                | Phase::Completed
                | Phase::FailedPermanently { .. }
                | Phase::Cancelled(_) => {}
            },
            DeliveryEvent::ActionRequired { code, call: _, assets: _, decided_on } => {
                self.decided_on = decided_on.unwrap_or(self.decided_on);
                if code == ResolutionCode::NoItemMapping {
                    self.lines.plan_nothing();
                } else if matches!(code, ResolutionCode::AssetNotFound | ResolutionCode::InvalidUsername) {
                    self.forget_step_of_this_attempt();
                }
                self.phase = Phase::ActionRequired { code };
            }
            DeliveryEvent::Completed {} => {
                self.late.clear();
                self.phase = Phase::Completed;
            }
            DeliveryEvent::FailedPermanently { code, call: _ } => self.phase = Phase::FailedPermanently { code },
            DeliveryEvent::CancellationRequested {} => self.stop(StopCause::Cancelled(super::CancelledBy::Person)),
            DeliveryEvent::Cancelled {} => self.phase = Phase::Cancelled(self.cancelled_by()),
            DeliveryEvent::StatusFiltered {} => self.phase = Phase::Filtered,
            DeliveryEvent::HandedBack {} => self.phase = Phase::Queued,
            DeliveryEvent::RetryRequested { mapping_ids } => {
                self.late.extend(mapping_ids);
                self.api_key_waived = true;
                self.start_over();
            }
            DeliveryEvent::UsernameCorrected { username } => {
                self.erased = false;
                self.username = Some(username);
                if let Phase::ActionRequired {
                    code: ResolutionCode::MissingUsername | ResolutionCode::InvalidUsername,
                } = self.phase
                {
                    self.start_over();
                }
            }
            DeliveryEvent::Requeued { .. } => self.start_over(),
            DeliveryEvent::PersonalDataErased { .. } => {
                for username in [&mut self.username, &mut self.store_username, &mut self.followed_username] {
                    *username = username.take().map(|_| Private::Erased);
                }
                if let Phase::Running(lease) = &mut self.phase {
                    lease.username = Private::Erased;
                }
                self.earlier = None;
                self.received.forget_bodies();
                self.erased = true;
            }
        }
    }

    fn finish_step(&mut self, action: &PaidAction, credits: Credits) {
        self.spent = self.spent + credits;
        self.begun = self.begun.take().filter(|begun| begun.action != *action);
    }

    /// Cortex Cloud has refused what this attempt was about to do: it is not done. What an earlier attempt was about to do
    /// may be.
    fn forget_step_of_this_attempt(&mut self) {
        self.begun = self.begun.take().filter(|begun| begun.attempt != self.attempts);
    }

    fn apply_started(&mut self, started: Started) {
        // An attempt whose lease ran out ended unrecorded.
        if matches!(self.phase, Phase::Running(_)) {
            self.failures = self.failures.saturating_add(1);
        }
        self.plan = started.assets().into_iter().cloned().collect();
        self.lines.plan(&started.plan);
        let Started { attempt, worker, started_at, lease_until, username, plan: _, decided_on } = started;
        self.decided_on = decided_on;
        (self.attempts, self.spent) = (attempt, Credits::ZERO);
        let length_ms = (lease_until - started_at).num_milliseconds();
        self.phase = Phase::Running(Lease { worker, attempt, until: lease_until, length_ms, username, stop: None });
    }

    pub(super) fn start_over(&mut self) {
        self.phase = Phase::Queued;
        self.waits = 0;
        self.failures = 0;
    }
}
