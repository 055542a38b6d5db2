//! What a webhook does to an order: it is new, a revision of what was known, a repetition, or too old to count.
//!
//! An order is what its store says now. "Now" is the store's own clock (Shopify's `updated_at`, WooCommerce's
//! `date_modified_gmt`, the generic format's `updatedAt`): webhooks arrive in any order. WooCommerce's clock has a grain of
//! one second, so of two with the same time the one that arrived later counts.

use chrono::{DateTime, SubsecRound as _, Utc};
use uuid::Uuid;

use super::received::Received;
use super::{
    CancelledBy, Change, DecidedOn, DeliveryEvent, Intent, Order, Phase, RequeueCause, StopCause, Summary, Webhook,
    WebhookOutcome,
};
use crate::{Credits, LineItem, Private, ResolutionCode};

/// Webhooks that are remembered of an order, to know them again.
const MAX_REMEMBERED: usize = 50;

/// The first webhook about an order.
pub(super) fn receive_first(webhook: Box<Webhook>) -> DeliveryEvent {
    let outcome = if webhook.thin { WebhookOutcome::Announced } else { outcome_of_first(webhook.intent) };
    DeliveryEvent::WebhookReceived { webhook, outcome, changes: vec![] }
}

/// What the first report of an order does.
pub(super) fn outcome_of_first(intent: Intent) -> WebhookOutcome {
    match intent {
        Intent::Deliver => WebhookOutcome::Accepted,
        Intent::Filtered => WebhookOutcome::Filtered,
        Intent::Cancel => WebhookOutcome::Cancelled,
    }
}

impl Order {
    /// Every webhook is recorded, also one that changes nothing: that it came is a fact. Only where many such come in an hour
    /// nothing is recorded any more; and the bytes of an earlier one are not stored again.
    pub(super) fn receive(&self, mut webhook: Box<Webhook>) -> Vec<DeliveryEvent> {
        if webhook.thin {
            return self.announce(webhook);
        }
        let mut changes = self.changes_by(&webhook);
        let outcome = self.outcome_of(&webhook, &changes);
        if !outcome.is_news() {
            if self.received.is_enough(&webhook) {
                return vec![];
            }
            if let Some(repeated) = self.received.repeat(&webhook, outcome) {
                return vec![DeliveryEvent::WebhookRepeated(Box::new(repeated))];
            }
        }
        if outcome == WebhookOutcome::Stale {
            changes.clear();
        }
        // An erased person is not recorded again with a webhook that delivers nothing: stores repeat themselves, and so may
        // someone who has captured one.
        if outcome != WebhookOutcome::Accepted && self.summary.erased {
            webhook.forget_person();
        }
        let requeues = outcome == WebhookOutcome::Revised && self.is_requeued_by(&webhook, &changes);
        let mut events = vec![DeliveryEvent::WebhookReceived { webhook, outcome, changes }];
        if requeues {
            events.push(DeliveryEvent::Requeued { cause: RequeueCause::Revised });
        }
        events
    }
}

impl Webhook {
    /// When the store changed the order, at the latest: it reported it no sooner than it did it. For a body without a date
    /// (WooCommerce's deletion is an id and nothing else) that is the second of receipt, the grain of stores' clocks.
    pub(super) fn changed_by(&self) -> DateTime<Utc> {
        self.changed_at.unwrap_or_else(|| self.received_at.trunc_subsecs(0))
    }

    /// What a webhook says, as one value by which its repetition is known: of one with a date by its id, since in the same
    /// second a store may say the same again and mean it. None where it cannot be known, and for a cancellation without a
    /// date, which may be said as often as the store likes.
    fn fingerprint(&self) -> Option<Uuid> {
        let sent = match (self.changed_at, &self.webhook_id) {
            (Some(changed_at), Some(webhook_id)) => format!("{} {webhook_id}", changed_at.timestamp_micros()),
            (None, _) if self.intent != Intent::Cancel => String::new(),
            (Some(_), None) | (None, _) => return None,
        };
        let texts = |item: &LineItem| {
            [&item.variant_id, &item.product_id, &item.sku, &item.title].map(|text| text.clone().unwrap_or_default())
        };
        // What it wants depends on the integration's filter, which may have changed before it is sent again.
        let intent: &str = self.intent.into();
        let mut parts = vec![
            sent,
            intent.to_owned(),
            self.order_status.clone().unwrap_or_default(),
            self.username.as_ref().and_then(|username| username.known().cloned()).unwrap_or_default(),
        ];
        for item in &self.items {
            parts.extend(texts(item));
            parts.push(item.quantity.to_string());
        }
        Some(Uuid::new_v5(&self.integration_id.0, parts.join("\u{1f}").as_bytes()))
    }

