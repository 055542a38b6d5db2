//! What came of a webhook whose store's resources are published: the events, or why there are none (yet).

use std::collections::HashMap;

use cqrs_es::Aggregate as _;
use domain::delivery::{Delivery, DeliveryEvent, FetchedOrder, WebhookOutcome, describe_changes};
use domain::resource::{Reading, Resource, ResourceEvent, ResourceKind, WebhookSource};
use domain::{IntegrationId, ResourceId};
use event_log::recorded::{AnyEvent, Recorded};
use event_log::{LoadError, Position, Sequence};
use projections::commerce::{self, events::CommerceEventRow};
use projections::delivery_log::duplicate_id;
use projections::webhook_receipts;

use crate::app::integrations::why_unread;
use crate::app::log_and_views::LogAndViews;

/// Events of the log in which what a webhook published is looked for: no store reports more at once.
const BEHIND_WEBHOOK: i64 = 64;
/// Events of an order's stream among which its reading is looked for. Of what is announced later nothing is said.
const OF_ORDER: i64 = 1_000;

const NOTHING_NEW: &str =
    "nothing new to publish: what it says is known, older than what is known, or of something deleted";
const READ_AS_BEFORE: &str = "nothing new: the order was read at its store, and reads as it was known";
const NOT_READ: &str = "the order is not read at its store yet: its delivery says why";
const READ_WITH_LATER: &str =
    "the order was read at its store once a later webhook had named it too: what was published is shown there";

/// A webhook of an integration that publishes, by its receipt.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PublishingWebhook {
    pub receipt_id: String,
    pub position: Position,
    pub integration_id: String,
    /// What it only names, which is read at its store before anything is published.
    pub names: Option<Named>,
}

/// An order that a webhook names and says nothing of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Named {
    /// By its id: it is only published.
    Order(String),
    /// By its delivery, which has it read.
    Delivery(String),
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Published {
    /// In the order of their publication.
    pub events: Vec<CommerceEventRow>,
    /// Why there are none, where that is known.
    pub reason: Option<String>,
}

impl Published {
    fn nothing(reason: impl Into<String>) -> Self {
        Self { events: vec![], reason: Some(reason.into()) }
    }
}

/// What came of each, in their order.
pub async fn published(data: &LogAndViews, webhooks: &[PublishingWebhook]) -> Result<Vec<Published>, LoadError> {
    // Before the events: what these miss is after it.
    let shown = commerce::VIEW.checkpoint(&data.views).await?.position;
    let (naming, saying): (Vec<_>, Vec<_>) = webhooks.iter().partition(|webhook| webhook.names.is_some());
    let mut found = of_bodies(data, shown, &saying).await?;
    for webhook in naming {
        let came = match &webhook.names {
            Some(Named::Order(order_id)) => of_order(data, shown, (webhook, order_id)).await?,
            Some(Named::Delivery(delivery_id)) => of_delivery(data, (webhook, delivery_id)).await?,
            None => Published::default(),
        };
        found.insert(webhook.clone(), came);
    }
    Ok(webhooks.iter().map(|webhook| found.get(webhook).cloned().unwrap_or_default()).collect())
}

/// What the bodies themselves say is reported with them, or at once after a repetition.
async fn of_bodies(
    data: &LogAndViews,
    shown: Position,
    webhooks: &[&PublishingWebhook],
) -> Result<HashMap<PublishingWebhook, Published>, LoadError> {
    let places: Vec<_> = webhooks.iter().map(|of| (of.position, of.integration_id.clone())).collect();
    let head = data.log.head();
    let rows = commerce::events::behind(&data.views, &places, BEHIND_WEBHOOK).await?;
    let mut positions: Vec<Position> = rows.iter().map(|row| row.position).collect();
    positions.dedup();
    // Others of the same store may lie between, and events of its deliveries.
    let recorded = data.log.read_at(&positions).await?;
    let reports: Vec<(&Recorded, WebhookSource)> = recorded.iter().filter_map(|of| Some((of, source(of)?))).collect();
    let of_webhook = |webhook: &PublishingWebhook| {
        let is_its = |(report, source): &&(&Recorded, WebhookSource)| match report.caused_by {
            // A repetition reports what the first webhook with its body says.
            Some(cause) if cause >= webhook.position => cause == webhook.position,
            // What was read at the store follows from something before it.
            Some(_) | None => webhook_receipts::id_of(*source) == webhook.receipt_id,
        };
        let its: Vec<Position> = reports.iter().filter(is_its).map(|(report, _)| report.position).collect();
        let events: Vec<_> = rows.iter().filter(|row| its.contains(&row.position)).cloned().collect();
        // What a webhook reports follows it at once, in the same append.
        let is_nothing = events.is_empty() && shown >= webhook.position.plus(1).min(head);
        Published { events, reason: is_nothing.then(|| NOTHING_NEW.to_owned()) }
    };
    Ok(webhooks.iter().map(|webhook| ((*webhook).clone(), of_webhook(webhook))).collect())
}

