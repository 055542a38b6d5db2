//! Finding the deliveries of a customer. A mutation, for that it was done is recorded.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use domain::operator_action::OperatorActionEvent;
use futures_util::stream::{StreamExt as _, iter};
use projections::delivery_log::{DeliveryRow, personal};

use super::erasure::{SAY_WHY, named};
use crate::api::graphql::ApiError;
use crate::api::graphql::account::int;
use crate::api::graphql::delivery::Delivery;
use crate::api::graphql::error::UserError;
use crate::api::graphql::page::{DEFAULT_PAGE, MAX_PAGE};
use crate::api::graphql::query::asked;
use crate::api::graphql::viewer::Viewer;
use crate::app::erasure::extent;
use crate::app::operator_actions;
use crate::service::Service;

/// Records that are written at a time: the log commits together what waits.
const CONCURRENCY: usize = 16;

#[derive(InputObject)]
struct FindCustomerInput {
    /// An e-mail address, the store's id of the customer, or a username.
    customer: String,
    /// Support and admin only: the account whose customer it is; without it, of all accounts.
    account_id: Option<ID>,
    /// 25 if left out and 100 at most.
    first: Option<i32>,
    /// Where the part before ended.
    after: Option<String>,
}

/// A part of a customer's deliveries, the oldest first.
#[derive(SimpleObject, Default)]
pub(in crate::api::graphql) struct FindCustomerPayload {
    /// Deliveries of the customer, in all parts together.
    matched: i32,
    deliveries: Vec<Delivery>,
    /// Where the next part begins; null with the last one.
    end_cursor: Option<String>,
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(super) struct Customers;

#[Object]
impl Customers {
    /// The deliveries of a customer. For another account than its own, a key says why (`X-Reason`), and the search
    /// is recorded for each delivery that is returned, as with `revealPersonalData`.
    #[graphql(complexity = "100 * child_complexity + 1000")]
    async fn find_customer(
        &self,
        context: &Context<'_>,
        input: FindCustomerInput,
    ) -> Result<FindCustomerPayload, ApiError> {
        let (service, viewer) = asked(context)?;
        let refuse = |error| Ok(FindCustomerPayload { user_errors: vec![error], ..Default::default() });
        if !viewer.says_why() {
            return refuse(UserError::new("REASON_REQUIRED", SAY_WHY, None));
        }
        let first = match input.first.map(usize::try_from) {
            None => DEFAULT_PAGE,
            Some(Ok(first @ 1..=MAX_PAGE)) => first,
            Some(_) => {
                return Err(ApiError::InvalidArgument { argument: "first", reason: "must be between 1 and 100" });
            }
        };
        let after = input.after.map_or(Ok(0), |after| after.parse::<i64>());
        let after = after
            .map_err(|_| ApiError::InvalidArgument { argument: "after", reason: "is not a cursor of this list" })?;
        let named = match named(Some(input.customer), None) {
            Ok(named) => named,
            Err(error) => return refuse(error),
        };
        let subject = named.subject(service, viewer.scope_within(input.account_id)?).await?;
        let extent = extent(service, &subject).await?;
        let limit = i64::try_from(first + 1).unwrap_or(i64::MAX);
        let mut rows = personal::deliveries(&service.views, &subject, after, limit).await?;
        let more = rows.len() > first;
        rows.truncate(first);
        // Before anything is shown: what cannot be recorded is not shown.
        record(service, viewer, &rows).await?;
        let end_cursor = rows.last().filter(|_| more).map(|row| row.listed_at.to_string());
        let deliveries = rows.into_iter().map(Delivery::from).collect();
        Ok(FindCustomerPayload { matched: int(extent.deliveries), deliveries, end_cursor, user_errors: vec![] })
    }
}

/// Records for each delivery of another account that its customer is known to a person now.
pub(super) async fn record(service: &Service, viewer: &Viewer, rows: &[DeliveryRow]) -> Result<(), ApiError> {
    let others = rows.iter().filter(|row| !viewer.owns(&row.account_id));
    let records: Vec<_> = others.map(|row| record_one(service, viewer, row)).collect();
    let mut recorded = iter(records).buffer_unordered(CONCURRENCY);
    let mut last = None;
    while let Some(position) = recorded.next().await {
        last = position?.max(last);
    }
    service.wait_for_views(last).await;
    Ok(())
}

async fn record_one(service: &Service, viewer: &Viewer, row: &DeliveryRow) -> Result<Option<i64>, ApiError> {
    let (Ok(account_id), Ok(delivery_id)) = (row.account_id.parse(), row.id.parse()) else {
        return Err(ApiError::Internal);
    };
    let read = OperatorActionEvent::PersonalDataRead { account_id, delivery_id };
    let begun = operator_actions::begin(service, read, &viewer.actor(Some(&row.account_id))).await;
    let (_, position) = begun.map_err(super::projections::unrecorded)?;
    Ok(position)
}
