//! The fold: what each event makes of a delivery.

use super::{ApiKeyUse, DeliveryEvent, Intent, Lease, Order, Phase, Shared, Started, Webhook, WebhookOutcome};
use crate::{Private, ResolutionCode};

impl Order {
    pub(super) fn first_heard(webhook: Webhook, outcome: WebhookOutcome) -> Self {
        let phase = match outcome {
            WebhookOutcome::Accepted => Phase::Queued,
            WebhookOutcome::Cancelled => Phase::Cancelled,
            WebhookOutcome::Filtered | WebhookOutcome::Duplicate | WebhookOutcome::TooLate => Phase::Filtered,
        };
        let called_off_at = webhook.changed_by().filter(|_| outcome == WebhookOutcome::Cancelled);
        Self {
            account_id: webhook.account_id,
            integration_id: webhook.integration_id,
            username: webhook.username,
            items: webhook.items,
            api_key: webhook.api_key,
            phase,
            attempts: 0,
            plan: vec![],
            unmapped: vec![],
            shared: vec![],
            followed: None,
            waits: 0,
            waiting_since: None,
            failures: 0,
            called_off_at,
            erased: false,
        }
    }

    pub(super) fn apply(&mut self, event: DeliveryEvent) {
        match event {
            DeliveryEvent::WebhookReceived { webhook, outcome } => self.heard_again(*webhook, outcome),
            DeliveryEvent::Started(started) => self.taken(started),
            DeliveryEvent::LeaseRenewed { lease_until } => {
                if let Phase::Running(lease) = &mut self.phase {
                    lease.until = lease_until;
                }
            }
            DeliveryEvent::Followed { credits } => {
                self.followed = Some(credits);
                self.failures = 0;
            }
            DeliveryEvent::ItemShared { asset, credits } => {
                self.shared.push(Shared { asset, credits });
                self.failures = 0;
            }
            DeliveryEvent::RetryScheduled { code, due_at } => {
                if code == ResolutionCode::NdspWaiting {
                    self.waits += 1;
                    self.failures = 0;
                    // The first look was one delay before the first retry: near enough, and known without a clock.
                    self.waiting_since.get_or_insert(due_at);
                } else {
                    self.failures += 1;
                }
                self.phase = Phase::RetryScheduled { code, due_at };
            }
            DeliveryEvent::ActionRequired { code } => self.phase = Phase::ActionRequired { code },
            DeliveryEvent::Completed => self.phase = Phase::Completed,
            DeliveryEvent::FailedPermanently { code } => self.phase = Phase::FailedPermanently { code },
            DeliveryEvent::CancellationRequested => self.call_off(),
            DeliveryEvent::Cancelled => self.phase = Phase::Cancelled,
            DeliveryEvent::HandedBack => self.phase = Phase::Queued,
            DeliveryEvent::RetryRequested => {
                self.api_key = ApiKeyUse::None;
                self.called_off_at = None;
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
                self.username = self.username.take().map(|_| Private::Erased);
                self.erased = true;
            }
        }
    }

    fn heard_again(&mut self, webhook: Webhook, outcome: WebhookOutcome) {
        // Where the store said again who ordered, there is something to erase once more.
        self.erased = self.erased && webhook.is_forgotten();
        match outcome {
            WebhookOutcome::Accepted => {
                self.username = webhook.username.or_else(|| self.username.take());
                self.items = webhook.items;
                self.api_key = webhook.api_key;
                self.called_off_at = None;
                self.start_over();
            }
            WebhookOutcome::Cancelled => {
                self.called_off_at = webhook.changed_by();
                self.call_off();
            }
            // Called off once more: what was changed before that is no news.
            WebhookOutcome::Duplicate if webhook.intent == Intent::Cancel => {
                if let Some(before) = self.called_off_at {
                    self.called_off_at = Some(before).max(webhook.changed_by());
                }
            }
            // A cancellation may arrive before the order itself: a person who retries it needs to know what was bought.
            WebhookOutcome::Duplicate if self.items.is_empty() => {
                self.username = webhook.username.or_else(|| self.username.take());
                self.items = webhook.items;
            }
            WebhookOutcome::Filtered | WebhookOutcome::Duplicate | WebhookOutcome::TooLate => {}
        }
    }

    fn taken(&mut self, started: Started) {
        // An attempt whose lease ran out ended without a word.
        if matches!(self.phase, Phase::Running(_)) {
            self.failures += 1;
        }
        let Started { attempt, worker, lease_until, plan, unmapped } = started;
        self.attempts = attempt;
        self.plan = plan;
        self.unmapped = unmapped;
        self.phase = Phase::Running(Lease { worker, attempt, until: lease_until, cancel_requested: false });
    }

    fn call_off(&mut self) {
        if let Phase::Running(lease) = &mut self.phase {
            lease.cancel_requested = true;
        } else {
            self.phase = Phase::Cancelled;
        }
    }

    fn start_over(&mut self) {
        self.phase = Phase::Queued;
        self.waits = 0;
        self.waiting_since = None;
        self.failures = 0;
    }
}
