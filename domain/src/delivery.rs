//! A delivery: the fulfilment of one order, from its first webhook until what was bought is shared.
//!
//! Every webhook about the order is an event on this stream, so the whole story of an order is one stream.

mod again;
mod attempt;
mod command;
mod event;
mod fold;
mod refusal;
pub mod schedule;
mod status;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use serde::{Deserialize, Serialize};

pub use command::{DeliveryCommand, Held, StartFacts};
pub use event::{ApiKeyUse, DeliveryEvent, ErasureCause, Intent, PERSONAL_DATA_ERASED, Started, Webhook};
pub use refusal::DeliveryRefusal;
pub use status::{DeliveryStatus, Standing, WebhookOutcome};

use crate::{AccountId, Asset, Credits, IntegrationId, LineItem, Private, ResolutionCode};

/// The fold of a delivery's stream. The default is an order that nobody has heard of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Delivery {
    #[default]
    Unheard,
    Order(Box<Order>),
}

/// What is known of an order, as far as a decision reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    pub account_id: AccountId,
    pub integration_id: IntegrationId,
    pub username: Option<Private<String>>,
    pub items: Vec<LineItem>,
    pub api_key: ApiKeyUse,
    pub phase: Phase,
    /// Attempts so far; the next one has this number plus one.
    pub attempts: u32,
    /// What the latest attempt set out to share.
    pub plan: Vec<Asset>,
    /// Indexes of the items for which the latest attempt found no mapping.
    pub unmapped: Vec<usize>,
    pub shared: Vec<Shared>,
    /// What following the customer cost, once this delivery did so.
    pub followed: Option<Credits>,
    /// Waits in a row for the customer to follow back.
    waits: u32,
    waiting_since: Option<DateTime<Utc>>,
    /// Temporary failures in a row.
    failures: u32,
    /// When the store changed the order into one that is called off, or was heard to have done so. None where a person
    /// cancelled the delivery.
    #[serde(default)]
    called_off_at: Option<DateTime<Utc>>,
    /// Nothing personal is left, but for what came after.
    #[serde(default)]
    pub erased: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    pub asset: Asset,
    pub credits: Credits,
}

/// Where a delivery stands. Its status and resolution code follow from this.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Phase {
    /// Every webhook so far told a status that is not delivered. Not final: a later one may.
    Filtered,
    Queued,
    Running(Lease),
    RetryScheduled {
        code: ResolutionCode,
        due_at: DateTime<Utc>,
    },
    ActionRequired {
        code: ResolutionCode,
    },
    Completed,
    FailedPermanently {
        code: ResolutionCode,
    },
    Cancelled,
}

/// A worker's hold on a delivery. Whoever outlives it has lost it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    pub worker: String,
    pub attempt: u32,
    pub until: DateTime<Utc>,
    /// Somebody cancelled meanwhile; the worker stops after the step it is in.
    pub cancel_requested: bool,
}

impl Delivery {
    pub fn order(&self) -> Option<&Order> {
        match self {
            Self::Unheard => None,
            Self::Order(order) => Some(order),
        }
    }

    /// Decides a command. The same fact again decides to nothing; a different one that cannot be is refused.
    pub fn decide(&self, command: DeliveryCommand) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        match (self, command) {
            (_, DeliveryCommand::RecordWebhook(webhook)) => Ok(self.webhook_recorded(webhook)),
            (Self::Unheard, _) => Err(DeliveryRefusal::Unheard),
            (Self::Order(order), command) => order.decide(command),
        }
    }

    /// What a webhook becomes here.
    ///
    /// A store may take a cancellation back: WooCommerce cancels what is not paid within the hour, and the payment may come
    /// later. The word that the order is wanted counts if the store changed the order after it was called off; an earlier
    /// one that was late on its way revives nothing. Where the cancellation has no date of its own, its receipt stands in
    /// for it. For the word that takes it back nothing does: what came later may have been said earlier.
    pub fn outcome_of(&self, webhook: &Webhook) -> WebhookOutcome {
        let taken_back = webhook.intent == Intent::Deliver
            && self.order().is_some_and(|order| order.was_called_off_before(webhook.changed_at));
        if taken_back {
            return WebhookOutcome::Accepted;
        }
        status::outcome(self.order().map(|order| order.phase.standing()), webhook.intent)
    }

    /// Every webhook is recorded, also one that says nothing new: that it came is a fact. A new username is the
    /// exception that does something: an order that waits for one takes it and goes on.
    fn webhook_recorded(&self, mut webhook: Box<Webhook>) -> Vec<DeliveryEvent> {
        let waits_for_username = matches!(
            self.order().map(|order| &order.phase),
            Some(Phase::ActionRequired { code: ResolutionCode::MissingUsername | ResolutionCode::InvalidUsername })
        );
        let news = webhook.username.clone().filter(|username| {
            waits_for_username
                && webhook.intent == Intent::Deliver
                && self.order().is_some_and(|order| order.username.as_ref() != Some(username))
        });
        let outcome = self.outcome_of(&webhook);
        // Who was erased is not taken in again with a webhook that delivers nothing: stores repeat themselves, and so may
        // somebody who has captured one.
        if outcome != WebhookOutcome::Accepted && self.order().is_some_and(|order| order.erased) {
            webhook.forget_person();
        }
        let mut events = vec![DeliveryEvent::WebhookReceived { webhook, outcome }];
        if let Some(username) = news {
            events.push(DeliveryEvent::UsernameCorrected { username });
        }
        events
    }
}

