//! What came in about an order, apart from what it said: so that the same bytes are known again, and a disk is not filled by
//! sending them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Webhook, WebhookOutcome, WebhookRepeated};
use crate::Private;
use crate::repeats::Repeats;

/// Bodies that are remembered of an order, to know them again.
const MAX_BODIES: usize = 50;

/// The webhooks of an order, as far as their repetitions go.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Received {
    /// Webhooks that were recorded whole.
    webhooks: u32,
    /// Keyed hashes of their bodies, and which of them each was, counted from 1.
    bodies: Option<Private<Vec<(String, u32)>>>,
    /// What came lately and said nothing new.
    repeats: Repeats,
}

impl Received {
    /// Whether another webhook that says nothing new is only counted.
    pub(super) fn is_enough(&self, webhook: &Webhook) -> bool {
        self.repeats.is_enough(webhook.received_at)
    }

    /// What is recorded of a webhook whose bytes an earlier one had.
    pub(super) fn repeat(&self, webhook: &Webhook, outcome: WebhookOutcome) -> Option<WebhookRepeated> {
        let digest = webhook.body_digest.as_ref().and_then(Private::known)?;
        let bodies = self.bodies.as_ref().and_then(Private::known)?;
        let (_, number) = bodies.iter().find(|(known, _)| known == digest)?;
        Some(WebhookRepeated {
            provider: webhook.provider,
            order_id: webhook.order_id.clone(),
            order_number: webhook.order_number.clone(),
            outcome,
            first_webhook_number: *number,
            received_at: webhook.received_at,
            topic: webhook.topic.clone(),
            webhook_id: webhook.webhook_id.clone(),
            headers: webhook.headers.clone(),
            body_bytes: webhook.body_bytes,
            unsigned: webhook.unsigned,
            source: webhook.source,
        })
    }

    /// Folds a webhook that was recorded whole.
    pub(super) fn apply_received(&mut self, webhook: &Webhook, outcome: WebhookOutcome) {
        self.webhooks = self.webhooks.saturating_add(1);
        if !outcome.is_news() {
            self.repeats.apply_recorded(webhook.received_at);
        }
        let Some(digest) = webhook.body_digest.as_ref().and_then(Private::known) else { return };
        let mut bodies = match self.bodies.take() {
            Some(Private::Known(bodies)) => bodies,
            Some(Private::Erased) | None => vec![],
        };
        if bodies.len() >= MAX_BODIES {
            bodies.remove(0);
        }
        bodies.push((digest.clone(), self.webhooks));
        self.bodies = Some(Private::Known(bodies));
    }

    /// Folds one that repeated an earlier one.
    pub(super) fn apply_repeated(&mut self, at: DateTime<Utc>) {
        self.repeats.apply_recorded(at);
    }

    pub(super) fn forget_bodies(&mut self) {
        self.bodies = None;
    }
}
