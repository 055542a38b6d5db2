//! Putting deliveries right: retry, one or many, and cancel.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::{payload, refusable};
use crate::api::graphql::ApiError;
use crate::api::graphql::account::count;
use crate::api::graphql::delivery::{Delivery, DeliveryFilter};
use crate::api::graphql::error::{UserError, payload_of};
use crate::api::graphql::moment::Moment;
use crate::api::graphql::viewer::app_and_viewer;
use crate::app;
use crate::app::deliveries::BulkRetry;
use projections::delivery_log::DeliveryRow;

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
#[derive(SimpleObject, Default)]
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

refusable!(RetryDeliveriesPayload);

fn shown(done: Result<Option<DeliveryRow>, app::Error>) -> Result<DeliveryPayload, ApiError> {
    payload_of(done, |row| DeliveryPayload { delivery: row.map(Delivery::from), user_errors: vec![] })
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
        let (app, viewer) = app_and_viewer(context)?;
        shown(app.deliveries.retry(viewer, &input.delivery_id, input.target_username.as_deref()).await)
    }

    /// Moves the next try of a delivery that waits for one to another moment, within thirty days.
    async fn move_delivery(
        &self,
        context: &Context<'_>,
        input: MoveDeliveryInput,
    ) -> Result<DeliveryPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        shown(app.deliveries.move_to(viewer, &input.delivery_id, input.at.0).await)
    }

    async fn cancel_delivery(
        &self,
        context: &Context<'_>,
        input: CancelDeliveryInput,
    ) -> Result<DeliveryPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        shown(app.deliveries.cancel(viewer, &input.delivery_id).await)
    }

    /// With dryRun, returns how many and which deliveries it would touch, and touches none.
    #[graphql(complexity = "100 * child_complexity + 1000")]
    async fn retry_deliveries(
        &self,
        context: &Context<'_>,
        input: RetryDeliveriesInput,
    ) -> Result<RetryDeliveriesPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let after = input.after.map(|after| after.parse()).transpose();
        let after = after.map_err(|_| ApiError::InvalidArgument { argument: "after", reason: "is not a cursor" })?;
        let wanted = BulkRetry { filter: input.filter.into(), after, dry_run: input.dry_run };
        payload_of(app.deliveries.retry_all(viewer, wanted).await, |done| RetryDeliveriesPayload {
            matched: count(done.matched),
            retried: count(done.retried),
            more: done.more,
            end_cursor: done.end.map(|end| end.to_string()),
            deliveries: done.shown.into_iter().map(Delivery::from).collect(),
            user_errors: vec![],
        })
    }
}
