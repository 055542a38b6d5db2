//! What stores asked about customers: each request lies sealed in its notice, names a person, and is erased with the person.

use cqrs_es::Aggregate as _;
use domain::DeliveryId;
use domain::notice::{Notice, NoticeKind, NoticeReceived};
use event_log::Sequence;
use projections::delivery_log::personal::Subject;
use providers::PrivacyRequest;

use super::{Erasure, ErasureError, known_as};

/// A request that can still be answered, and whom it names.
pub(crate) struct DataRequest {
    pub(crate) received: NoticeReceived,
    pub(crate) customer: PrivacyRequest,
}

/// The request with this id. Nothing where there is none, or where whom it named is erased.
pub(crate) async fn find(erasure: &Erasure, id: &str) -> Result<Option<DataRequest>, ErasureError> {
    let received = match erasure.data.log.load::<Notice>(id).await?.aggregate {
        Notice::Received(received, _) if received.kind == NoticeKind::CustomerDataRequest => received,
        Notice::Initial | Notice::Received(..) | Notice::Erased(..) => return Ok(None),
    };
    let body = erasure.data.log.body(Notice::TYPE, id, Sequence::FIRST).await?;
    let platform = providers::of(received.provider);
    let customer = body.and_then(|body| platform.privacy_request(&body));
    Ok(customer.map(|customer| DataRequest { received, customer }))
}

/// What the customer whom a request names is known by.
pub(crate) fn tokens_of(erasure: &Erasure, customer: &PrivacyRequest) -> Vec<String> {
    let index = erasure.data.log.blind_index();
    let named = index.map(|index| {
        let (email, id) = (customer.email.as_deref(), customer.customer_id.as_deref());
        index.tokens_named(email, id, customer.phone.as_deref())
    });
    named.unwrap_or_default()
}

/// What a request is about: the customer it names, and the orders it names, whichever customer is in them.
pub(crate) async fn subject_of(
    erasure: &Erasure,
    received: &NoticeReceived,
    customer: &PrivacyRequest,
) -> Result<Subject, ErasureError> {
    let known_as = match &customer.email {
        Some(email) => known_as(erasure, email).await?,
        None => vec![],
    };
    let orders = customer.orders.iter().map(|order| DeliveryId::of(received.integration_id, order).to_string());
    Ok(Subject {
        customer: Some(tokens_of(erasure, customer)),
        known_as,
        deliveries: orders.collect(),
        account_id: Some(received.account_id.to_string()),
        integration_id: Some(received.integration_id.to_string()),
        ..Subject::default()
    })
}
