//! Erasing what is known of a customer, or of one order.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::refusable;
use crate::api::graphql::ApiError;
use crate::api::graphql::account::{count, int};
use crate::api::graphql::delivery::Delivery;
use crate::api::graphql::error::{UserError, payload_of};
use crate::api::graphql::viewer::app_and_viewer;
use crate::app::erasure::requests::ErasureRequest;

#[derive(InputObject)]
struct ErasePersonalDataInput {
    /// An e-mail address, the store's id of the customer, or a username. Give this or orderId.
    customer: Option<String>,
    /// The store's id of the order, its number, or the id of its delivery.
    order_id: Option<String>,
    /// Support and admin only: the account whose customer or order it is; without it, of all accounts.
    account_id: Option<ID>,
    /// Returns how many and which deliveries it would touch, and touches none.
    #[graphql(default)]
    dry_run: bool,
}

/// What an erasure did, or would do.
#[derive(SimpleObject, Default)]
pub(in crate::api::graphql) struct ErasePersonalDataPayload {
    /// Deliveries that match; a thousand at most are touched at once.
    matched: i32,
    /// How many accounts they belong to, the questions too.
    accounts: i32,
    /// How many of those that were touched held anything personal.
    erased: i32,
    /// Stores' questions what is known of the customer: they are erased with the deliveries.
    data_requests: i32,
    /// Other webhooks about no order that name the customer (customers, checkouts, carts, orders that could not be read):
    /// their bodies are erased too.
    other_webhooks: i32,
    /// Events that programs of the account published (`publishEvent`) and that name the customer: what they say is erased too.
    published_events: i32,
    /// Whether some were left for the next call.
    more: bool,
    /// The first hundred.
    deliveries: Vec<Delivery>,
    user_errors: Vec<UserError>,
}

refusable!(ErasePersonalDataPayload);

#[derive(Default)]
pub(super) struct Erasures;

#[Object]
impl Erasures {
    /// Erases what is known of a customer, or of one order, for good: names, addresses, usernames and raw webhooks. What
    /// was still to be delivered is cancelled. Every other webhook that names the customer or the order is erased, too. With dryRun, returns how many and which deliveries it would touch.
    #[graphql(complexity = "100 * child_complexity + 1000")]
    async fn erase_personal_data(
        &self,
        context: &Context<'_>,
        input: ErasePersonalDataInput,
    ) -> Result<ErasePersonalDataPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let request = ErasureRequest {
            customer: input.customer,
            order: input.order_id,
            account_id: input.account_id.map(String::from),
            dry_run: input.dry_run,
        };
        payload_of(app.erasure.erase_personal_data(viewer, request).await, |done| ErasePersonalDataPayload {
            matched: int(done.matched),
            accounts: int(done.accounts),
            erased: count(done.erased),
            data_requests: count(done.data_requests),
            other_webhooks: count(done.other_webhooks),
            published_events: count(done.published_events),
            more: done.more,
            deliveries: done.shown.into_iter().map(Delivery::from).collect(),
            user_errors: vec![],
        })
    }
}
