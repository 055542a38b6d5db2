//! Writing out what is known of a customer. A mutation, for that it was done is recorded.

use async_graphql::{Context, ID, InputObject, Json, Object, SimpleObject};
use serde_json::Value;

use super::refusable;
use crate::api::graphql::ApiError;
use crate::api::graphql::account::int;
use crate::api::graphql::error::{UserError, payload_of};
use crate::api::graphql::viewer::app_and_viewer;
use crate::app::erasure::exports::ExportRequest;
use event_log::Position;

#[derive(InputObject)]
struct ExportPersonalDataInput {
    /// An e-mail address, the store's id of the customer, or a username. Give this or dataRequest.
    customer: Option<String>,
    /// The customer whom a store's question is about: an id of the list dataRequests.
    data_request: Option<ID>,
    /// Support and admin only: the account whose customer it is; without it, of all accounts.
    account_id: Option<ID>,
    /// Where the part before ended.
    after: Option<String>,
}

/// A part of what is known of a customer.
#[derive(SimpleObject, Default)]
pub(in crate::api::graphql) struct ExportPersonalDataPayload {
    /// Deliveries of the customer, in all parts together. None is an answer to a store's question.
    matched: i32,
    /// Whom the store's question is about, as the store knows them; null without dataRequest.
    customer_email: Option<String>,
    customer_id: Option<String>,
    /// Ten at most: each with its webhooks, their private fields and raw bodies. JSON as it is, other bodies in base64.
    deliveries: Vec<Json<Value>>,
    /// Ten at most: webhooks about no order that name the customer (customers, checkouts, carts, orders that could not be
    /// read, what a store asked), each with its raw body.
    other_webhooks: Vec<Json<Value>>,
    /// Where the next part begins; null with the last one.
    end_cursor: Option<String>,
    user_errors: Vec<UserError>,
}

refusable!(ExportPersonalDataPayload);

#[derive(Default)]
pub(super) struct Exports;

#[Object]
impl Exports {
    /// Everything that is known of a customer, for the customer: of one who is named, or of whom a store asked. Each part that is asked for is recorded.
    #[graphql(complexity = "2000 + child_complexity")]
    async fn export_personal_data(
        &self,
        context: &Context<'_>,
        input: ExportPersonalDataInput,
    ) -> Result<ExportPersonalDataPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let after = input.after.map(|after| after.parse::<Position>()).transpose();
        let is_no_cursor = |_| ApiError::InvalidArgument { argument: "after", reason: "is no cursor of this list" };
        let request = ExportRequest {
            customer: input.customer,
            data_request: input.data_request.map(String::from),
            account_id: input.account_id.map(String::from),
            after: after.map_err(is_no_cursor)?.unwrap_or_default(),
        };
        payload_of(app.erasure.export_personal_data(viewer, request).await, |part| ExportPersonalDataPayload {
            matched: int(part.matched),
            customer_email: part.email,
            customer_id: part.customer_id,
            deliveries: part.deliveries.into_iter().map(Json).collect(),
            other_webhooks: part.other_webhooks.into_iter().map(Json).collect(),
            end_cursor: part.end.map(|end| end.to_string()),
            user_errors: vec![],
        })
    }
}
