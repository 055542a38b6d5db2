//! What a store asks by law: its integration's deliveries of a customer, or all of them, are erased; a question is shown.

use cqrs_es::Aggregate as _;
use domain::delivery::ErasureCause;
use domain::notice::{Notice, NoticeKind, NoticeReceived};
use domain::operation::{Operation, OperationEvent};
use domain::{DeliveryId, OperationId};
use projections::data_requests::Filter;
use projections::delivery_log;
use projections::delivery_log::personal::{self, Subject};

use super::ReactionError;
use crate::erasure::{self, MAX_AT_ONCE, data_requests};
use crate::event_log::{Actor, CommandError};
use crate::ingest::parse::shopify::privacy::{PrivacyRequest, request};
use crate::operations;
use crate::service::Service;

/// Orders that are looked up by one statement.
const ORDERS_AT_ONCE: usize = 500;

/// Does what a notice asks for, once.
pub(super) async fn react(service: &Service, id: &str, received: &NoticeReceived) -> Result<(), ReactionError> {
    match received.kind {
        NoticeKind::NotAnOrder | NoticeKind::Unusable | NoticeKind::StoreError => return Ok(()),
        NoticeKind::CustomerDataRequest | NoticeKind::CustomerRedact | NoticeKind::ShopRedact => {}
    }
    if matches!(service.log.load::<Notice>(id).await?.aggregate, Notice::Erased(_)) {
        return Ok(());
    }
    let of_integration = Subject {
        account_id: Some(received.account_id.to_string()),
        integration_id: Some(received.integration_id.to_string()),
        ..Subject::default()
    };
    if received.kind == NoticeKind::ShopRedact {
        erase_all(service, &of_integration).await?;
        erase_questions(service, received, None).await?;
        return erase_notice(service, id).await;
    }
    let body = service.log.body(Notice::TYPE, id, 1).await?;
    let Some(named) = body.as_deref().and_then(request) else {
        tracing::warn!(notice = id, "a store's request names nobody");
        return Ok(());
    };
    let subject = Subject { customer: Some(data_requests::tokens_of(service, &named)), ..of_integration };
    if received.kind == NoticeKind::CustomerDataRequest {
        return tell_merchant(service, id, received, &subject).await;
    }
    erase_all(service, &subject).await?;
    erase_orders(service, received, &named).await?;
    erase_questions(service, received, Some(&named)).await?;
    erase_notice(service, id).await
}

async fn erase_all(service: &Service, subject: &Subject) -> Result<(), ReactionError> {
    // Waits for the views.
    erasure::extent(service, subject).await?;
    let mut after = 0;
    loop {
        let rows = personal::deliveries(&service.views, subject, after, MAX_AT_ONCE).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.listed_at;
        erasure::erase(service, &rows, ErasureCause::Store, |_| Actor::System).await?;
    }
}

/// The orders that the request names: also those on which the customer went by another name.
async fn erase_orders(
    service: &Service,
    received: &NoticeReceived,
    named: &PrivacyRequest,
) -> Result<(), ReactionError> {
    let ids: Vec<String> =
        named.orders.iter().map(|order| DeliveryId::of(received.integration_id, order).to_string()).collect();
    for ids in ids.chunks(ORDERS_AT_ONCE) {
        let rows = delivery_log::find_many(&service.views, ids).await?;
        erasure::erase(service, &rows, ErasureCause::Store, |_| Actor::System).await?;
    }
    Ok(())
}

/// Earlier questions about the customer, or about anybody, name the person too.
async fn erase_questions(
    service: &Service,
    received: &NoticeReceived,
    named: Option<&PrivacyRequest>,
) -> Result<(), ReactionError> {
    let filter = Filter {
        account_id: Some(received.account_id.to_string()),
        integration_id: Some(received.integration_id.to_string()),
        ..Filter::default()
    };
    let is_meant = |asked: &PrivacyRequest| named.is_none_or(|named| asked.is_about_same_customer(named));
    let questions = data_requests::readable(service, filter, is_meant).await?;
    data_requests::erase(service, &questions, |_| Actor::System).await?;
    Ok(())
}

/// What is asked stays readable until the customer is erased: without it the merchant could not answer.
async fn tell_merchant(
    service: &Service,
    id: &str,
    received: &NoticeReceived,
    subject: &Subject,
) -> Result<(), ReactionError> {
    let Ok(operation) = id.parse().map(OperationId) else { return Ok(()) };
    if service.log.load::<Operation>(id).await?.aggregate.latest.is_some() {
        return Ok(());
    }
    let extent = erasure::extent(service, subject).await?;
    let asked = OperationEvent::DataRequested {
        account_id: received.account_id,
        integration_id: received.integration_id,
        deliveries: u32::try_from(extent.deliveries).unwrap_or(u32::MAX),
    };
    let recorded = operations::record(service, operation, asked, &Actor::System).await;
    recorded.map_err(|error| ReactionError::Command(error.to_string()))?;
    tracing::warn!(
        request = id,
        account = %received.account_id,
        "a store asks what is known of a customer: the merchant has 30 days to answer"
    );
    Ok(())
}

async fn erase_notice(service: &Service, id: &str) -> Result<(), ReactionError> {
    match data_requests::erase_notice(service, id, &Actor::System).await {
        Ok(_) | Err(CommandError::Refused(_)) => Ok(()),
        Err(error) => Err(ReactionError::Command(error.to_string())),
    }
}