    /// Whether it says what was ordered. A deletion may be an id and nothing else.
    pub fn describes_order(&self) -> bool {
        !self.thin && (self.intent != Intent::Cancel || !self.items.is_empty())
    }
}

impl Order {
    /// What differs between this webhook and what is known, whichever of the two is older.
    pub(super) fn changes_by(&self, webhook: &Webhook) -> Vec<Change> {
        let mut changes = if webhook.describes_order() { self.summary.lines.changes(&webhook.items) } else { vec![] };
        // A username once given stays when a later webhook leaves it out, and one that a person corrected stays while the
        // store repeats the one that was wrong.
        // What was erased cannot be compared.
        let is_erased = self.store_username == Some(Private::Erased);
        if webhook.username.is_some() && webhook.username != self.store_username && !is_erased {
            changes.push(Change::UsernameChanged);
        }
        if webhook.order_status.is_some() && webhook.order_status != self.order_status {
            changes.push(Change::StatusChanged { from: self.order_status.clone(), to: webhook.order_status.clone() });
        }
        let waits_for_key = self.summary.phase == Phase::ActionRequired { code: ResolutionCode::InactiveApiKey };
        if waits_for_key && webhook.api_key != self.api_key {
            changes.push(Change::ApiKeyChanged);
        }
        changes
    }

    pub(super) fn outcome_of(&self, webhook: &Webhook, changes: &[Change]) -> WebhookOutcome {
        let is_news = !changes.is_empty() || webhook.intent != self.summary.intent;
        let repeats_earlier = is_news && self.has_seen(webhook);
        if self.is_newer_than(webhook) || repeats_earlier {
            // A deletion may arrive before the order itself: a person who retries it needs to know what was bought.
            let informs = !self.described && webhook.describes_order();
            return if informs { WebhookOutcome::Revised } else { WebhookOutcome::Stale };
        }
        let news = if changes.is_empty() { WebhookOutcome::Duplicate } else { WebhookOutcome::Revised };
        match webhook.intent {
            Intent::Deliver if self.waits_for_delivered_status() => WebhookOutcome::Accepted,
            Intent::Cancel if self.summary.phase == Phase::Completed && !is_news => WebhookOutcome::Duplicate,
            Intent::Cancel if self.summary.phase == Phase::Completed => WebhookOutcome::TooLate,
            Intent::Filtered if self.summary.phase == Phase::Filtered && changes.is_empty() => {
                WebhookOutcome::Duplicate
            }
            // What was delivered stays so, and what a person cancelled.
            Intent::Filtered if self.summary.phase == Phase::Completed || self.is_cancelled_by_person() => news,
            Intent::Cancel if matches!(self.summary.phase, Phase::Cancelled(_)) => news,
            Intent::Deliver => news,
            Intent::Filtered => WebhookOutcome::Filtered,
            Intent::Cancel => WebhookOutcome::Cancelled,
        }
    }

    /// Whether it is the store that keeps the order from being delivered: by its status, or by a cancellation.
    fn waits_for_delivered_status(&self) -> bool {
        match &self.summary.phase {
            Phase::Filtered => true,
            Phase::Cancelled(by) => *by == CancelledBy::Store,
            Phase::Running(lease) => lease.stop.is_some_and(StopCause::is_by_store),
            Phase::Queued
            | Phase::RetryScheduled { .. }
            | Phase::ActionRequired { .. }
            | Phase::Completed
            | Phase::FailedPermanently { .. } => false,
        }
    }

    pub(super) fn is_cancelled_by_person(&self) -> bool {
        self.summary.phase == Phase::Cancelled(CancelledBy::Person)
    }

    /// Whether more recent things are known than a webhook says. One without a date counts by its arrival; but it does not
    /// take a cancellation back, for it may have been sent before it.
    fn is_newer_than(&self, webhook: &Webhook) -> bool {
        match (webhook.changed_at, self.revised_at) {
            (Some(changed_at), Some(revised_at)) => changed_at < revised_at,
            (Some(_), None) => false,
            (None, _) => webhook.intent != Intent::Cancel && self.is_cancelled_by_store(),
        }
    }

    /// Whether a webhook is an earlier one again: a store that repeats itself late, or a third party that captured it. Where the
    /// store's clock shows that it is older, that is enough.
    fn has_seen(&self, webhook: &Webhook) -> bool {
        let earlier = self.earlier.as_ref().and_then(Private::known);
        webhook.fingerprint().is_some_and(|fingerprint| earlier.is_some_and(|earlier| earlier.contains(&fingerprint)))
    }

    fn remember(&mut self, fingerprint: Option<Uuid>) {
        let Some(fingerprint) = fingerprint else { return };
        let mut earlier = match self.earlier.take() {
            Some(Private::Known(earlier)) => earlier,
            Some(Private::Erased) | None => vec![],
        };
        if !earlier.contains(&fingerprint) {
            if earlier.len() >= MAX_REMEMBERED {
                earlier.remove(0);
            }
            earlier.push(fingerprint);
        }
        self.earlier = Some(Private::Known(earlier));
    }

