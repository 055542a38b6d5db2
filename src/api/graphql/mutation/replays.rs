//! Doing recorded webhooks again, and calling that off.

use std::collections::HashSet;
use std::time::Duration;

use async_graphql::{Context, ID, InputObject, Object};
use domain::delivery::DeliveryStatus as Status;
use domain::integration::Link;
use domain::{DeliveryId, IntegrationId, MappingId};

use projections::delivery_log::{self, Filter, Page};

use super::payload;
use crate::api::graphql::ApiError;
use crate::api::graphql::error::UserError;
use crate::api::graphql::moment::Moment;
use crate::api::graphql::query::asked;
use crate::api::graphql::replay::{Replay, sees};
use crate::api::graphql::words::DeliveryStatus;
use crate::replay::{Choice, MAX_NAMED, job};
use crate::service::Service;

/// How long a request waits until it is known what is chosen; after that, the caller polls by the replay's id.
const TIMEOUT: Duration = Duration::from_secs(2);
const MAX_ORDER_ID_CHARS: usize = 500;
/// Log entries of one order number that are read: its delivery and its duplicates.
const MAX_OF_ORDER: i64 = 100;

/// Everything that is given must hold.
#[derive(InputObject)]
struct ReplayWebhooksInput {
    integration_id: ID,
    /// Webhooks received from this moment on.
    from: Option<Moment>,
    /// Webhooks received before this moment.
    to: Option<Moment>,
    /// Deliveries that stand so now.
    statuses: Option<Vec<DeliveryStatus>>,
    /// The store's id of an order, or its number with or without its `#`.
    order_id: Option<String>,
    /// A thousand at most.
    delivery_ids: Option<Vec<ID>>,
    /// Delivers the assets of these mappings to orders that bought the product and were completed without them, and nothing
    /// else.
    mapping_ids: Option<Vec<ID>>,
    /// Returns how many and which deliveries it would do again, and records nothing.
    #[graphql(default)]
    dry_run: bool,
}

#[derive(InputObject)]
struct CancelReplayInput {
    replay_id: ID,
}

payload!(
    /// A replay that has begun. Ask `replay` by its id until it has ended.
    ReplayWebhooksPayload { replay: Replay }
);
payload!(CancelReplayPayload { replay: Replay });

#[derive(Default)]
pub(super) struct Replays;

#[Object]
impl Replays {
    /// Decides an integration's recorded webhooks again by today's filters, mappings and code, in the background, and puts
    /// back in the queue what delivers now and is not done or under way. What was shared is not shared again.
    async fn replay_webhooks(
        &self,
        context: &Context<'_>,
        input: ReplayWebhooksInput,
    ) -> Result<ReplayWebhooksPayload, ApiError> {
        let (service, viewer) = asked(context)?;
        let link = match input.integration_id.parse::<IntegrationId>() {
            Ok(id) => service.integrations.find(id).await?.map(|link| (id, link)),
            Err(_) => None,
        };
        let Some((id, link)) = link.filter(|(_, link)| viewer.sees(&link.account_id.to_string())) else {
            return Ok(UserError::not_found("integrationId").into());
        };
        let (account_id, dry_run) = (link.account_id, input.dry_run);
        let mut choice = match choice(id, &link, input) {
            Ok(choice) => choice,
            Err(error) => return Ok(error.into()),
        };
        if !name_order(service, &mut choice).await? {
            return Ok(UserError::not_found("orderId").into());
        }
        let actor = viewer.actor(Some(&account_id.to_string()));
        match job::begin(service, account_id, choice, dry_run, actor).await {
            Ok(replay) => {
                let state = replay.decided(TIMEOUT).await;
                Ok(ReplayWebhooksPayload { replay: Some(state.into()), user_errors: vec![] })
            }
            Err(too_many) => Ok(UserError::new("TOO_MANY_REPLAYS", too_many.to_string(), None).into()),
        }
    }

