//! What people see of an order, and the one fold of it: the aggregate decides on it, and the delivery log stores it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    CancelledBy, Change, CortexCall, DeliveryEvent, DeliveryStatus, Intent, Lease, OrderLines, Phase, Shared, Started,
    StopCause, StoreCall, Unread, Webhook, WebhookOutcome,
};
use crate::{Asset, Credits, Private, ResolutionCode};

/// What is known of an order, as far as people see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub phase: Phase,
    /// What the store's newest report wants.
    pub intent: Intent,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<Private<String>>,
    pub lines: OrderLines,
    /// How many webhooks announced the order.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub announcements: u32,
    /// What was announced of the order and is to be fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<Unread>,
    /// In the order in which they were shared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shared: Vec<Shared>,
    /// Attempts so far; the next one has this number plus one.
    pub attempts: u32,
    pub charged: Credits,
    /// Why the delivery is in its phase, beyond the resolution code.
    #[serde(default, skip_serializing_if = "Reason::is_empty")]
    pub reason: Reason,
    /// Nothing personal is left, but for what came after.
    pub erased: bool,
}

/// Why a delivery has its status, beyond the resolution code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What Cortex Cloud returned to the call that decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CortexCall>,
    /// How the order could not be fetched at its store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_call: Option<StoreCall>,
    /// The assets that Cortex Cloud does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Asset>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Reason {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Summary {
    /// Of an order by what its first webhook says and did.
    pub fn first(webhook: &Webhook, outcome: WebhookOutcome) -> Self {
        let phase = match outcome {
            WebhookOutcome::Cancelled => Phase::Cancelled(CancelledBy::Store),
            WebhookOutcome::Accepted | WebhookOutcome::Announced => Phase::Queued,
            WebhookOutcome::Filtered
            | WebhookOutcome::Revised
            | WebhookOutcome::Duplicate
            | WebhookOutcome::Stale
            | WebhookOutcome::TooLate => Phase::Filtered,
        };
        let mut first = Self {
            phase,
            intent: webhook.intent,
            username: webhook.username.clone(),
            lines: OrderLines::new(webhook.items.clone()),
            announcements: 0,
            unread: None,
            shared: vec![],
            attempts: 0,
            charged: Credits::ZERO,
            reason: Reason::default(),
            erased: false,
        };
        if outcome == WebhookOutcome::Announced {
            first.apply_announced(&webhook.order_id, webhook.received_at);
        }
        first
    }

    pub fn status(&self) -> DeliveryStatus {
        self.phase.status()
    }

    pub fn resolution_code(&self) -> Option<ResolutionCode> {
        self.phase.resolution_code()
    }

    /// Nothing will happen any more, unless the store or a person says something new.
    pub fn is_over(&self) -> bool {
        self.phase.is_over()
    }

    /// Of a webhook with the very bytes of an earlier one: what that said is what is known.
    #[must_use]
    pub fn repeated(&self) -> Self {
        Self { shared: vec![], attempts: 0, charged: Credits::ZERO, reason: Reason::default(), ..self.clone() }
    }

    /// Whether something is bought that the latest attempt found no mapping for. An order that is cancelled, or of an
    /// erased customer, lacks no mapping: none would be delivered.
    pub fn is_unmapped(&self) -> bool {
        let is_cancelled = matches!(self.phase, Phase::Cancelled(_));
        self.intent == Intent::Deliver && !self.erased && !is_cancelled && self.lines.has_unmapped()
    }

    /// Whether a username that a person corrects is what the delivery waits for.
    pub(super) fn waits_for_username(&self) -> bool {
        let Phase::ActionRequired { code } = self.phase else { return false };
        matches!(code, ResolutionCode::MissingUsername | ResolutionCode::InvalidUsername)
    }

    /// Whether a webhook that makes an erased order deliverable names its customer again.
    pub(super) fn is_named_again_by(&self, webhook: &Webhook, outcome: WebhookOutcome) -> bool {
        let is_erased = self.username == Some(Private::Erased);
        outcome == WebhookOutcome::Accepted && is_erased && webhook.username.is_some()
    }

    /// Folds every event of the stream but the first webhook.
    pub fn apply(&mut self, event: &DeliveryEvent) {
        let before = (self.status(), self.resolution_code());
        self.apply_change(event);
        let is_of_store = self.resolution_code().is_some_and(ResolutionCode::is_of_store);
        let store_call = self.reason.store_call.clone().filter(|_| is_of_store);
        if let DeliveryEvent::RetryScheduled { call, .. } | DeliveryEvent::FailedPermanently { call, .. } = event {
            self.reason = Reason { call: call.clone(), store_call, missing: vec![] };
        } else if let DeliveryEvent::ActionRequired { call, assets, .. } = event {
            self.reason = Reason { call: call.clone(), store_call, missing: assets.clone() };
        } else if before != (self.status(), self.resolution_code()) {
            // The reason of a status goes with it.
            self.reason = Reason::default();
        }
    }

    fn apply_change(&mut self, event: &DeliveryEvent) {
        match event {
            DeliveryEvent::WebhookReceived { webhook, outcome, changes } => {
                self.apply_webhook(webhook, *outcome, changes);
            }
            DeliveryEvent::OrderFetched(fetched) => self.apply_fetched(fetched),
            DeliveryEvent::OrderFetchFailed { call, retry_at, code, decided_on: _ } => {
                self.apply_fetch_failed(call.as_ref(), *retry_at, *code);
            }
            DeliveryEvent::OrderFetchRequested { fixed: _ } => self.apply_fetch_requested(),
            DeliveryEvent::WebhookRepeated(repeated) => {
                if repeated.outcome == WebhookOutcome::Announced {
                    self.apply_announced(&repeated.order_id, repeated.received_at);
                }
            }
            DeliveryEvent::OrderFetchGivenUp { .. } | DeliveryEvent::StepStarted { .. } => {}
            DeliveryEvent::Started(started) => self.apply_started(started),
            DeliveryEvent::LeaseRenewed { lease_until } => {
                if let Phase::Running(lease) = &mut self.phase {
                    lease.until = *lease_until;
                }
            }
            DeliveryEvent::Followed { credits, .. } => self.charged = self.charged + *credits,
            DeliveryEvent::AssetShared { asset, username, credits, call: _ } => {
                let (asset, username) = (asset.clone(), username.clone());
                self.shared.push(Shared { asset, credits: *credits, username });
                self.charged = self.charged + *credits;
            }
            DeliveryEvent::RetryScheduled { code, due_at, call: _ } => {
                self.phase = Phase::RetryScheduled { code: *code, due_at: *due_at };
            }
            DeliveryEvent::WaitMoved { until, cause: _ } => self.apply_wait_moved(*until),
            DeliveryEvent::ActionRequired { code, .. } => {
                if *code == ResolutionCode::NoItemMapping {
                    self.lines.apply_no_mapping();
                }
                self.phase = Phase::ActionRequired { code: *code };
            }
            DeliveryEvent::Completed {} => self.phase = Phase::Completed,
            DeliveryEvent::FailedPermanently { code, call: _ } => self.phase = Phase::FailedPermanently { code: *code },
            DeliveryEvent::CancellationRequested {} => self.apply_stop(StopCause::Cancelled(CancelledBy::Person)),
            DeliveryEvent::Cancelled {} => self.phase = Phase::Cancelled(self.cancelled_by()),
            DeliveryEvent::StatusFiltered {} => self.phase = Phase::Filtered,
            DeliveryEvent::HandedBack {} | DeliveryEvent::RetryRequested { .. } | DeliveryEvent::Requeued { .. } => {
                self.apply_fetch_awaits_its_turn();
                self.phase = Phase::Queued;
            }
            DeliveryEvent::UsernameCorrected { username } => {
                if self.waits_for_username() {
                    self.phase = Phase::Queued;
                }
                self.username = Some(username.clone());
                self.erased = false;
            }
            DeliveryEvent::PersonalDataErased { .. } => self.apply_erased(),
        }
    }

    fn apply_wait_moved(&mut self, until: DateTime<Utc>) {
        let is_of_store = self.resolution_code().is_some_and(ResolutionCode::is_of_store);
        match &mut self.phase {
            Phase::Running(lease) => return lease.until = until,
            Phase::RetryScheduled { due_at, .. } => {
                *due_at = until;
                if !is_of_store {
                    return;
                }
            }
            Phase::Queued => return,
            Phase::Filtered
            | Phase::ActionRequired { .. }
            | Phase::Completed
            | Phase::FailedPermanently { .. }
            | Phase::Cancelled(_) => {}
        }
        if let Some(unread) = &mut self.unread {
            unread.due_at = Some(until);
        }
    }

    fn apply_started(&mut self, started: &Started) {
        self.lines.apply_plan(&started.plan);
        self.attempts = started.attempt;
        self.phase = Phase::Running(Lease {
            worker: started.worker.clone(),
            attempt: started.attempt,
            until: started.lease_until,
            length_ms: (started.lease_until - started.started_at).num_milliseconds(),
            username: started.username.clone(),
            stop: None,
        });
    }

    pub(super) fn apply_webhook(&mut self, webhook: &Webhook, outcome: WebhookOutcome, changes: &[Change]) {
        if outcome == WebhookOutcome::Announced {
            return self.apply_announced(&webhook.order_id, webhook.received_at);
        }
        // Where the store named the customer again, there is something to erase once more.
        self.erased = self.erased && webhook.is_forgotten();
        if outcome == WebhookOutcome::Stale {
            return;
        }
        self.intent = webhook.intent;
        if outcome != WebhookOutcome::Duplicate {
            if webhook.describes_order() {
                self.lines.revise(&webhook.items);
            }
            if changes.contains(&Change::UsernameChanged) || self.is_named_again_by(webhook, outcome) {
                self.username.clone_from(&webhook.username);
            }
        }
        match outcome {
            WebhookOutcome::Accepted => {
                if let Phase::Running(lease) = &mut self.phase {
                    lease.stop = Some(StopCause::Revised);
                } else {
                    self.phase = Phase::Queued;
                }
            }
            WebhookOutcome::Filtered => self.apply_stop(StopCause::Filtered),
            WebhookOutcome::Cancelled => self.apply_stop(StopCause::Cancelled(CancelledBy::Store)),
            WebhookOutcome::Revised => {
                if let Phase::Running(lease) = &mut self.phase
                    && changes.iter().any(Change::concerns_delivery)
                {
                    lease.stop.get_or_insert(StopCause::Revised);
                }
            }
            WebhookOutcome::Duplicate | WebhookOutcome::Stale | WebhookOutcome::TooLate | WebhookOutcome::Announced => {
            }
        }
    }

    /// Ends a delivery, or asks the worker that holds it to end it after its step.
    fn apply_stop(&mut self, cause: StopCause) {
        if let Phase::Running(lease) = &mut self.phase {
            // What a person cancelled stays cancelled.
            if lease.stop != Some(StopCause::Cancelled(CancelledBy::Person)) {
                lease.stop = Some(cause);
            }
            return;
        }
        match cause {
            StopCause::Cancelled(by) => self.phase = Phase::Cancelled(by),
            StopCause::Filtered => self.phase = Phase::Filtered,
            StopCause::Revised => {}
        }
    }

    /// Who cancels, where the delivery ends with it now.
    fn cancelled_by(&self) -> CancelledBy {
        let Phase::Running(lease) = &self.phase else { return CancelledBy::Person };
        match lease.stop {
            Some(StopCause::Cancelled(by)) => by,
            Some(StopCause::Filtered | StopCause::Revised) | None => CancelledBy::Person,
        }
    }

    /// Forgets whose order it is.
    pub fn apply_erased(&mut self) {
        self.username = self.username.take().map(|_| Private::Erased);
        for shared in &mut self.shared {
            shared.username = Private::Erased;
        }
        if let Phase::Running(lease) = &mut self.phase {
            lease.username = Private::Erased;
        }
        // Nothing is fetched of whom nothing may be known.
        self.unread = None;
        self.erased = true;
    }
}
