//! What is recorded of one order: what was decided then, and what today's mappings, filters and code make of it.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate as _;
use domain::delivery::{
    ApiKeyUse, Change, DecidedOn, Delivery, DeliveryCommand, DeliveryEvent, Phase, PlannedItem, Report, StartFacts,
    Webhook, WebhookOutcome,
};
use domain::integration::Link;
use domain::{Asset, IntegrationId, ResolutionCode};
use event_log::recorded::AnyEvent;
use providers::{OrderReference, OrderStep, Parsed, Platform, StoreOrder};
use serde_json::value::RawValue;

use crate::ingest::record::{self, Aside, Unsigned};
use event_log::{EventLog, LoadError, Sequence};

/// A story longer than this is not read.
const MAX_STORY: i64 = 10_000;

/// What the webhooks of an order lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No status of it is delivered.
    Filtered,
    Cancelled,
    /// It is not an order at all, or cannot be read.
    NotAnOrder,
    /// The merchant has to fix something first.
    Blocked(ResolutionCode),
    Delivers(BTreeSet<String>),
    /// Accepted, and no attempt was made yet.
    Undecided,
}

/// Today's answer to the webhooks of an order.
pub(super) struct Today {
    pub(super) verdict: Verdict,
    /// Whom the order names, as far as it is read so today.
    pub(super) username: Option<String>,
}

/// The events of one delivery.
pub(super) struct Story {
    pub(super) delivery_id: String,
    events: Vec<Event>,
}

struct Event {
    sequence: Sequence,
    recorded_at: DateTime<Utc>,
    event: DeliveryEvent,
}

impl Story {
    pub(super) async fn read(log: &EventLog, delivery_id: &str) -> Result<Self, LoadError> {
        let opened = log.opened_stream(Delivery::TYPE, delivery_id, Sequence::START, MAX_STORY).await?;
        let events = opened.into_iter().filter_map(|opened| match opened.recorded.event {
            AnyEvent::Delivery(event) => {
                Some(Event { sequence: opened.stored.sequence, recorded_at: opened.recorded.recorded_at, event })
            }
            AnyEvent::Account(_)
            | AnyEvent::Integration(_)
            | AnyEvent::Notice(_)
            | AnyEvent::Ledger(_)
            | AnyEvent::Checkpoint(_)
            | AnyEvent::OperatorAction(_)
            | AnyEvent::Resource(_)
            | AnyEvent::Publication(_)
            | AnyEvent::Endpoint(_)
            | AnyEvent::Dispatch(_)
            | AnyEvent::Store(_)
            | AnyEvent::Instance(_)
            | AnyEvent::Unknown => None,
        });
        Ok(Self { delivery_id: delivery_id.to_owned(), events: events.collect() })
    }

    /// The first webhook about the order.
    pub(super) fn first(&self) -> Option<&Webhook> {
        self.events.iter().find_map(|event| webhook_in(&event.event))
    }

    /// Whether a webhook about it was received from one moment until before another.
    pub(super) fn was_received_between(&self, (from, to): (DateTime<Utc>, DateTime<Utc>)) -> bool {
        self.events.iter().any(|event| webhook_in(&event.event).is_some() && (from..to).contains(&event.recorded_at))
    }

    /// Whether a person has corrected the username.
    pub(super) fn has_corrected_username(&self) -> bool {
        self.events.iter().any(|event| matches!(event.event, DeliveryEvent::UsernameCorrected { .. }))
    }

    /// The delivery as it stands.
    pub(super) fn folded(&self) -> Delivery {
        let mut delivery = Delivery::default();
        for event in &self.events {
            delivery.apply(event.event.clone());
        }
        delivery
    }