    /// Calls a replay off. What it has put back in the queue stays there.
    async fn cancel_replay(
        &self,
        context: &Context<'_>,
        input: CancelReplayInput,
    ) -> Result<CancelReplayPayload, ApiError> {
        let (service, viewer) = asked(context)?;
        let found = match input.replay_id.parse() {
            Ok(id) => job::find(service, id).await?,
            Err(_) => None,
        };
        let Some(found) = found.filter(|replay| sees(viewer, replay)) else {
            return Ok(UserError::not_found("replayId").into());
        };
        let whose = found.account_id.map(|account_id| account_id.to_string());
        if !job::cancel(service, found.id, viewer.actor(whose.as_deref())) {
            let message = "it has ended, or another node runs it";
            return Ok(UserError::new("NOT_RUNNING", message, Some("replayId")).into());
        }
        let state = job::find(service, found.id).await?.unwrap_or(found);
        Ok(CancelReplayPayload { replay: Some(state.into()), user_errors: vec![] })
    }
}

/// Names an order by its deliveries where it is given by its number; false where there is no such order.
async fn name_order(service: &Service, choice: &mut Choice) -> Result<bool, ApiError> {
    let Some(order) = choice.order_id.clone() else { return Ok(true) };
    let id = DeliveryId::of(choice.integration_id, &order).to_string();
    if delivery_log::find(&service.views, &id).await?.is_some() {
        return Ok(true);
    }
    let filter =
        Filter { integration_id: Some(choice.integration_id.to_string()), order: Some(order), ..Filter::default() };
    let rows = delivery_log::page(&service.views, &filter, Page { limit: MAX_OF_ORDER, ..Page::default() }).await?;
    let of_order = rows.into_iter().filter_map(|row| row.duplicate_of.unwrap_or(row.id).parse::<DeliveryId>().ok());
    let mut of_order: Vec<DeliveryId> =
        of_order.filter(|id| choice.delivery_ids.is_empty() || choice.delivery_ids.contains(id)).collect();
    of_order.sort_unstable();
    of_order.dedup();
    choice.order_id = None;
    choice.delivery_ids = of_order;
    Ok(!choice.delivery_ids.is_empty())
}

fn choice(integration_id: IntegrationId, link: &Link, input: ReplayWebhooksInput) -> Result<Choice, UserError> {
    let invalid = |message: &str, field| UserError::new("INVALID_INPUT", message, Some(field));
    let from = input.from.map_or(0, |from| from.0.timestamp_micros());
    let to = input.to.map_or(i64::MAX, |to| to.0.timestamp_micros());
    if from >= to {
        return Err(invalid("must come after from", "to"));
    }
    let order_id = input.order_id.map(|id| id.trim().to_owned());
    if order_id.as_ref().is_some_and(|id| id.is_empty() || id.chars().count() > MAX_ORDER_ID_CHARS) {
        return Err(invalid("between 1 and 500 characters are needed", "orderId"));
    }
    let ids = input.delivery_ids.unwrap_or_default();
    if ids.len() > MAX_NAMED {
        return Err(invalid("a thousand deliveries at most can be named", "deliveryIds"));
    }
    let delivery_ids: Result<Vec<DeliveryId>, _> = ids.iter().map(|id| id.parse()).collect();
    let mut statuses: Vec<Status> = vec![];
    for status in input.statuses.unwrap_or_default().into_iter().map(Status::from) {
        if !statuses.contains(&status) {
            statuses.push(status);
        }
    }
    let known: HashSet<MappingId> = link.mappings.iter().map(|mapping| mapping.id).collect();
    let mappings = input.mapping_ids.unwrap_or_default().into_iter().map(|id| {
        let found = id.parse().ok().filter(|id| known.contains(id));
        found.ok_or_else(|| UserError::not_found("mappingIds"))
    });
    Ok(Choice {
        integration_id,
        received: (from, to),
        statuses,
        order_id,
        delivery_ids: delivery_ids.map_err(|_| UserError::not_found("deliveryIds"))?,
        mappings: mappings.collect::<Result<_, _>>()?,
    })
}
