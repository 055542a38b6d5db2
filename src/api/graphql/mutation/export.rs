//! Writing out what is known of a customer. A mutation, for that it was done is recorded.

use async_graphql::{Context, ID, InputObject, Json, Object, SimpleObject};
use domain::operator_action::OperatorActionEvent;
use domain::{AccountId, NoticeId};
use projections::delivery_log::DeliveryRow;
use projections::delivery_log::personal::{self, Subject};
use projections::notices::KeptNotice;
use serde_json::Value;

use super::erasure::{SAY_WHY, named};
use crate::api::graphql::ApiError;
use crate::api::graphql::account::int;
use crate::api::graphql::error::UserError;
use crate::api::graphql::query::asked;
use crate::api::graphql::viewer::Viewer;
use crate::app::erasure::data_requests::{self, DataRequest};
use crate::app::erasure::{ErasureError, Held, by_account, extent, notices};
use crate::app::{operator_actions, personal_data};
use crate::service::Service;

/// Deliveries that are written out at a time, and other webhooks.
const MAX_AT_ONCE: i64 = 10;
/// Raw bodies of a part, in bytes, after which no more is added to it.
const MAX_BYTES_AT_ONCE: usize = 2 * 1_024 * 1_024;

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
            (Some(customer), None) => Asked::by_person(service, viewer, customer, input.account_id).await?,
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
        let (request_id, request) = request.unzip();
        let Part { rows, others, end } = Part::of(service, &subject, after).await?;
        let Written { rows, others, deliveries, other_webhooks, end } = Written::of(service, rows, others, end).await?;
        if rows.is_empty() && others.is_empty() && after == 0 && request.is_none() {
            return refuse(UserError::new("NOT_FOUND", "nothing is known of this customer", Some("customer")));
        }
        // Before anything is shown: what cannot be recorded is not shown.
        let mut parts = by_account(&rows, &others);
        if let Some(request) = &request {
            // That nothing is known is an answer, too.
            parts.entry(request.received.account_id.to_string()).or_default();
        }
        let mut last = None;
        for (account_id, Held { deliveries, other_webhooks }) in parts {
            let Ok(account) = account_id.parse::<AccountId>() else { continue };
            let exported = OperatorActionEvent::PersonalDataExported {
                account_id: account,
                deliveries,
                other_webhooks,
                data_request: request_id,
            };
            let begun = operator_actions::begin(service, exported, &viewer.actor(Some(&account_id))).await;
            let (_, position) = begun.map_err(ErasureError::from)?;
            last = position.max(last);
        }
        service.wait_for_views(last).await;
        Ok(ExportPersonalDataPayload {
            matched: int(extent.deliveries),
            customer_email: request.as_ref().and_then(|request| request.customer.email.clone()),
            customer_id: request.and_then(|request| request.customer.customer_id),
            deliveries,
            other_webhooks,
            end_cursor: end.map(|end| end.to_string()),
            user_errors: vec![],
        })
    }
}

/// Some of what names a customer, in the order of the log.
struct Part {
    rows: Vec<DeliveryRow>,
    others: Vec<KeptNotice>,
    /// Where the next part begins, if there is one.
    end: Option<i64>,
}

impl Part {
    async fn of(service: &Service, subject: &Subject, after: i64) -> Result<Self, ErasureError> {
        let mut rows = personal::deliveries(&service.views, subject, after, MAX_AT_ONCE).await?;
        let naming = notices::naming_customer(subject);
        let mut others = projections::notices::page(&service.views, &naming, after, MAX_AT_ONCE).await?;
        let is_full = |many: usize| i64::try_from(many).is_ok_and(|many| many >= MAX_AT_ONCE);
        let ends = [
            rows.last().filter(|_| is_full(rows.len())).map(|row| row.listed_at),
            others.last().filter(|_| is_full(others.len())).map(|row| row.listed_at),
        ];
        let end = ends.into_iter().flatten().min();
        if let Some(end) = end {
            rows.retain(|row| row.listed_at <= end);
            others.retain(|row| row.listed_at <= end);
        }
        Ok(Self { rows, others, end })
    }
}

/// As much of a part as is written out at a time, with its raw bodies.
#[derive(Default)]
struct Written {
    rows: Vec<DeliveryRow>,
    others: Vec<KeptNotice>,
    deliveries: Vec<Json<Value>>,
    other_webhooks: Vec<Json<Value>>,
    end: Option<i64>,
}

/// Some of what a part has.
enum Piece {
    Delivery(Box<DeliveryRow>),
    Other(KeptNotice),
}

impl Written {
    /// In the order of the log, until the bodies together are large: then the next part begins there.
    async fn of(
        service: &Service,
        rows: Vec<DeliveryRow>,
        others: Vec<KeptNotice>,
        end: Option<i64>,
    ) -> Result<Self, ApiError> {
        let rows = rows.into_iter().map(|row| (row.listed_at, Piece::Delivery(Box::new(row))));
        let others = others.into_iter().map(|row| (row.listed_at, Piece::Other(row)));
        let mut pieces: Vec<_> = rows.chain(others).collect();
        pieces.sort_by_key(|(listed_at, _)| *listed_at);
        let (mut written, mut bytes, mut last) = (Self { end, ..Self::default() }, 0, None);
        for (listed_at, piece) in pieces {
            if bytes >= MAX_BYTES_AT_ONCE {
                written.end = last;
                break;
            }
            last = Some(listed_at);
            match piece {
                Piece::Delivery(row) => {
                    let (value, size) = personal_data::of_delivery(&service.log, &row).await?;
                    bytes += size;
                    written.deliveries.push(Json(value));
                    written.rows.push(*row);
                }
                Piece::Other(row) => {
                    if let Some((value, size)) = personal_data::of_notice(&service.log, &row).await? {
                        bytes += size;
                        written.other_webhooks.push(Json(value));
                    }
                    written.others.push(row);
                }
            }
        }
        Ok(written)
    }
}

/// Whose data is asked for, and by which question of a store.
struct Asked {
    subject: Subject,
    request: Option<(NoticeId, DataRequest)>,
}

impl Asked {
    async fn by_person(
        service: &Service,
        viewer: &Viewer,
        customer: String,
        account_id: Option<ID>,
    ) -> Result<Result<Self, UserError>, ApiError> {
        let account_id = viewer.scope_within(account_id)?;
        Ok(match named(Some(customer), None) {
            Ok(named) => Ok(Self { subject: named.subject(service, account_id).await?, request: None }),
            Err(error) => Err(error),
        })
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
        let subject = data_requests::subject_of(service, &request.received, &request.customer).await?;
        Ok(Ok(Self { subject, request: Some((notice_id, request)) }))
    }
}
