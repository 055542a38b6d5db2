//! What stores asked about customers: each request lies sealed in its notice, names a person, and is erased with the person.

use std::collections::BTreeSet;

use cqrs_es::Aggregate as _;
use domain::notice::{Notice, NoticeCommand, NoticeKind, NoticeReceived, NoticeRefusal};
use projections::View;
use projections::data_requests::{self, DataRequestRow, Filter};

use super::{ErasureError, Named, tokens};
use crate::event_log::{Actor, CommandError};
use crate::ingest::parse::shopify::privacy::{PrivacyRequest, request};
use crate::service::{PATIENCE, Service};

const PAGE: i64 = 200;
/// Requests that are opened to find those of one customer, the newest. A store sends few.
const MAX_OPENED: usize = 10_000;

/// A request that can still be answered, and whom it names.
pub(crate) struct DataRequest {
    pub(crate) received: NoticeReceived,
    pub(crate) customer: PrivacyRequest,
}

/// The request with this id. Nothing where there is none, or where whom it named is erased.
pub(crate) async fn find(service: &Service, id: &str) -> Result<Option<DataRequest>, ErasureError> {
    let received = match service.log.load::<Notice>(id).await?.aggregate {
        Notice::Received(received) if received.kind == NoticeKind::CustomerDataRequest => received,
        Notice::NotReceived | Notice::Received(_) | Notice::Erased(_) => return Ok(None),
    };
    let body = service.log.body(Notice::TYPE, id, 1).await?;
    Ok(body.as_deref().and_then(request).map(|customer| DataRequest { received, customer }))
}

/// What the customer whom a request names is known by.
pub(crate) fn tokens_of(service: &Service, customer: &PrivacyRequest) -> Vec<String> {
    let index = service.log.blind_index();
    let named = index.map(|index| index.tokens_named(customer.email.as_deref(), customer.customer_id.as_deref()));
    named.unwrap_or_default()
}

/// The requests about a customer whom a person names by an e-mail address or the store's customer id. A username is in none.
pub(crate) async fn about(
    service: &Service,
    named: &Named,
    account_id: Option<String>,
) -> Result<Vec<DataRequestRow>, ErasureError> {
    let Named::Customer(customer) = named else { return Ok(vec![]) };
    let wanted: BTreeSet<String> = tokens(service, customer).into_iter().collect();
    let is_meant = |customer: &PrivacyRequest| tokens_of(service, customer).iter().any(|token| wanted.contains(token));
    readable(service, Filter { account_id, ..Filter::default() }, is_meant).await
}

/// The requests that still name somebody, of those the ones that are meant.
pub(crate) async fn readable(
    service: &Service,
    filter: Filter,
    is_meant: impl Fn(&PrivacyRequest) -> bool,
) -> Result<Vec<DataRequestRow>, ErasureError> {
    let newest = service.log.newest().await?;
    if !service.projector.wait_for(View::DataRequests, newest, PATIENCE).await {
        return Err(ErasureError::ViewsBehind);
    }
    let filter = Filter { is_readable: true, ..filter };
    let (mut before, mut opened, mut meant) = (None, 0, vec![]);
    while opened < MAX_OPENED {
        let rows = data_requests::page(&service.views, &filter, before, PAGE).await?;
        let Some(last) = rows.last() else { break };
        before = Some(last.listed_at);
        opened += rows.len();
        for row in rows {
            if find(service, &row.id).await?.is_some_and(|asked| is_meant(&asked.customer)) {
                meant.push(row);
            }
        }
    }
    Ok(meant)
}

/// Erases whom these requests name, and answers how many named anybody still. `actor` says for each account who asked.
pub(crate) async fn erase(
    service: &Service,
    requests: &[DataRequestRow],
    actor: impl Fn(&str) -> Actor,
) -> Result<usize, ErasureError> {
    let mut erased = 0;
    for row in requests {
        erased += usize::from(erase_notice(service, &row.id, &actor(&row.account_id)).await?);
    }
    Ok(erased)
}

/// Erases whom a notice names; false where it names nobody any more.
pub(crate) async fn erase_notice(
    service: &Service,
    id: &str,
    actor: &Actor,
) -> Result<bool, CommandError<NoticeRefusal>> {
    let done = service.log.execute::<Notice>(id, NoticeCommand::ErasePersonalData, actor).await?;
    if let Some(position) = done.position {
        service.traces.left_by(position);
    }
    Ok(!done.events.is_empty())
}