    /// What the recorded events say.
    pub(super) fn decided_then(&self) -> Verdict {
        let mut verdict = Verdict::Filtered;
        for event in &self.events {
            if let Some(report) = event.event.report() {
                verdict = verdict_of(report).unwrap_or(verdict);
                continue;
            }
            verdict = match &event.event {
                DeliveryEvent::StatusFiltered {} => Verdict::Filtered,
                DeliveryEvent::Started(started) => Verdict::Delivers(named(started.assets())),
                // What an attempt met with at Cortex Cloud is no matter of mappings and filters.
                DeliveryEvent::ActionRequired {
                    code: code @ (ResolutionCode::NoItemMapping | ResolutionCode::MissingUsername),
                    ..
                } if !matches!(verdict, Verdict::Delivers(_)) => Verdict::Blocked(*code),
                DeliveryEvent::WebhookReceived { .. }
                | DeliveryEvent::WebhookRepeated(_)
                | DeliveryEvent::OrderFetched(_)
                | DeliveryEvent::OrderFetchFailed { .. }
                | DeliveryEvent::OrderFetchRequested { .. }
                | DeliveryEvent::OrderFetchGivenUp { .. }
                | DeliveryEvent::StepStarted { .. }
                | DeliveryEvent::LeaseRenewed { .. }
                | DeliveryEvent::WaitMoved { .. }
                | DeliveryEvent::Followed { .. }
                | DeliveryEvent::AssetShared { .. }
                | DeliveryEvent::RetryScheduled { .. }
                | DeliveryEvent::ActionRequired { .. }
                | DeliveryEvent::Completed {}
                | DeliveryEvent::FailedPermanently { .. }
                | DeliveryEvent::CancellationRequested {}
                | DeliveryEvent::Cancelled {}
                | DeliveryEvent::HandedBack {}
                | DeliveryEvent::RetryRequested { .. }
                | DeliveryEvent::UsernameCorrected { .. }
                | DeliveryEvent::Requeued { .. }
                | DeliveryEvent::PersonalDataErased { .. } => continue,
            };
        }
        let decided_before = if verdict == Verdict::Undecided { self.decided_before_revision() } else { None };
        decided_before.unwrap_or(verdict)
    }

    /// What was decided for what is still bought, where the store revised the order after its delivery and no line waits
    /// for an attempt.
    fn decided_before_revision(&self) -> Option<Verdict> {
        let delivery = self.folded();
        let order = delivery.order().filter(|order| order.summary.phase == Phase::Completed)?;
        let bought = order.summary.lines.current.iter().filter(|line| line.item.quantity > 0);
        let planned: Option<Vec<_>> = bought.map(|line| line.planned.as_deref()).collect();
        let assets = named(planned?.into_iter().flatten().map(|planned| &planned.asset));
        // What an attempt would find of an order of which nothing that is mapped is left.
        Some(if assets.is_empty() {
            Verdict::Blocked(ResolutionCode::NoItemMapping)
        } else {
            Verdict::Delivers(assets)
        })
    }

    /// What today's code, filter and mappings make of the same bodies. None where they were erased.
    pub(super) async fn decided_now(
        &self,
        log: &EventLog,
        integration_id: IntegrationId,
        link: &Link,
    ) -> Result<Option<Today>, LoadError> {
        let platform = providers::of(link.provider);
        let mut delivery = Delivery::default();
        for event in &self.events {
            // What a thin webhook named is read in what the store said of it.
            let Some(webhook) = event.event.report().map(|report| report.order).filter(|order| !order.thin) else {
                // A username that a person corrected is still the right one.
                if let DeliveryEvent::UsernameCorrected { .. } = event.event {
                    delivery.apply(event.event.clone());
                }
                continue;
            };
            let Some(body) = log.body(Delivery::TYPE, &self.delivery_id, event.sequence).await? else {
                return Ok(None);
            };
            let is_read_at_store = matches!(event.event, DeliveryEvent::OrderFetched(_));
            let read = if is_read_at_store {
                read_again(platform, &webhook.order_id, &body)
            } else {
                interpreted(platform, webhook.topic.as_deref(), &body)
            };
            let Some(order) = read else {
                return Ok(Some(Today { verdict: Verdict::NotAnOrder, username: None }));
            };
            let aside = Aside {
                unsigned: Unsigned {
                    topic: webhook.topic.clone(),
                    webhook_id: webhook.webhook_id.clone(),
                    headers: None,
                },
                api_key: ApiKeyUse::None,
                body_bytes: webhook.body_bytes,
                is_unsigned: webhook.unsigned,
                source: webhook.source,
                received_at: webhook.received_at,
            };
            let webhook = record::webhook(order, integration_id, link, aside);
            let again = DeliveryCommand::RecordWebhook(Box::new(webhook));
            for event in delivery.decide(again).unwrap_or_default() {
                delivery.apply(event);
            }
        }
        Ok(Some(today(&delivery, link)))
    }
}

