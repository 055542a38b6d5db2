//! Which recorded orders a replay is about, and which of them it would do again.

use chrono::{DateTime, Utc};
use domain::delivery::{DeliveryCommand, DeliveryStatus, Order, Phase};
use domain::integration::Link;
use domain::operator_action::ReplayFilter;
use domain::{DeliveryId, IntegrationId, ItemMapping, MappingId, asset::mappings_for};

use super::story::{Story, Verdict};
use event_log::{EventLog, LoadError};

/// Deliveries that can be named one by one.
pub const MAX_NAMED: usize = 1_000;

/// Which recorded webhooks are chosen. Everything that is given must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub integration_id: IntegrationId,
    /// Received from this moment on and before that one.
    pub received: (DateTime<Utc>, DateTime<Utc>),
    /// Deliveries that stand so now; empty: however they stand.
    pub statuses: Vec<DeliveryStatus>,
    /// The store's own id of an order.
    pub order_id: Option<String>,
    /// These deliveries alone, [`MAX_NAMED`] at most; empty: all.
    pub delivery_ids: Vec<DeliveryId>,
    /// Only what was completed without the asset that one of these mappings brings for something it bought; empty: all.
    pub mappings: Vec<MappingId>,
}

/// A delivery that is done again.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) delivery_id: String,
    /// Whom the order names as it is read today, where that is another customer.
    pub(super) username: Option<String>,
    /// The mappings that are delivered to it although it was completed without them.
    pub(super) late: Vec<ItemMapping>,
}

/// Why a chosen delivery is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeftAlone {
    /// Today's filter does not deliver it either.
    Filtered,
    /// By the store or by a person.
    Cancelled,
    /// The merchant has to fix something first.
    Blocked,
    /// What is recorded cannot be read as an order.
    Unreadable,
    Erased,
    /// Queued or running: it is being done anyway.
    UnderWay,
    /// Everything was shared.
    Done,
}

/// What a replay makes of a delivery.
#[derive(Clone, Debug)]
pub(super) enum Finding {
    NotChosen,
    LeftAlone(LeftAlone),
    Chosen(Chosen),
}

impl Choice {
    /// The deliveries that are named, where any are: they need not be searched.
    pub(super) fn named(&self) -> Option<Vec<String>> {
        let of_order = self.order_id.as_deref().map(|order_id| DeliveryId::of(self.integration_id, order_id));
        match (of_order, self.delivery_ids.as_slice()) {
            (None, []) => None,
            (Some(of_order), []) => Some(vec![of_order.to_string()]),
            (of_order, ids) => {
                let mut named: Vec<DeliveryId> =
                    ids.iter().filter(|id| of_order.is_none_or(|of_order| of_order == **id)).copied().collect();
                named.sort_unstable();
                named.dedup();
                Some(named.iter().map(ToString::to_string).collect())
            }
        }
    }

    /// Whether an order that is or may be named is chosen.
    pub(super) fn wants(&self, story: &Story) -> bool {
        let is_ours = story.first().is_some_and(|first| first.integration_id == self.integration_id);
        is_ours
            && story.was_received_between(self.received)
            && (self.statuses.is_empty()
                || story.folded().order().is_some_and(|order| self.statuses.contains(&order.summary.phase.status())))
    }

    /// As it is recorded.
    pub(super) fn filter(&self) -> ReplayFilter {
        let (from, before) = self.received;
        ReplayFilter {
            received_from: Some(from).filter(|from| *from > DateTime::UNIX_EPOCH),
            received_before: Some(before).filter(|before| *before < DateTime::<Utc>::MAX_UTC),
            statuses: self.statuses.clone(),
            mapping_ids: self.mappings.clone(),
            order_id: self.order_id.clone(),
            delivery_ids: self.delivery_ids.clone(),
        }
    }

    /// What a replay would make of a delivery.
    pub(super) async fn decide(&self, log: &EventLog, link: &Link, delivery_id: &str) -> Result<Finding, LoadError> {
        let story = Story::read(log, delivery_id).await?;
        if !self.wants(&story) {
            return Ok(Finding::NotChosen);
        }
        let delivery = story.folded();
        let Some(order) = delivery.order() else { return Ok(Finding::NotChosen) };
        if !self.mappings.is_empty() {
            let late = self.late_for(order, link);
            let command = DeliveryCommand::DeliverMappings { mappings: late.clone() };
            let is_lacking = delivery.decide(command).is_ok_and(|events| !events.is_empty());
            let chosen = Finding::Chosen(Chosen { delivery_id: story.delivery_id, username: None, late });
            return Ok(if is_lacking { chosen } else { Finding::NotChosen });
        }
        if let Some(why) = left_as_it_stands(order) {
            return Ok(Finding::LeftAlone(why));
        }
        let Some(today) = story.decided_now(log, self.integration_id, link).await? else {
            return Ok(Finding::LeftAlone(LeftAlone::Erased));
        };
        let why = match today.verdict {
            Verdict::Filtered => Some(LeftAlone::Filtered),
            Verdict::Cancelled => Some(LeftAlone::Cancelled),
            Verdict::Blocked(_) => Some(LeftAlone::Blocked),
            Verdict::NotAnOrder | Verdict::Undecided => Some(LeftAlone::Unreadable),
            // What is shared is planned from the items as they were recorded.
            Verdict::Delivers(_) => nothing_to_share(order, link),
        };
        if let Some(why) = why {
            return Ok(Finding::LeftAlone(why));
        }
        let known = order.summary.username.as_ref().and_then(|username| username.known());
        // Whom a person named is right, whatever the order says.
        let username = today.username.filter(|username| Some(username) != known && !story.has_corrected_username());
        Ok(Finding::Chosen(Chosen { delivery_id: story.delivery_id, username, late: vec![] }))
    }

    /// Those of the mappings that are asked for which apply to what an order bought.
    fn late_for(&self, order: &Order, link: &Link) -> Vec<ItemMapping> {
        let applied = order.summary.lines.current.iter().flat_map(|line| mappings_for(&line.item, &link.mappings));
        let mut late: Vec<ItemMapping> = vec![];
        for mapping in applied.filter(|mapping| self.mappings.contains(&mapping.id)) {
            if !late.contains(mapping) {
                late.push(mapping.clone());
            }
        }
        late
    }
}

fn left_as_it_stands(order: &Order) -> Option<LeftAlone> {
    match order.summary.phase {
        Phase::Queued | Phase::Running(_) => Some(LeftAlone::UnderWay),
        Phase::Cancelled(_) => Some(LeftAlone::Cancelled),
        Phase::Completed if !order.summary.lines.has_unmapped() => Some(LeftAlone::Done),
        Phase::Filtered
        | Phase::RetryScheduled { .. }
        | Phase::ActionRequired { .. }
        | Phase::Completed
        | Phase::FailedPermanently { .. } => order.summary.erased.then_some(LeftAlone::Erased),
    }
}

fn nothing_to_share(order: &Order, link: &Link) -> Option<LeftAlone> {
    let plan = order.plan(&link.mappings);
    let mut assets = plan.iter().flat_map(|item| &item.assets).peekable();
    if assets.peek().is_none() {
        return Some(LeftAlone::Blocked);
    }
    let is_done = order.summary.phase == Phase::Completed && assets.all(|planned| order.has_shared(&planned.asset));
    is_done.then_some(LeftAlone::Done)
}
