//! A delivery: the fulfilment of one order, from its first webhook until what was bought is shared.
//!
//! Every webhook about the order is an event on this stream, so the whole story of an order is one stream.

mod again;
mod attempt;
mod command;
mod cortex_call;
mod event;
mod fetching;
mod fold;
mod lines;
mod received;
mod refusal;
mod revision;
pub mod schedule;
mod settlement;
mod status;
mod store_call;
mod summary;
#[cfg(test)]
mod tests;
mod waiting;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use command::{DeliveryCommand, Held, StartFacts};
pub use cortex_call::{CortexCall, CortexOperation, MAX_REASON_CHARS};
pub use event::{
    ApiKeyUse, DecidedOn, DeliveryEvent, ErasureCause, Intent, MoveCause, PlannedAsset, PlannedItem, Report,
    RequeueCause, Started, Webhook, WebhookRepeated,
};
pub use fetching::{FetchFailure, FetchedOrder, LatestFailure, Unread};
pub use lines::{Change, OrderLine, OrderLines, describe_changes};
pub use received::Received;
pub use refusal::DeliveryRefusal;
pub use status::{DeliveryStatus, WebhookOutcome};
pub use store_call::StoreCall;
pub use summary::{Reason, Summary};

use crate::credits::PaidAction;
use crate::event::{EventSourced, Owner, aggregate};
use crate::{AccountId, Asset, Credits, IntegrationId, MappingId, Private, ResolutionCode};

/// The fold of a delivery's stream. The default is the state before any webhook.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Delivery {
    #[default]
    Initial,
    Order(Box<Order>),
}

/// What is known of an order, as far as a decision reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    pub account_id: AccountId,
    pub integration_id: IntegrationId,
    /// When the store last changed the order, by its own clock, as far as is known.
    revised_at: Option<DateTime<Utc>>,
    /// Whether a webhook said what was ordered. A deletion is an id and nothing else.
    described: bool,
    /// What webhooks said so far, to know their repetitions.
    earlier: Option<Private<Vec<Uuid>>>,
    received: Received,
    /// As the store last reported it.
    pub order_status: Option<String>,
    /// The customer that the store last named. The summary has another one where a person corrected it.
    store_username: Option<Private<String>>,
    pub api_key: ApiKeyUse,
    /// A person asked to deliver whatever API key the webhook named.
    api_key_waived: bool,
    pub summary: Summary,
    /// What the latest attempt set out to share, each asset once.
    pub plan: Vec<Asset>,
    /// Mappings that are delivered to this order although it was completed without them.
    late: Vec<MappingId>,
    /// What following the customer cost, once this delivery did so.
    pub followed: Option<Credits>,
    /// Who was followed last.
    followed_username: Option<Private<String>>,
    /// Waits in a row for the customer to follow back.
    waits: u32,
    /// Temporary failures in a row.
    failures: u32,
    /// What an attempt was about to do, as long as its result is not recorded.
    begun: Option<BegunStep>,
    /// What the latest attempt has spent.
    spent: Credits,
    /// The settings on which the latest attempt was decided, or that none is made.
    pub decided_on: DecidedOn,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    pub asset: Asset,
    pub credits: Credits,
    /// With whom.
    pub username: Private<String>,
}

/// A step at Cortex Cloud whose result is not recorded yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct BegunStep {
    action: PaidAction,
    attempt: u32,
}

/// Where a delivery stands. Its status and resolution code follow from this.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Phase {
    /// The order's status is not one that is delivered. Not final: a later one may be.
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
    Cancelled(CancelledBy),
}

/// Who cancelled. A store takes back only its own cancellations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CancelledBy {
    Store,
    Person,
}

/// A worker's hold on a delivery, which ends by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    pub worker: String,
    pub attempt: u32,
    pub until: DateTime<Utc>,
    /// How long it lasts at a time, in milliseconds.
    pub length_ms: i64,
    /// Whom the attempt is for.
    pub username: Private<String>,
    /// Why the worker is to stop after the step it is in.
    pub stop: Option<StopCause>,
}

/// Why an attempt is to stop before it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopCause {
    Cancelled(CancelledBy),
    /// The order's status is no longer one that is delivered.
    Filtered,
    /// The store revised the order: another attempt goes on with it as it is now.
    Revised,
}

impl StopCause {
    fn is_by_store(self) -> bool {
        match self {
            Self::Cancelled(by) => by == CancelledBy::Store,
            Self::Filtered => true,
            Self::Revised => false,
        }
    }
}

impl Delivery {
    pub fn order(&self) -> Option<&Order> {
        match self {
            Self::Initial => None,
            Self::Order(order) => Some(order),
        }
    }

    /// Decides a command. The same fact again decides to nothing; a different one that cannot be is refused.
    pub fn decide(&self, command: DeliveryCommand) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        match (self, command) {
            (Self::Initial, DeliveryCommand::RecordWebhook(webhook)) => Ok(vec![revision::receive_first(webhook)]),
            (Self::Initial, _) => Err(DeliveryRefusal::UnknownDelivery),
            (Self::Order(order), command) => order.decide(command),
        }
    }
}

impl Order {
    /// Whether what the store says that it changed at this moment, by its own clock, has come; or was announced, and is to be read.
    pub fn has_come(&self, changed_at: DateTime<Utc>) -> bool {
        self.revised_at.is_some_and(|revised_at| revised_at >= changed_at) || self.summary.unread.is_some()
    }

    /// The assets of the latest plan that were not shared yet.
    pub fn outstanding(&self) -> impl Iterator<Item = &Asset> {
        self.plan.iter().filter(|asset| !self.has_shared(asset))
    }

