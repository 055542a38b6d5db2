//! Putting deliveries right: retry, one or many, and cancel.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use domain::delivery::{Delivery as Aggregate, DeliveryCommand};
use projections::delivery_log::{self, DeliveryRow, Page};

use super::payload;
use crate::event_log::CommandError;
use crate::graphql::ApiError;
use crate::graphql::account::int;
use crate::graphql::delivery::{Delivery, DeliveryFilter};
use crate::graphql::error::{UserError, refused};
use crate::graphql::page::MAX_PAGE;
use crate::graphql::query::asked;

/// Deliveries that one bulk retry touches at most.
const MAX_BULK: i64 = 1_000;

#[derive(InputObject)]
struct RetryDeliveryInput {
    delivery_id: ID,
    /// The right Cortex Cloud username, where the order named none or a wrong one.
    target_username: Option<String>,
}

#[derive(InputObject)]
struct CancelDeliveryInput {
    delivery_id: ID,
}

#[derive(InputObject)]
struct RetryDeliveriesInput {
    filter: DeliveryFilter,
    /// Answers how many and which deliveries it would touch, and touches none.
    #[graphql(default)]
    dry_run: bool,
}

payload!(DeliveryPayload { delivery: Delivery });

/// What a bulk retry did, or would do.
#[derive(SimpleObject)]
pub(in crate::graphql) struct RetryDeliveriesPayload {
    /// Deliveries that the filter found; a thousand at most are touched at once.
    matched: i32,
    /// How many of them were put back in the queue.
    retried: i32,
    /// Whether the filter finds more than were touched.
    more: bool,
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
        let username = input.target_username.map(|name| name.replace('\0', ""));
        tell(context, &input.delivery_id, DeliveryCommand::Retry { username }).await
    }

    async fn cancel_delivery(
        &self,
        context: &Context<'_>,
        input: CancelDeliveryInput,
    ) -> Result<DeliveryPayload, ApiError> {
        tell(context, &input.delivery_id, DeliveryCommand::Cancel).await
    }

    /// With dryRun, answers how many and which deliveries it would touch, and touches none.
    #[graphql(complexity = "100 * child_complexity + 1000")]
    async fn retry_deliveries(
        &self,
        context: &Context<'_>,
        input: RetryDeliveriesInput,
    ) -> Result<RetryDeliveriesPayload, ApiError> {
        let (service, viewer) = asked(context)?;
        let filter = input.filter.for_viewer(viewer)?;
        let found =
            delivery_log::page(&service.views, &filter, Page { limit: MAX_BULK + 1, ..Page::default() }).await?;
        let more = found.len() > usize::try_from(MAX_BULK).unwrap_or(usize::MAX);
        let found: Vec<DeliveryRow> = found
            .into_iter()
            .take(usize::try_from(MAX_BULK).unwrap_or(usize::MAX))
            .filter(|row| row.duplicate_of.is_none())
            .collect();
        let (mut retried, mut last) = (0, None);
        if !input.dry_run {
            for row in &found {
                let retry = DeliveryCommand::Retry { username: None };
                match service.log.execute::<Aggregate>(&row.id, retry, &viewer.actor(Some(&row.account_id))).await {
                    Ok(committed) => {
                        retried += i64::from(!committed.events.is_empty());
                        last = committed.position.or(last);
                    }
                    // What is running or done is not touched.
                    Err(CommandError::Refused(_)) => {}
                    Err(error) => return refused(error).and(Err(ApiError::Internal)),
                }
            }
            service.wait_for_views(last).await;
        }
        let ids: Vec<String> = found.iter().take(MAX_PAGE).map(|row| row.id.clone()).collect();
        let deliveries = delivery_log::find_many(&service.views, &ids).await?.into_iter().map(Delivery).collect();
        let matched = int(i64::try_from(found.len()).unwrap_or(i64::MAX));
        Ok(RetryDeliveriesPayload { matched, retried: int(retried), more, deliveries, user_errors: vec![] })
    }
}

async fn tell(context: &Context<'_>, id: &ID, command: DeliveryCommand) -> Result<DeliveryPayload, ApiError> {
    let (service, viewer) = asked(context)?;
    let row = delivery_log::find(&service.views, id).await?.filter(|row| viewer.sees(&row.account_id));
    let Some(row) = row else {
        return Ok(UserError::not_found("deliveryId").into());
    };
    // A duplicate is done to the delivery that it duplicates.
    let stream = row.duplicate_of.as_ref().unwrap_or(&row.id);
    match service.log.execute::<Aggregate>(stream, command, &viewer.actor(Some(&row.account_id))).await {
        Ok(committed) => {
            service.wait_for_views(committed.position).await;
            let delivery = delivery_log::find(&service.views, stream).await?.map(Delivery);
            Ok(DeliveryPayload { delivery, user_errors: vec![] })
        }
        Err(error) => Ok(refused(error)?.into()),
    }
}
