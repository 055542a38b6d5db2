//! The fold: what each event makes of a delivery.

use super::{BegunStep, DeliveryEvent, FetchedOrder, Order, Phase, Started};
use crate::credits::PaidAction;
use crate::{Credits, Private, ResolutionCode};

impl Order {
    /// What people see is folded by the summary; what decisions read beside it, and compare it with, before that.
    pub(super) fn apply(&mut self, event: &DeliveryEvent) {
        self.apply_beside_summary(event);
        self.summary.apply(event);
    }

    fn apply_beside_summary(&mut self, event: &DeliveryEvent) {
        match event {
            DeliveryEvent::WebhookReceived { webhook, outcome, changes } => {
                self.apply_webhook(webhook, *outcome, changes);
            }
            DeliveryEvent::OrderFetched(FetchedOrder { order, outcome, changes, .. }) => {
                self.apply_report(order, *outcome, changes);
            }
            DeliveryEvent::WebhookRepeated(repeated) => self.received.apply_repeated(repeated.received_at),
            DeliveryEvent::Started(started) => self.apply_started(started),
            DeliveryEvent::StepStarted { action } => {
                self.begun = Some(BegunStep { action: action.clone(), attempt: self.summary.attempts });
            }
            DeliveryEvent::Followed { username, credits, call: _ } => {
                self.finish_step(&PaidAction::Follow, *credits);
                self.followed.get_or_insert(*credits);
                self.followed_username = Some(username.clone());
                self.failures = 0;
            }
            DeliveryEvent::AssetShared { asset, credits, username: _, call: _ } => {
                self.finish_step(&PaidAction::Share { asset: asset.clone() }, *credits);
                self.failures = 0;
            }
            DeliveryEvent::RetryScheduled { code: ResolutionCode::NdspWaiting, .. } => {
                self.forget_step_of_this_attempt();
                self.waits = self.waits.saturating_add(1);
                self.failures = 0;
            }
            // Where the store could not be read, nothing was tried at Cortex Cloud.
            DeliveryEvent::RetryScheduled { code, .. } => {
                self.failures = self.failures.saturating_add(u32::from(*code != ResolutionCode::StoreUnavailable));
            }
            DeliveryEvent::ActionRequired { code, decided_on, .. } => {
                self.decided_on = decided_on.unwrap_or(self.decided_on);
                if matches!(code, ResolutionCode::AssetNotFound | ResolutionCode::InvalidUsername) {
                    self.forget_step_of_this_attempt();
                }
            }
            DeliveryEvent::Completed {} => self.late.clear(),
            DeliveryEvent::RetryRequested { mapping_ids } => {
                self.late.extend(mapping_ids);
                self.api_key_waived = true;
                self.start_over();
            }
            DeliveryEvent::UsernameCorrected { .. } => {
                if self.summary.waits_for_username() {
                    self.start_over();
                }
            }
            DeliveryEvent::Requeued { .. } => self.start_over(),
            DeliveryEvent::PersonalDataErased { .. } => {
                for username in [&mut self.store_username, &mut self.followed_username] {
                    *username = username.take().map(|_| Private::Erased);
                }
                self.earlier = None;
                self.received.forget_bodies();
            }
            DeliveryEvent::OrderFetchFailed { .. }
            | DeliveryEvent::OrderFetchRequested { .. }
            | DeliveryEvent::OrderFetchGivenUp { .. }
            | DeliveryEvent::LeaseRenewed { .. }
            | DeliveryEvent::WaitMoved { .. }
            | DeliveryEvent::FailedPermanently { .. }
            | DeliveryEvent::CancellationRequested {}
            | DeliveryEvent::Cancelled {}
            | DeliveryEvent::StatusFiltered {}
            | DeliveryEvent::HandedBack {} => {}
        }
    }

    fn finish_step(&mut self, action: &PaidAction, credits: Credits) {
        self.spent = self.spent + credits;
        self.begun = self.begun.take().filter(|begun| begun.action != *action);
    }

    /// Cortex Cloud has refused what this attempt was about to do: it is not done. What an earlier attempt was about to do
    /// may be.
    fn forget_step_of_this_attempt(&mut self) {
        self.begun = self.begun.take().filter(|begun| begun.attempt != self.summary.attempts);
    }

    fn apply_started(&mut self, started: &Started) {
        // An attempt whose lease ran out ended unrecorded.
        if matches!(self.summary.phase, Phase::Running(_)) {
            self.failures = self.failures.saturating_add(1);
        }
        self.plan = started.assets().into_iter().cloned().collect();
        self.decided_on = started.decided_on;
        self.spent = Credits::ZERO;
    }

    /// The schedules of waits and failures begin from their first delay.
    pub(super) fn start_over(&mut self) {
        self.waits = 0;
        self.failures = 0;
    }
}
