//! Writing out what is known of a customer. A mutation, for that it was done is recorded.

use async_graphql::{Context, ID, InputObject, Json, Object, SimpleObject};
use domain::AccountId;
use domain::operation::OperationEvent;
use projections::delivery_log::personal;
use serde_json::Value;

use super::erasure::{named, nobody, whose};
use crate::erasure::{ErasureError, by_account, extent};
use crate::graphql::ApiError;
use crate::graphql::account::int;
use crate::graphql::error::UserError;
use crate::graphql::query::asked;
use crate::{operations, personal_data};

/// Deliveries that are written out at a time.
const MAX_AT_ONCE: i64 = 10;

#[derive(InputObject)]
struct ExportPersonalDataInput {
    /// An e-mail address, the store's id of the customer, or a username.
    customer: String,
    /// Support and admin only: the account whose customer it is; without it, of all accounts.
    account_id: Option<ID>,
    /// Where the part before ended.
    after: Option<String>,
}

/// A part of what is known of a customer.
#[derive(SimpleObject, Default)]
pub(in crate::graphql) struct ExportPersonalDataPayload {
    /// Deliveries of the customer, in all parts together.
    matched: i32,
    /// Ten at most: each with its webhooks, their private fields and raw bodies. JSON as it is, other bodies in base64.
    deliveries: Vec<Json<Value>>,
    /// Where the next part begins; null with the last one.
    end_cursor: Option<String>,
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(super) struct Exports;

#[Object]
impl Exports {
    /// Everything that is known of a customer, for the customer. Each part that is asked for is recorded.
    #[graphql(complexity = "2000 + child_complexity")]
    async fn export_personal_data(
        &self,
        context: &Context<'_>,
        input: ExportPersonalDataInput,
    ) -> Result<ExportPersonalDataPayload, ApiError> {
        let (service, viewer) = asked(context)?;
        let refuse = |error| Ok(ExportPersonalDataPayload { user_errors: vec![error], ..Default::default() });
        let named = match named(Some(input.customer), None) {
            Ok(named) => named,
            Err(error) => return refuse(error),
        };
        let after = match input.after.map(|after| after.parse::<i64>()).transpose() {
            Ok(after) => after.unwrap_or(0),
            Err(_) => return Err(ApiError::InvalidArgument { argument: "after", reason: "is no cursor of this list" }),
        };
        let subject = named.subject(service, whose(viewer, input.account_id)?);
        let extent = extent(service, &subject).await?;
        if extent.deliveries == 0 {
            return refuse(nobody(&named));
        }
        let rows = personal::deliveries(&service.views, &subject, after, MAX_AT_ONCE).await?;
        // Before anything is shown: what cannot be recorded is not shown.
        for (account_id, deliveries) in by_account(&rows) {
            let Ok(owner) = account_id.parse::<AccountId>() else { continue };
            let exported = OperationEvent::PersonalDataExported { account_id: owner, deliveries };
            let begun = operations::begin(service, exported, &viewer.actor(Some(&account_id))).await;
            begun.map_err(ErasureError::from)?;
        }
        let mut deliveries = vec![];
        for row in &rows {
            deliveries.push(Json(personal_data::of_delivery(&service.log, row).await?));
        }
        let full = rows.len() == usize::try_from(MAX_AT_ONCE).unwrap_or(usize::MAX);
        Ok(ExportPersonalDataPayload {
            matched: int(extent.deliveries),
            deliveries,
            end_cursor: rows.last().filter(|_| full).map(|row| row.listed_at.to_string()),
            user_errors: vec![],
        })
    }
}