/// What the order says that a webhook names is reported when it was read.
async fn of_order(
    data: &LogAndViews,
    shown: Position,
    (webhook, order_id): (&PublishingWebhook, &str),
) -> Result<Published, LoadError> {
    let Ok(integration) = webhook.integration_id.parse::<IntegrationId>() else { return Ok(Published::default()) };
    let id = ResourceId::of(integration, ResourceKind::Order, order_id).to_string();
    let stream = data.log.recorded_of(Resource::TYPE, &id, Sequence::START, OF_ORDER).await?;
    match outcome_of_reading(&stream, webhook.position) {
        None => Ok(Published::default()),
        Some(Outcome::Unread(reading)) => Ok(Published::nothing(why_unread(&reading))),
        Some(Outcome::ReadWithLater) => Ok(Published::nothing(READ_WITH_LATER)),
        Some(Outcome::Read { reported }) => {
            let places: Vec<_> = reported.iter().map(|at| (at.minus(1), webhook.integration_id.clone())).collect();
            let events = commerce::events::behind(&data.views, &places, 1).await?;
            let is_nothing = events.is_empty() && reported.is_none_or(|at| shown >= at);
            Ok(Published { events, reason: is_nothing.then(|| READ_AS_BEFORE.to_owned()) })
        }
    }
}

/// What the order of a delivery says is reported when it was read for that.
async fn of_delivery(
    data: &LogAndViews,
    (webhook, delivery_id): (&PublishingWebhook, &str),
) -> Result<Published, LoadError> {
    let stream = data.log.recorded_of(Delivery::TYPE, delivery_id, Sequence::START, OF_ORDER).await?;
    let (mut announced, mut number) = (0, None);
    for recorded in &stream {
        let AnyEvent::Delivery(event) = &recorded.event else { continue };
        announced += u32::from(is_announcement(event));
        if recorded.position == webhook.position {
            number = Some(announced);
        }
        match (number, event) {
            (Some(number), DeliveryEvent::OrderFetched(fetched)) if fetched.announcements > number => {
                return Ok(Published::nothing(READ_WITH_LATER));
            }
            (Some(number), DeliveryEvent::OrderFetched(fetched)) if fetched.announcements == number => {
                let receipt_id = duplicate_id(delivery_id, recorded.sequence);
                return reported_with(data, (recorded, fetched), (webhook, &receipt_id)).await;
            }
            (_, _) => {}
        }
    }
    Ok(number.map_or_else(Published::default, |_| Published::nothing(NOT_READ)))
}

/// What was reported of an order in the append in which it was read.
async fn reported_with(
    data: &LogAndViews,
    (recorded, fetched): (&Recorded, &FetchedOrder),
    (webhook, receipt_id): (&PublishingWebhook, &str),
) -> Result<Published, LoadError> {
    let place = [(recorded.position, webhook.integration_id.clone())];
    let mut events = commerce::events::behind(&data.views, &place, BEHIND_WEBHOOK).await?;
    let positions: Vec<Position> = events.iter().map(|row| row.position).collect();
    let of_read = |report: &Recorded| source(report).is_some_and(|of| webhook_receipts::id_of(of) == receipt_id);
    let read = data.log.read_at(&positions).await?;
    let its: Vec<Position> = read.iter().filter(|report| of_read(report)).map(|report| report.position).collect();
    events.retain(|row| its.contains(&row.position));
    let is_known = matches!(fetched.outcome, WebhookOutcome::Duplicate | WebhookOutcome::Stale) && events.is_empty();
    let changes = Some(describe_changes(&fetched.changes)).filter(|changes| !changes.is_empty());
    let reason = if is_known { Some(READ_AS_BEFORE.to_owned()) } else { changes };
    Ok(Published { events, reason })
}

fn is_announcement(event: &DeliveryEvent) -> bool {
    let outcome = if let DeliveryEvent::WebhookReceived { outcome, .. } = event {
        *outcome
    } else if let DeliveryEvent::WebhookRepeated(repeated) = event {
        repeated.outcome
    } else {
        return false;
    };
    outcome == WebhookOutcome::Announced
}

/// What came of the announcement of an order.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// Where the order was read for it, with the position of what was reported of it, if that was news.
    Read {
        reported: Option<Position>,
    },
    ReadWithLater,
    Unread(Box<Reading>),
}

/// From the stream of the order: what a webhook at this position announced, and what became of that.
fn outcome_of_reading(stream: &[Recorded], webhook: Position) -> Option<Outcome> {
    let mut reading: Option<Reading> = None;
    let mut number = None;
    let mut before: Option<&Recorded> = None;
    for recorded in stream {
        let AnyEvent::Resource(event) = &recorded.event else { continue };
        if let Some(reading) = &mut reading {
            reading.apply(event);
        } else if let ResourceEvent::OrderAnnounced(announcement) = event {
            reading = Some(Reading::first(announcement));
        }
        // An announcement is appended with its webhook.
        if recorded.position == webhook.plus(1) && matches!(event, ResourceEvent::OrderAnnounced(_)) {
            number = reading.as_ref().map(|reading| reading.announcements);
        }
        if let (Some(number), ResourceEvent::OrderRead { announcements, .. }) = (number, event) {
            if *announcements > number {
                return Some(Outcome::ReadWithLater);
            } else if *announcements == number {
                // What it said is appended with it.
                let at =
                    before.filter(|before| before.position == recorded.position.minus(1) && source(before).is_some());
                return Some(Outcome::Read { reported: at.map(|before| before.position) });
            }
        }
        before = Some(recorded);
    }
    number?;
    reading.map(Box::new).map(Outcome::Unread)
}

fn source(recorded: &Recorded) -> Option<WebhookSource> {
    let AnyEvent::Resource(ResourceEvent::ResourceReported(report)) = &recorded.event else { return None };
    Some(report.source)
}