/// What a store's report means for the order as it is now. None where it changes nothing about that.
fn verdict_of(report: Report<'_>) -> Option<Verdict> {
    match report.outcome {
        // No attempt has decided yet about the order as it is now.
        WebhookOutcome::Accepted => Some(Verdict::Undecided),
        WebhookOutcome::Revised => report.changes.iter().any(Change::concerns_delivery).then_some(Verdict::Undecided),
        WebhookOutcome::Cancelled => Some(Verdict::Cancelled),
        WebhookOutcome::Filtered => Some(Verdict::Filtered),
        WebhookOutcome::Announced | WebhookOutcome::Duplicate | WebhookOutcome::Stale | WebhookOutcome::TooLate => None,
    }
}

/// The order of a webhook's body, as today's code reads it.
fn interpreted(platform: &dyn Platform, topic: Option<&str>, body: &[u8]) -> Option<StoreOrder> {
    if let Ok(Parsed::Order(order)) = platform.interpret(topic, body) { Some(order) } else { None }
}

/// The order of what a store once responded with, as today's code reads it.
fn read_again(platform: &dyn Platform, order_id: &str, body: &[u8]) -> Option<StoreOrder> {
    let several = serde_json::from_slice::<Vec<&RawValue>>(body).ok();
    let responses: Vec<&[u8]> = match &several {
        Some(several) => several.iter().map(|response| response.get().as_bytes()).collect(),
        None => vec![body],
    };
    // Whose response it was does not matter any more.
    let order = OrderReference { store: Some("store"), order_id };
    match platform.order_api()?.next(&order, &responses).ok()? {
        OrderStep::Order(order) => Some(*order),
        OrderStep::Request { .. } => None,
    }
}

fn webhook_in(event: &DeliveryEvent) -> Option<&Webhook> {
    if let DeliveryEvent::WebhookReceived { webhook, .. } = event { Some(webhook) } else { None }
}

fn today(delivery: &Delivery, link: &Link) -> Today {
    let Some(order) = delivery.order() else {
        return Today { verdict: Verdict::NotAnOrder, username: None };
    };
    let verdict = match order.summary.phase {
        Phase::Filtered => Verdict::Filtered,
        Phase::Cancelled(_) => Verdict::Cancelled,
        Phase::Queued
        | Phase::Running(_)
        | Phase::RetryScheduled { .. }
        | Phase::ActionRequired { .. }
        | Phase::Completed
        | Phase::FailedPermanently { .. } => {
            let plan = order.plan(&link.mappings);
            let facts = StartFacts {
                mappings: vec![],
                credentials_saved: true,
                api_key_active: true,
                integration_active: true,
                decided_on: DecidedOn::default(),
            };
            match order.blocked_by(&facts, &plan) {
                Some(code) => Verdict::Blocked(code),
                None => Verdict::Delivers(named(assets_of(&plan))),
            }
        }
    };
    let username = order.summary.username.as_ref().and_then(|username| username.known()).cloned();
    Today { verdict, username }
}

fn assets_of(plan: &[PlannedItem]) -> impl Iterator<Item = &Asset> {
    plan.iter().flat_map(|item| &item.assets).map(|planned| &planned.asset)
}

fn named<'a>(assets: impl IntoIterator<Item = &'a Asset>) -> BTreeSet<String> {
    assets.into_iter().map(ToString::to_string).collect()
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filtered => f.write_str("not delivered: order status filtered"),
            Self::Cancelled => f.write_str("cancelled by the store"),
            Self::NotAnOrder => f.write_str("not an order"),
            Self::Blocked(code) => write!(f, "waits: {}", code.as_str()),
            Self::Delivers(assets) => {
                let assets: Vec<&str> = assets.iter().map(String::as_str).collect();
                write!(f, "delivers {}", assets.join(", "))
            }
            Self::Undecided => f.write_str("not decided yet"),
        }
    }
}
