//! Writing out what is known of a customer. A mutation, for that it was done is recorded.

use async_graphql::{Context, ID, InputObject, Json, Object, SimpleObject};
use domain::operation::OperationEvent;
use domain::{AccountId, NoticeId};
use projections::delivery_log::personal::{self, Subject};
use serde_json::Value;

use super::erasure::{SAY_WHY, named, whose};
use crate::erasure::data_requests::{self, DataRequest};
use crate::erasure::{ErasureError, by_account, extent};
use crate::graphql::ApiError;
use crate::graphql::account::int;
use crate::graphql::error::UserError;
use crate::graphql::query::asked;
use crate::graphql::viewer::Viewer;
use crate::service::Service;
use crate::{operations, personal_data};

/// Deliveries that are written out at a time.
const MAX_AT_ONCE: i64 = 10;

#[derive(InputObject)]
struct ExportPersonalDataInput {
    /// An e-mail address, the store's id of the customer, or a username. Give this or dataRequest.
    customer: Option<String>,
    /// Whoever a store's question is about: an id of the list dataRequests.
    data_request: Option<ID>,
    /// Support and admin only: the account whose customer it is; without it, of all accounts.
    account_id: Option<ID>,
    /// Where the part before ended.
    after: Option<String>,
}

/// A part of what is known of a customer.
#[derive(SimpleObject, Default)]
pub(in crate::graphql) struct ExportPersonalDataPayload {
    /// Deliveries of the customer, in all parts together. None is an answer to a store's question.
    matched: i32,
    /// Whom the store's question is about, as the store knows them; null without dataRequest.
    customer_email: Option<String>,
    customer_id: Option<String>,
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
    /// Everything that is known of a customer, for the customer: of one who is named, or of whom a store asked. Each part that is asked for is recorded.
    #[graphql(complexity = "2000 + child_complexity")]
    async fn export_personal_data(
        &self,
        context: &Context<'_>,
        input: ExportPersonalDataInput,
    ) -> Result<ExportPersonalDataPayload, ApiError> {
        let (service, viewer) = asked(context)?;
        let refuse = |error| Ok(ExportPersonalDataPayload { user_errors: vec![error], ..Default::default() });
        if !viewer.says_why() {
            return refuse(UserError::new("REASON_REQUIRED", SAY_WHY, None));
        }
        let after = match input.after.map(|after| after.parse::<i64>()).transpose() {
            Ok(after) => after.unwrap_or(0),
            Err(_) => return Err(ApiError::InvalidArgument { argument: "after", reason: "is no cursor of this list" }),
        };
        let asked = match (input.customer, input.data_request) {
            (Some(customer), None) => Asked::by_person(service, viewer, customer, input.account_id)?,
            (None, Some(id)) => Asked::by_store(service, viewer, &id).await?,
            (None, None) | (Some(_), Some(_)) => {
                Err(UserError::new("INVALID_INPUT", "give either customer or dataRequest", None))
            }
        };
        let Asked { subject, request } = match asked {
            Ok(asked) => asked,
            Err(error) => return refuse(error),
        };
        let extent = extent(service, &subject).await?;
        if extent.deliveries == 0 && request.is_none() {
            return refuse(UserError::new("NOT_FOUND", "no delivery is known by this customer", Some("customer")));
        }
        let (request_id, request) = request.unzip();
        let rows = personal::deliveries(&service.views, &subject, after, MAX_AT_ONCE).await?;
        // Before anything is shown: what cannot be recorded is not shown.
        let mut parts = by_account(&rows);
        if let Some(request) = &request {
            // That nothing is known is an answer, too.
            parts.entry(request.received.account_id.to_string()).or_default();
        }
        let mut last = None;
        for (account_id, deliveries) in parts {
            let Ok(owner) = account_id.parse::<AccountId>() else { continue };
            let exported =
                OperationEvent::PersonalDataExported { account_id: owner, deliveries, data_request: request_id };
            let begun = operations::begin(service, exported, &viewer.actor(Some(&account_id))).await;
            let (_, position) = begun.map_err(ErasureError::from)?;
            last = position.max(last);
        }
        let mut deliveries = vec![];
        for row in &rows {
            deliveries.push(Json(personal_data::of_delivery(&service.log, row).await?));
        }
        service.wait_for_views(last).await;
        let full = rows.len() == usize::try_from(MAX_AT_ONCE).unwrap_or(usize::MAX);
        Ok(ExportPersonalDataPayload {
            matched: int(extent.deliveries),
            customer_email: request.as_ref().and_then(|request| request.customer.email.clone()),
            customer_id: request.and_then(|request| request.customer.customer_id),
            deliveries,
            end_cursor: rows.last().filter(|_| full).map(|row| row.listed_at.to_string()),
            user_errors: vec![],
        })
    }
}

/// Whose data is asked for, and by which question of a store.
struct Asked {
    subject: Subject,
    request: Option<(NoticeId, DataRequest)>,
}

impl Asked {
    fn by_person(
        service: &Service,
        viewer: &Viewer,
        customer: String,
        account_id: Option<ID>,
    ) -> Result<Result<Self, UserError>, ApiError> {
        let account_id = whose(viewer, account_id)?;
        Ok(named(Some(customer), None).map(|named| Self { subject: named.subject(service, account_id), request: None }))
    }

    /// Of the integration whose store asked, and of nothing else.
    async fn by_store(service: &Service, viewer: &Viewer, id: &ID) -> Result<Result<Self, UserError>, ApiError> {
        let Ok(notice_id) = id.parse::<NoticeId>() else {
            return Ok(Err(UserError::not_found("dataRequest")));
        };
        let found = data_requests::find(service, &notice_id.to_string()).await?;
        let Some(request) = found.filter(|found| viewer.sees(&found.received.account_id.to_string())) else {
            return Ok(Err(UserError::not_found("dataRequest")));
        };
        let subject = data_requests::subject_of(service, &request.received, &request.customer);
        Ok(Ok(Self { subject, request: Some((notice_id, request)) }))
    }
}