    fn is_cancelled_by_store(&self) -> bool {
        match &self.summary.phase {
            Phase::Cancelled(by) => *by == CancelledBy::Store,
            Phase::Running(lease) => lease.stop == Some(StopCause::Cancelled(CancelledBy::Store)),
            Phase::Filtered
            | Phase::Queued
            | Phase::RetryScheduled { .. }
            | Phase::ActionRequired { .. }
            | Phase::Completed
            | Phase::FailedPermanently { .. } => false,
        }
    }

    /// Whether a revision gives a delivery that rests something to do.
    pub(super) fn is_requeued_by(&self, webhook: &Webhook, changes: &[Change]) -> bool {
        // Lines are no use while the order's status is not one that is delivered.
        if webhook.intent != Intent::Deliver {
            return false;
        }
        let has = |wanted: fn(&Change) -> bool| changes.iter().any(wanted);
        let adds = has(|change| matches!(change, Change::LineAdded { .. }));
        let renames = has(|change| *change == Change::UsernameChanged);
        match &self.summary.phase {
            Phase::ActionRequired { .. } => has(Change::concerns_delivery),
            // Another customer has not been waited for yet.
            Phase::RetryScheduled { .. } => renames,
            // Nothing personal is kept of an erased order, so nothing can be delivered by itself.
            Phase::Completed => self.is_extended_by(webhook) && !self.summary.erased,
            Phase::FailedPermanently { code } => (adds || renames) && *code != ResolutionCode::Unknown,
            Phase::Filtered | Phase::Queued | Phase::Running(_) | Phase::Cancelled(_) => false,
        }
    }

    /// Whether something is bought after this webhook that no attempt has planned.
    fn is_extended_by(&self, webhook: &Webhook) -> bool {
        let mut lines = self.summary.lines.clone();
        lines.revise(&webhook.items);
        lines.current.iter().any(|line| line.item.quantity > 0 && line.planned.is_none())
    }

    pub(super) fn first(webhook: Webhook, outcome: WebhookOutcome) -> Self {
        let dated = webhook.changed_at.is_some() || webhook.intent == Intent::Cancel;
        let fingerprint = webhook.fingerprint().filter(|_| !webhook.thin);
        let mut received = Received::default();
        received.apply_received(&webhook, outcome);
        let mut first = Self {
            account_id: webhook.account_id,
            integration_id: webhook.integration_id,
            revised_at: dated.then(|| webhook.changed_by()),
            described: webhook.describes_order(),
            earlier: None,
            received,
            summary: Summary::first(&webhook, outcome),
            order_status: webhook.order_status,
            store_username: webhook.username,
            api_key: webhook.api_key,
            api_key_waived: false,
            plan: vec![],
            late: vec![],
            followed: None,
            followed_username: None,
            waits: 0,
            failures: 0,
            begun: None,
            spent: Credits::ZERO,
            decided_on: DecidedOn::default(),
        };
        first.remember(fingerprint);
        first
    }

    /// Folds a later webhook, but for what people see of it.
    pub(super) fn apply_webhook(&mut self, webhook: &Webhook, outcome: WebhookOutcome, changes: &[Change]) {
        self.received.apply_received(webhook, outcome);
        if !webhook.thin {
            self.apply_report(webhook, outcome, changes);
        }
    }

    /// Folds what a store says of the order, in a webhook or when it was fetched.
    pub(super) fn apply_report(&mut self, webhook: &Webhook, outcome: WebhookOutcome, changes: &[Change]) {
        if outcome == WebhookOutcome::Stale {
            return;
        }
        if webhook.changed_at.is_some() || webhook.intent == Intent::Cancel {
            self.revised_at = self.revised_at.max(Some(webhook.changed_by()));
        }
        self.remember(webhook.fingerprint());
        if outcome == WebhookOutcome::Accepted && self.lease().is_none() {
            self.start_over();
        }
        if outcome != WebhookOutcome::Duplicate {
            self.apply_revision(webhook, outcome, changes);
        }
    }

    fn apply_revision(&mut self, webhook: &Webhook, outcome: WebhookOutcome, changes: &[Change]) {
        self.described |= webhook.describes_order();
        if changes.contains(&Change::UsernameChanged) || self.summary.is_named_again_by(webhook, outcome) {
            self.store_username.clone_from(&webhook.username);
        }
        if webhook.order_status.is_some() {
            self.order_status.clone_from(&webhook.order_status);
        }
        if outcome == WebhookOutcome::Accepted || changes.contains(&Change::ApiKeyChanged) {
            self.api_key = webhook.api_key;
            self.api_key_waived = false;
        }
    }
}
