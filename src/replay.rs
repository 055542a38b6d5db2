//! What would have happened: recorded webhooks decided again with today's mappings, filters and code. Writes nothing and
//! calls nobody.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use cqrs_es::Aggregate as _;
use domain::delivery::{
    ApiKeyUse, Delivery, DeliveryCommand, DeliveryEvent, Phase, StartFacts, Webhook, WebhookOutcome,
};
use domain::integration::{Integration, Link};
use domain::{Asset, IntegrationId, ResolutionCode, ResourceType};
use projections::database::Sql;
use projections::feed::Fact;
use sqlx::FromRow;

use crate::event_log::{EventLog, LoadError};
use crate::ingest::parse::{self, Aside, Parsed};

const PAGE: i64 = 500;
/// A story longer than this is not looked through.
const MAX_STORY: i64 = 10_000;
/// Differences that are told one by one; beyond, they are only counted.
pub const MAX_TOLD: usize = 10_000;

/// What the webhooks of an order lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No status of it is delivered.
    Filtered,
    CalledOff,
    /// It is not an order at all, or cannot be read.
    NotAnOrder,
    /// The merchant has to fix something first.
    Blocked(ResolutionCode),
    Delivers(BTreeSet<String>),
    /// Accepted, and no attempt was made yet.
    Undecided,
}

/// An order for which today's answer is another one.
#[derive(Clone, Debug)]
pub struct Difference {
    pub order_id: String,
    pub delivery_id: String,
    pub then: Verdict,
    pub now: Verdict,
}

/// What looking at recorded webhooks again led to.
#[derive(Clone, Debug, Default)]
pub struct WhatIf {
    pub orders: u64,
    pub same: u64,
    /// Accepted, and not decided then: nothing to compare with.
    pub undecided: u64,
    /// Their bodies were erased.
    pub erased: u64,
    pub different: u64,
    /// The first of them.
    pub differences: Vec<Difference>,
}

