//! Putting deliveries right: retry, one or many, and cancel.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::SubsecRound as _;
use domain::ResolutionCode;
use domain::delivery::{Delivery as Aggregate, DeliveryCommand, DeliveryStatus as Status};
use futures_util::stream::{StreamExt as _, TryStreamExt as _, iter};
use projections::delivery_log::{self, DeliveryRow, Filter, Page};
use providers::username::normalised;

use super::erasure::SAY_WHY;
use super::payload;
use crate::api::graphql::ApiError;
use crate::api::graphql::account::int;
use crate::api::graphql::delivery::{Delivery, DeliveryFilter};
use crate::api::graphql::error::{UserError, refused};
use crate::api::graphql::moment::Moment;
use crate::api::graphql::page::MAX_PAGE;
use crate::api::graphql::query::asked;
use crate::api::graphql::viewer::Viewer;
use crate::service::{Service, VIEWS_TIMEOUT};
use event_log::CommandError;

/// Deliveries that one bulk retry touches at most.
const MAX_BULK: i64 = 1_000;
const MAX_TOUCHED: usize = 1_000;
/// Commands that are under way at a time: the log commits together what waits.
const CONCURRENCY: usize = 16;

#[derive(InputObject)]
struct RetryDeliveryInput {
    delivery_id: ID,
    /// The right Cortex Cloud username, where the order named none or a wrong one.
    target_username: Option<String>,
}

#[derive(InputObject)]
struct MoveDeliveryInput {
    delivery_id: ID,
    /// When to try next.
    at: Moment,
}

#[derive(InputObject)]
struct CancelDeliveryInput {
    delivery_id: ID,
}

#[derive(InputObject)]
struct RetryDeliveriesInput {
    /// Without a status, those that are neither done nor cancelled. Orders whose status is not delivered are left alone
    /// unless `resolutionCode` names them.
    filter: DeliveryFilter,
    /// Goes on after this place, which the call before ended with.
    after: Option<String>,
    /// Returns how many and which deliveries it would touch, and touches none.
    #[graphql(default)]
    dry_run: bool,
}

payload!(DeliveryPayload { delivery: Delivery });

/// What a bulk retry did, or would do.
#[derive(SimpleObject)]
pub(in crate::api::graphql) struct RetryDeliveriesPayload {
    /// Deliveries that the filter found; a thousand at most are touched at once.
    matched: i32,
    /// How many of them were put back in the queue; with dryRun, how many would be. `deliveries` are these then.
    retried: i32,
    /// Whether the filter finds more than were touched: go on after `endCursor`.
    more: bool,
    end_cursor: Option<String>,
    /// The first hundred.
    deliveries: Vec<Delivery>,
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(super) struct Deliveries;

#[Object]
impl Deliveries {
    /// Tries again, optionally with a corrected username.
    async fn retry_delivery(
        &self,
        context: &Context<'_>,
        input: RetryDeliveryInput,
    ) -> Result<DeliveryPayload, ApiError> {
        // Read as in an order. An empty one is for the delivery to refuse.
        let username = input.target_username.map(|name| normalised(&name).unwrap_or_default());
        if username.is_some() && !asked(context)?.1.says_why() {
            // What was bought goes to another customer then.
            return Ok(UserError::new("REASON_REQUIRED", SAY_WHY, None).into());
        }
        send(context, &input.delivery_id, DeliveryCommand::Retry { username }).await
    }

    /// Moves the next try of a delivery that waits for one to another moment, within thirty days.
    async fn move_delivery(
        &self,
        context: &Context<'_>,
        input: MoveDeliveryInput,
    ) -> Result<DeliveryPayload, ApiError> {
        let now = asked(context)?.0.clock.now();
        send(context, &input.delivery_id, DeliveryCommand::MoveWait { until: input.at.0.trunc_subsecs(6), now }).await
    }

    async fn cancel_delivery(
        &self,
        context: &Context<'_>,
        input: CancelDeliveryInput,
    ) -> Result<DeliveryPayload, ApiError> {
        send(context, &input.delivery_id, DeliveryCommand::Cancel).await
    }

