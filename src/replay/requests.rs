//! Replays for real because a person requested them: which webhooks they may choose, and how.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, Utc};
use domain::delivery::DeliveryStatus;
use domain::integration::Link;
use domain::{DeliveryId, IntegrationId, MappingId};
use projections::delivery_log::{self, Filter, Page};
use storage::Database;

use super::job::{ReplayState, Replays};
use super::{Choice, MAX_NAMED};
use crate::app::viewer::Viewer;
use crate::app::{Error, Refused};

/// How long a request waits until it is known what is chosen; after that, the caller polls by the replay's id.
const TIMEOUT: Duration = Duration::from_secs(2);
const MAX_ORDER_ID_CHARS: usize = 500;
/// Log entries of one order number that are read: its delivery and its duplicates.
const MAX_OF_ORDER: i64 = 100;

/// What is to be replayed. Everything that is given must hold.
pub struct ReplayRequest {
    pub integration_id: String,
    /// Webhooks received from this moment on.
    pub from: Option<DateTime<Utc>>,
    /// Webhooks received before this moment.
    pub to: Option<DateTime<Utc>>,
    /// Deliveries that stand so now.
    pub statuses: Vec<DeliveryStatus>,
    /// The store's id of an order, or its number with or without its `#`.
    pub order_id: Option<String>,
    pub delivery_ids: Vec<String>,
    /// Delivers the assets of these mappings to orders that were completed without them, and nothing else.
    pub mapping_ids: Vec<String>,
    /// Records nothing.
    pub dry_run: bool,
}

impl Replays {
    /// Begins a replay, and returns what is known of it once it is decided what is chosen.
    pub async fn request(self: &Arc<Self>, viewer: &Viewer, request: ReplayRequest) -> Result<ReplayState, Error> {
        let link = match request.integration_id.parse::<IntegrationId>() {
            Ok(id) => self.links.find(id).await?.map(|link| (id, link)),
            Err(_) => None,
        };
        let seen = link.filter(|(_, link)| viewer.sees(&link.account_id.to_string()));
        let (id, link) = seen.ok_or_else(|| Refused::not_found("integrationId"))?;
        let (account_id, dry_run) = (link.account_id, request.dry_run);
        let mut choice = choice(id, &link, request)?;
        if !name_order(&self.data.views, &mut choice).await? {
            return Err(Refused::not_found("orderId").into());
        }
        let begun = self.begin(account_id, choice, dry_run, viewer.actor(Some(&account_id.to_string())));
        let replay = begun.map_err(|too_many| Refused::new("TOO_MANY_REPLAYS", too_many.to_string(), None))?;
        Ok(replay.decided(TIMEOUT).await)
    }

    /// Cancels a replay. What it has put back in the queue stays there.
    pub async fn request_cancel(&self, viewer: &Viewer, id: &str) -> Result<ReplayState, Error> {
        let found = self.seen_by(viewer, id).await?.ok_or_else(|| Refused::not_found("replayId"))?;
        if !self.cancel(found.id, viewer.actor(Some(&found.account_id.to_string()))) {
            let message = "it has ended, or another node runs it";
            return Err(Refused::new("NOT_RUNNING", message, Some("replayId")).into());
        }
        Ok(self.find(found.id).await?.unwrap_or(found))
    }

    /// A replay that the caller may see, while it goes on and after it.
    pub async fn seen_by(&self, viewer: &Viewer, id: &str) -> Result<Option<ReplayState>, Error> {
        let Ok(id) = id.parse() else { return Ok(None) };
        Ok(self.find(id).await?.filter(|replay| viewer.sees(&replay.account_id.to_string())))
    }
}

/// Names an order by its deliveries where it is given by its number; false where there is no such order.
async fn name_order(views: &Database, choice: &mut Choice) -> Result<bool, Error> {
    let Some(order) = choice.order_id.clone() else { return Ok(true) };
    let id = DeliveryId::of(choice.integration_id, &order).to_string();
    if delivery_log::find(views, &id).await?.is_some() {
        return Ok(true);
    }
    let filter =
        Filter { integration_id: Some(choice.integration_id.to_string()), order: Some(order), ..Filter::default() };
    let rows = delivery_log::page(views, &filter, Page { limit: MAX_OF_ORDER, ..Page::default() }).await?;
    let of_order = rows.into_iter().filter_map(|row| row.duplicate_of.unwrap_or(row.id).parse::<DeliveryId>().ok());
    let mut of_order: Vec<DeliveryId> =
        of_order.filter(|id| choice.delivery_ids.is_empty() || choice.delivery_ids.contains(id)).collect();
    of_order.sort_unstable();
    of_order.dedup();
    choice.order_id = None;
    choice.delivery_ids = of_order;
    Ok(!choice.delivery_ids.is_empty())
}

fn choice(integration_id: IntegrationId, link: &Link, request: ReplayRequest) -> Result<Choice, Refused> {
    let invalid = |message: &str, field| Refused::new("INVALID_INPUT", message, Some(field));
    let from = request.from.map_or(DateTime::UNIX_EPOCH, |from| from.trunc_subsecs(6));
    let to = request.to.map_or(DateTime::<Utc>::MAX_UTC, |to| to.trunc_subsecs(6));
    if from >= to {
        return Err(invalid("must come after from", "to"));
    }
    let order_id = request.order_id.map(|id| id.trim().to_owned());
    if order_id.as_ref().is_some_and(|id| id.is_empty() || id.chars().count() > MAX_ORDER_ID_CHARS) {
        return Err(invalid("between 1 and 500 characters are needed", "orderId"));
    }
    let ids = request.delivery_ids;
    if ids.len() > MAX_NAMED {
        return Err(invalid("a thousand deliveries at most can be named", "deliveryIds"));
    }
    let delivery_ids: Result<Vec<DeliveryId>, _> = ids.iter().map(|id| id.parse()).collect();
    let mut statuses: Vec<DeliveryStatus> = vec![];
    for status in request.statuses {
        if !statuses.contains(&status) {
            statuses.push(status);
        }
    }
    let known: HashSet<MappingId> = link.mappings.iter().map(|mapping| mapping.id).collect();
    let mappings = request.mapping_ids.into_iter().map(|id| {
        let found = id.parse().ok().filter(|id| known.contains(id));
        found.ok_or_else(|| Refused::not_found("mappingIds"))
    });
    Ok(Choice {
        integration_id,
        received: (from, to),
        statuses,
        order_id,
        delivery_ids: delivery_ids.map_err(|_| Refused::not_found("deliveryIds"))?,
        mappings: mappings.collect::<Result<_, _>>()?,
    })
}
