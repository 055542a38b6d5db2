//! Finding the deliveries of a customer. A mutation, for that it was done is recorded.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::refusable;
use crate::api::graphql::ApiError;
use crate::api::graphql::account::int;
use crate::api::graphql::delivery::Delivery;
use crate::api::graphql::error::{UserError, payload_of};
use crate::api::graphql::page::{DEFAULT_PAGE, MAX_PAGE};
use crate::api::graphql::viewer::app_and_viewer;
use event_log::Position;

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

refusable!(FindCustomerPayload);

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
        let (app, viewer) = app_and_viewer(context)?;
        let first = match input.first.map(usize::try_from) {
            None => DEFAULT_PAGE,
            Some(Ok(first @ 1..=MAX_PAGE)) => first,
            Some(_) => {
                return Err(ApiError::InvalidArgument { argument: "first", reason: "must be between 1 and 100" });
            }
        };
        let after = input.after.map_or(Ok(Position::START), |after| after.parse::<Position>());
        let after = after
            .map_err(|_| ApiError::InvalidArgument { argument: "after", reason: "is not a cursor of this list" })?;
        let account_id = input.account_id.map(String::from);
        let found = app.erasure.find_customer(viewer, input.customer, account_id, (first, after)).await;
        payload_of(found, |found| FindCustomerPayload {
            matched: int(found.matched),
            deliveries: found.rows.into_iter().map(Delivery::from).collect(),
            end_cursor: found.end.map(|end| end.to_string()),
            user_errors: vec![],
        })
    }
}