#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("there is no such integration")]
    UnknownIntegration,
    #[error(transparent)]
    Log(#[from] LoadError),
    #[error("the event log cannot be read: {0}")]
    Sql(#[from] sqlx::Error),
}

#[derive(FromRow)]
struct Received {
    position: i64,
    aggregate_id: String,
}

/// Decides again what an integration received from one moment until before another (microseconds since 1970). `progress`
/// is told the position that was reached.
pub async fn what_if(
    log: &EventLog,
    integration_id: IntegrationId,
    (from, to): (i64, i64),
    mut progress: impl FnMut(i64),
) -> Result<WhatIf, ReplayError> {
    let Integration::Created(link) = log.load::<Integration>(&integration_id.to_string()).await?.aggregate else {
        return Err(ReplayError::UnknownIntegration);
    };
    let (mut found, mut seen, mut position) = (WhatIf::default(), HashSet::new(), 0);
    loop {
        let sql = Sql::new("SELECT position, aggregate_id FROM events WHERE position > ")
            .bind(position)
            .push(" AND aggregate_type = 'delivery' AND event_type = 'webhook_received' AND recorded_at >= ")
            .bind(from)
            .push(" AND recorded_at < ")
            .bind(to)
            .push(" ORDER BY position LIMIT ")
            .bind(PAGE);
        let received: Vec<Received> = log.database().fetch_all(sql).await?;
        let Some(last) = received.last() else { return Ok(found) };
        position = last.position;
        for Received { aggregate_id, .. } in received {
            if seen.insert(aggregate_id.clone()) {
                found.look_at(log, integration_id, &link, &aggregate_id).await?;
            }
        }
        progress(position);
    }
}

impl WhatIf {
    async fn look_at(
        &mut self,
        log: &EventLog,
        integration_id: IntegrationId,
        link: &Link,
        delivery_id: &str,
    ) -> Result<(), ReplayError> {
        let story: Vec<(i64, DeliveryEvent)> = log
            .told(Delivery::TYPE, delivery_id, 0, MAX_STORY)
            .await?
            .into_iter()
            .filter_map(|told| match told.recorded.fact {
                Fact::Delivery(event) => Some((told.stored.sequence, event)),
                Fact::Account(_)
                | Fact::Integration(_)
                | Fact::Notice(_)
                | Fact::Checkpoint(_)
                | Fact::Operation(_)
                | Fact::Foreign => None,
            })
            .collect();
        let Some(first) = story.iter().find_map(|(_, event)| webhook_in(event)) else { return Ok(()) };
        if first.integration_id != integration_id {
            return Ok(());
        }
        self.orders += 1;
        let then = decided_then(&story);
        let Some(now) = decided_now(log, integration_id, link, delivery_id, &story).await? else {
            self.erased += 1;
            return Ok(());
        };
        if then == Verdict::Undecided {
            self.undecided += 1;
        } else if then == now {
            self.same += 1;
        } else {
            self.different += 1;
            if self.differences.len() < MAX_TOLD {
                let (order_id, delivery_id) = (first.order_id.clone(), delivery_id.to_owned());
                self.differences.push(Difference { order_id, delivery_id, then, now });
            }
        }
        Ok(())
    }
}

fn webhook_in(event: &DeliveryEvent) -> Option<&Webhook> {
    if let DeliveryEvent::WebhookReceived { webhook, .. } = event { Some(webhook) } else { None }
}

/// What the recorded events say.
fn decided_then(story: &[(i64, DeliveryEvent)]) -> Verdict {
    let mut verdict = Verdict::Filtered;
    for (_, event) in story {
        verdict = match event {
            DeliveryEvent::WebhookReceived { outcome: WebhookOutcome::Accepted, .. } => Verdict::Undecided,
            DeliveryEvent::WebhookReceived { outcome: WebhookOutcome::Cancelled, .. } => Verdict::CalledOff,
            DeliveryEvent::Started(started) => Verdict::Delivers(named(&started.plan)),
            // What an attempt met with at Cortex Cloud is no matter of mappings and filters.
            DeliveryEvent::ActionRequired {
                code: code @ (ResolutionCode::NoItemMapping | ResolutionCode::MissingUsername),
            } if !matches!(verdict, Verdict::Delivers(_)) => Verdict::Blocked(*code),
            DeliveryEvent::WebhookReceived { .. }
            | DeliveryEvent::LeaseRenewed { .. }
            | DeliveryEvent::Followed { .. }
            | DeliveryEvent::ItemShared { .. }
            | DeliveryEvent::RetryScheduled { .. }
            | DeliveryEvent::ActionRequired { .. }
            | DeliveryEvent::Completed
            | DeliveryEvent::FailedPermanently { .. }
            | DeliveryEvent::CancellationRequested
            | DeliveryEvent::Cancelled
            | DeliveryEvent::HandedBack
            | DeliveryEvent::RetryRequested
            | DeliveryEvent::UsernameCorrected { .. }
            | DeliveryEvent::Requeued { .. }
            | DeliveryEvent::PersonalDataErased { .. } => continue,
        };
    }
    verdict
}

/// What today's code, filter and mappings make of the same bodies. None where they were erased.
async fn decided_now(
    log: &EventLog,
    integration_id: IntegrationId,
    link: &Link,
    delivery_id: &str,
    story: &[(i64, DeliveryEvent)],
) -> Result<Option<Verdict>, ReplayError> {
    let mut delivery = Delivery::default();
    for (sequence, event) in story {
        let Some(webhook) = webhook_in(event) else {
            // A username that a person corrected is still the right one.
            if let DeliveryEvent::UsernameCorrected { .. } = event {
                delivery.apply(event.clone());
            }
            continue;
        };
        let Some(body) = log.body(Delivery::TYPE, delivery_id, *sequence).await? else {
            return Ok(None);
        };
        let Ok(Parsed::Order(order)) = parse::parse(link.provider, webhook.topic.as_deref(), &body) else {
            return Ok(Some(Verdict::NotAnOrder));
        };
        let aside = Aside {
            topic: webhook.topic.clone(),
            webhook_id: webhook.webhook_id.clone(),
            api_key: ApiKeyUse::None,
            body_bytes: webhook.body_bytes,
        };
        let again = DeliveryCommand::RecordWebhook(Box::new(order.into_webhook(integration_id, link, aside)));
        for event in delivery.decide(again).unwrap_or_default() {
            delivery.apply(event);
        }
    }
    Ok(Some(match delivery.order() {
        None => Verdict::NotAnOrder,
        Some(order) => match order.phase {
            Phase::Filtered => Verdict::Filtered,
            Phase::Cancelled => Verdict::CalledOff,
            Phase::Queued
            | Phase::Running(_)
            | Phase::RetryScheduled { .. }
            | Phase::ActionRequired { .. }
            | Phase::Completed
            | Phase::FailedPermanently { .. } => {
                let (plan, _) = order.plan(&link.mappings);
                let facts = StartFacts { mappings: vec![], credentials_saved: true, api_key_active: true };
                match order.blocked_by(&facts, &plan) {
                    Some(code) => Verdict::Blocked(code),
                    None => Verdict::Delivers(named(&plan)),
                }
            }
        },
    }))
}

fn named(plan: &[Asset]) -> BTreeSet<String> {
    let kind = |asset: &Asset| match asset.resource_type {
        ResourceType::Preset => "preset",
        ResourceType::Capture => "capture",
    };
    plan.iter().map(|asset| format!("{} {}", kind(asset), asset.resource_id)).collect()
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filtered => f.write_str("not delivered: order status filtered"),
            Self::CalledOff => f.write_str("called off by the store"),
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