impl Order {
    /// The assets of the latest plan that were not shared yet.
    pub fn outstanding(&self) -> impl Iterator<Item = &Asset> {
        self.plan.iter().filter(|asset| !self.has_shared(asset))
    }

    pub fn has_shared(&self, asset: &Asset) -> bool {
        self.shared.iter().any(|shared| shared.asset == *asset)
    }

    pub fn lease(&self) -> Option<&Lease> {
        match &self.phase {
            Phase::Running(lease) => Some(lease),
            Phase::Filtered
            | Phase::Queued
            | Phase::RetryScheduled { .. }
            | Phase::ActionRequired { .. }
            | Phase::Completed
            | Phase::FailedPermanently { .. }
            | Phase::Cancelled => None,
        }
    }

    /// Whether it is the store that called the order off, and before it changed the order once more.
    fn was_called_off_before(&self, changed_at: Option<DateTime<Utc>>) -> bool {
        let called_off_at = self.called_off_at.filter(|_| self.phase == Phase::Cancelled);
        called_off_at.zip(changed_at).is_some_and(|(called_off_at, changed_at)| called_off_at < changed_at)
    }

    fn decide(&self, command: DeliveryCommand) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        match command {
            DeliveryCommand::RecordWebhook(webhook) => {
                Ok(Delivery::Order(Box::new(self.clone())).webhook_recorded(webhook))
            }
            DeliveryCommand::Start { worker, now, lease_until, facts } => {
                self.started(worker, now, lease_until, &facts)
            }
            DeliveryCommand::RenewLease { held, lease_until } => {
                let lease = self.held_by(&held)?;
                Ok(if lease_until > lease.until { vec![DeliveryEvent::LeaseRenewed { lease_until }] } else { vec![] })
            }
            DeliveryCommand::RecordFollow { held, credits } => self.follow_recorded(&held, credits),
            DeliveryCommand::RecordShare { held, asset, credits } => self.share_recorded(&held, asset, credits),
            DeliveryCommand::Complete { held } => self.completed(&held),
            DeliveryCommand::Wait { held, now, jitter } => self.waiting(&held, now, jitter),
            DeliveryCommand::Fail { held, now, jitter } => self.failing(&held, now, jitter),
            DeliveryCommand::RequireAction { held, code } => self.ended(&held, DeliveryEvent::ActionRequired { code }),
            DeliveryCommand::GiveUp { held, code } => self.ended(&held, DeliveryEvent::FailedPermanently { code }),
            DeliveryCommand::HandBack { held } => self.ended(&held, DeliveryEvent::HandedBack),
            DeliveryCommand::Retry { username } => self.retried(username),
            DeliveryCommand::Replay { username } => self.replayed(username),
            DeliveryCommand::Release { cause } => {
                let waited = self.phase == Phase::ActionRequired { code: cause };
                Ok(if waited { vec![DeliveryEvent::Requeued { cause }] } else { vec![] })
            }
            DeliveryCommand::Cancel => self.cancelled(),
            DeliveryCommand::ErasePersonalData { cause } => Ok(self.erased(cause)),
        }
    }

    /// Without a username nothing can be delivered any more, so what is under way ends with it. Unless nobody asked and
    /// only time has passed: then what has gone on meanwhile is left alone.
    fn erased(&self, cause: ErasureCause) -> Vec<DeliveryEvent> {
        let is_left_alone = cause == ErasureCause::Retention && !self.phase.is_over();
        if self.erased || is_left_alone {
            return vec![];
        }
        // A delivery that is over stays as it ended.
        let ends = match self.phase {
            Phase::Completed | Phase::FailedPermanently { .. } | Phase::Filtered => vec![],
            Phase::Queued
            | Phase::Running(_)
            | Phase::RetryScheduled { .. }
            | Phase::ActionRequired { .. }
            | Phase::Cancelled => self.cancelled().unwrap_or_default(),
        };
        ends.into_iter().chain([DeliveryEvent::PersonalDataErased { cause }]).collect()
    }

    fn cancelled(&self) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        match &self.phase {
            Phase::Cancelled => Ok(vec![]),
            Phase::Completed => Err(DeliveryRefusal::AlreadyCompleted),
            Phase::Running(lease) if lease.cancel_requested => Ok(vec![]),
            Phase::Running(_) => Ok(vec![DeliveryEvent::CancellationRequested]),
            Phase::Filtered
            | Phase::Queued
            | Phase::RetryScheduled { .. }
            | Phase::ActionRequired { .. }
            | Phase::FailedPermanently { .. } => Ok(vec![DeliveryEvent::Cancelled]),
        }
    }
}

impl Aggregate for Delivery {
    const TYPE: &'static str = "delivery";
    type Command = DeliveryCommand;
    type Event = DeliveryEvent;
    type Error = DeliveryRefusal;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        (): &Self::Services,
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        for event in self.decide(command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: Self::Event) {
        match (&mut *self, event) {
            (Self::Unheard, DeliveryEvent::WebhookReceived { webhook, outcome }) => {
                *self = Self::Order(Box::new(Order::first_heard(*webhook, outcome)));
            }
            (Self::Order(order), event) => order.apply(event),
            // Every other event comes after the first webhook; a stream that says otherwise tells nothing.
            (Self::Unheard, _) => {}
        }
    }
}