    pub fn has_shared(&self, asset: &Asset) -> bool {
        self.summary.shared.iter().any(|shared| shared.asset == *asset)
    }

    pub fn lease(&self) -> Option<&Lease> {
        match &self.summary.phase {
            Phase::Running(lease) => Some(lease),
            Phase::Filtered
            | Phase::Queued
            | Phase::RetryScheduled { .. }
            | Phase::ActionRequired { .. }
            | Phase::Completed
            | Phase::FailedPermanently { .. }
            | Phase::Cancelled(_) => None,
        }
    }

    fn decide(&self, command: DeliveryCommand) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        match command {
            DeliveryCommand::RecordWebhook(webhook) => Ok(self.receive(webhook)),
            DeliveryCommand::RecordFetched { order, announcements, call } => {
                Ok(self.record_fetched(order, announcements, call))
            }
            DeliveryCommand::FailFetch { failure, now, jitter, decided_on } => {
                Ok(self.fail_fetch(failure, now, jitter, decided_on))
            }
            DeliveryCommand::Start { worker, now, lease_until, facts } => self.start(worker, now, lease_until, &facts),
            DeliveryCommand::RenewLease { held, lease_until } => {
                let lease = self.held_by(&held)?;
                // Also to an earlier end: its holder knows best, and its clock may have been set back.
                Ok(if lease_until == lease.until { vec![] } else { vec![DeliveryEvent::LeaseRenewed { lease_until }] })
            }
            DeliveryCommand::BeginStep { held, action } => self.begin_step(&held, action),
            DeliveryCommand::RecordFollow { held, credits, call } => self.record_follow(&held, credits, call),
            DeliveryCommand::RecordShare { held, asset, credits, call } => {
                self.record_share(&held, asset, credits, call)
            }
            DeliveryCommand::Complete { held } => self.complete(&held),
            DeliveryCommand::Wait { held, now, jitter, call } => self.wait(&held, now, jitter, call),
            DeliveryCommand::Fail { held, now, jitter, call } => self.fail(&held, now, jitter, call),
            DeliveryCommand::RequireAction { held, code, call, assets } => {
                self.end(&held, DeliveryEvent::ActionRequired { code, call, assets, decided_on: None })
            }
            DeliveryCommand::GiveUp { held, code, now, jitter, call } => self.give_up(&held, code, now, jitter, call),
            DeliveryCommand::HandBack { held } => self.end(&held, DeliveryEvent::HandedBack {}),
            DeliveryCommand::PullBack { now } => Ok(self.pull_back(now).into_iter().collect()),
            DeliveryCommand::MoveWait { until, now } => self.move_wait(until, now),
            DeliveryCommand::Retry { username } => self.retry(username),
            DeliveryCommand::Replay { username } => self.replay(username),
            DeliveryCommand::DeliverMappings { mappings } => Ok(self.deliver_mappings(&mappings)),
            DeliveryCommand::Release { cause } => Ok(self.release(cause)),
            DeliveryCommand::Cancel => self.cancel(),
            DeliveryCommand::ErasePersonalData { cause } => Ok(self.erase(cause)),
        }
    }

    /// Without a username nothing can be delivered any more, so what is not over is cancelled; unless only time has passed:
    /// then what goes on is left alone.
    fn erase(&self, cause: ErasureCause) -> Vec<DeliveryEvent> {
        let is_left_alone = cause == ErasureCause::Retention && !self.summary.phase.is_over();
        if self.summary.erased || is_left_alone {
            return vec![];
        }
        // A delivery that is over stays as it ended.
        let ends = match self.summary.phase {
            Phase::Completed | Phase::FailedPermanently { .. } | Phase::Filtered => vec![],
            Phase::Queued
            | Phase::Running(_)
            | Phase::RetryScheduled { .. }
            | Phase::ActionRequired { .. }
            | Phase::Cancelled(_) => self.cancel().unwrap_or_default(),
        };
        ends.into_iter().chain([DeliveryEvent::PersonalDataErased { cause }]).collect()
    }

    fn cancel(&self) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        match &self.summary.phase {
            Phase::Cancelled(_) => Ok(vec![]),
            Phase::Completed => Err(DeliveryRefusal::AlreadyCompleted),
            Phase::Running(lease) if lease.stop == Some(StopCause::Cancelled(CancelledBy::Person)) => Ok(vec![]),
            Phase::Running(_) => Ok(vec![DeliveryEvent::CancellationRequested {}]),
            Phase::Filtered
            | Phase::Queued
            | Phase::RetryScheduled { .. }
            | Phase::ActionRequired { .. }
            | Phase::FailedPermanently { .. } => Ok(vec![DeliveryEvent::Cancelled {}]),
        }
    }
}

aggregate!(Delivery, "delivery", DeliveryCommand, DeliveryEvent, DeliveryRefusal);

impl Delivery {
    fn fold(&mut self, event: DeliveryEvent) {
        match (&mut *self, event) {
            (Self::Initial, DeliveryEvent::WebhookReceived { webhook, outcome, changes: _ }) => {
                *self = Self::Order(Box::new(Order::first(*webhook, outcome)));
            }
            (Self::Order(order), event) => order.apply(&event),
            // Every other event comes after the first webhook.
            (Self::Initial, _) => {}
        }
    }
}

impl EventSourced for Delivery {
    const SNAPSHOT_VERSION: i64 = 2;

    fn owner(&self, _: &str) -> Owner {
        let order = self.order();
        Owner {
            account_id: order.map(|order| order.account_id),
            integration_id: order.map(|order| order.integration_id),
        }
    }
}