    /// With dryRun, returns how many and which deliveries it would touch, and touches none.
    #[graphql(complexity = "100 * child_complexity + 1000")]
    async fn retry_deliveries(
        &self,
        context: &Context<'_>,
        input: RetryDeliveriesInput,
    ) -> Result<RetryDeliveriesPayload, ApiError> {
        let (service, viewer) = asked(context)?;
        let filter = to_retry(input.filter.for_viewer(viewer)?);
        let after = input.after.map(|after| after.parse()).transpose();
        let after = after.map_err(|_| ApiError::InvalidArgument { argument: "after", reason: "is not a cursor" })?;
        let window = Page { after, limit: MAX_BULK + 1, ..Page::default() };
        let mut found = delivery_log::page(&service.views, &filter, window).await?;
        let more = found.len() > MAX_TOUCHED;
        found.truncate(MAX_TOUCHED);
        let end_cursor = found.last().map(|row| row.listed_at.to_string());
        found.retain(|row| is_retried(row, &filter));
        let matched = found.len();
        let retried = if input.dry_run {
            found = retriable(service, found).await?;
            int(i64::try_from(found.len()).unwrap_or(i64::MAX))
        } else {
            retry(service, viewer, &found).await?
        };
        let ids: Vec<String> = found.iter().take(MAX_PAGE).map(|row| row.id.clone()).collect();
        let mut deliveries = delivery_log::find_many(&service.views, &ids).await?;
        deliveries.sort_by_key(|row| std::cmp::Reverse(row.listed_at));
        Ok(RetryDeliveriesPayload {
            matched: int(i64::try_from(matched).unwrap_or(i64::MAX)),
            retried,
            more,
            end_cursor,
            deliveries: deliveries.into_iter().map(Delivery::from).collect(),
            user_errors: vec![],
        })
    }
}

/// Unless it is named, what is done, cancelled, or being done anyway is not taken up again.
fn to_retry(mut filter: Filter) -> Filter {
    if filter.statuses.is_empty() {
        let unfinished = [Status::RetryScheduled, Status::ActionRequired, Status::FailedPermanent];
        filter.statuses = unfinished.iter().map(|status| status.as_str().to_owned()).collect();
    }
    filter
}

/// Nor is an order that its store has not released yet: it may not even be paid.
fn is_retried(row: &DeliveryRow, filter: &Filter) -> bool {
    let filtered = ResolutionCode::OrderStatusFiltered;
    let is_filtered = row.resolution_code() == Some(filtered);
    let is_wanted = filter.resolution_codes.iter().any(|code| code == filtered.as_str());
    !row.is_duplicate() && (!is_filtered || is_wanted)
}

/// Those that a retry would put back in the queue, as they are recorded.
async fn retriable(service: &Service, rows: Vec<DeliveryRow>) -> Result<Vec<DeliveryRow>, ApiError> {
    let is_retriable = async |row: DeliveryRow| {
        let delivery = service.log.load::<Aggregate>(&row.id).await?.aggregate;
        let events = delivery.decide(DeliveryCommand::Retry { username: None });
        Ok::<_, ApiError>(events.is_ok_and(|events| !events.is_empty()).then_some(row))
    };
    let looks: Vec<_> = rows.into_iter().map(is_retriable).collect();
    let found: Vec<Option<DeliveryRow>> = iter(looks).buffered(CONCURRENCY).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

/// Returns how many were put back in the queue.
async fn retry(service: &Service, viewer: &Viewer, rows: &[DeliveryRow]) -> Result<i32, ApiError> {
    service.log.yield_to_webhooks().await;
    let commands: Vec<_> = rows.iter().map(|row| retry_one(service, viewer, row)).collect();
    // All of them, also when one fails: each that is queued is one less.
    let done: Vec<_> = iter(commands).buffer_unordered(CONCURRENCY).collect().await;
    let (mut retried, mut last) = (0, None);
    for position in done {
        let position = position?;
        retried += i32::from(position.is_some());
        last = position.max(last);
    }
    service.wait_for_views(last).await;
    Ok(retried)
}

async fn retry_one(service: &Service, viewer: &Viewer, row: &DeliveryRow) -> Result<Option<i64>, ApiError> {
    let (retry, actor) = (DeliveryCommand::Retry { username: None }, viewer.actor(Some(&row.account_id)));
    match service.log.execute::<Aggregate>(&row.id, retry, &actor).await {
        Ok(committed) => Ok(committed.position),
        // What is running or done is not touched.
        Err(CommandError::Refused(_)) => Ok(None),
        Err(error) => refused(error).and(Err(ApiError::Internal)),
    }
}

async fn send(context: &Context<'_>, id: &ID, command: DeliveryCommand) -> Result<DeliveryPayload, ApiError> {
    let (service, viewer) = asked(context)?;
    let mut row = delivery_log::find(&service.views, id).await?;
    if row.is_none() {
        // It was recorded a moment ago, perhaps: its store has this id already.
        service.projector.wait_for(&[delivery_log::VIEW], service.log.head(), VIEWS_TIMEOUT).await;
        row = delivery_log::find(&service.views, id).await?;
    }
    let Some(row) = row.filter(|row| viewer.sees(&row.account_id)) else {
        return Ok(UserError::not_found("deliveryId").into());
    };
    // A duplicate is done to the delivery that it duplicates.
    let stream = row.duplicate_of.as_ref().unwrap_or(&row.id);
    match service.log.execute::<Aggregate>(stream, command, &viewer.actor(Some(&row.account_id))).await {
        Ok(committed) => {
            service.wait_for_views(committed.position).await;
            let delivery = delivery_log::find(&service.views, stream).await?.map(Delivery::from);
            Ok(DeliveryPayload { delivery, user_errors: vec![] })
        }
        Err(error) => Ok(refused(error)?.into()),
    }
}
