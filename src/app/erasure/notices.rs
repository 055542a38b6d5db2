//! Bodies of webhooks that are about no order: customers, checkouts, carts, unreadable orders, what stores asked by law; and events
//! that programs of the account published.
//! They may name anybody, and are erased with whom they name.

use std::collections::{BTreeSet, HashSet};

use domain::notice::{Notice, NoticeCommand, NoticeKind, NoticeRefusal};
use domain::publication::{Publication, PublicationCommand, PublicationRefusal};
use projections::delivery_log::DeliveryRow;
use projections::delivery_log::personal::Subject;
use projections::notices::{self, Filter, KeptNotice, PUBLICATION};

use super::{Erasure, ErasureError, Named};
use crate::app::log_and_views::VIEWS_TIMEOUT;
use event_log::stream::Loaded;
use event_log::{CommandError, LoadError, Origin, Position};

const PAGE: i64 = 200;

/// How many bodies match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NoticeCounts {
    /// Stores' questions what is known of a customer.
    pub(crate) data_requests: usize,
    /// Events that programs of the account published.
    pub(crate) published_events: usize,
    pub(crate) others: usize,
}

impl NoticeCounts {
    pub(crate) fn of(rows: &[KeptNotice]) -> Self {
        let data_requests = rows.iter().filter(|row| is_data_request(row)).count();
        let published_events = rows.iter().filter(|row| row.kind == PUBLICATION).count();
        Self { data_requests, published_events, others: rows.len() - data_requests - published_events }
    }
}

pub(crate) fn is_data_request(row: &KeptNotice) -> bool {
    row.kind == NoticeKind::CustomerDataRequest.as_str()
}

/// Those that name a customer or an order which a person requests to erase. An order that could be read is none of them; the
/// `deliveries` are those erased with it.
pub(crate) async fn naming(
    erasure: &Erasure,
    named: &Named,
    subject: &Subject,
    deliveries: &[DeliveryRow],
    limit: i64,
) -> Result<Vec<KeptNotice>, ErasureError> {
    let mut filter = naming_customer(subject);
    if let Named::Order(order) = named {
        let orders = deliveries.iter().map(|row| &row.order_id).chain([order]);
        let index = erasure.data.log.blind_index();
        filter.customer =
            Some(index.map_or(vec![], |index| orders.flat_map(|order| index.tokens_of_order(order)).collect()));
    }
    wait_for_view(erasure).await?;
    let views = &erasure.data.views;
    let mut found = notices::page(views, &filter, Position::START, limit).await?;
    let orders = tokens_of_orders(erasure, &found).await?;
    if !orders.is_empty() {
        let known: HashSet<String> = found.iter().map(|row| row.id.clone()).collect();
        let naming_orders = Filter { customer: Some(orders), known_as: vec![], ..filter };
        let more = notices::page(views, &naming_orders, Position::START, limit).await?;
        found.extend(more.into_iter().filter(|row| !known.contains(&row.id)));
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    Ok(found)
}

/// What the orders are known by that these are about. A later webhook of one may only name it, and says whose it is once the
/// order is read at its store.
async fn tokens_of_orders(erasure: &Erasure, rows: &[KeptNotice]) -> Result<Vec<String>, ErasureError> {
    let Some(index) = erasure.data.log.blind_index() else { return Ok(vec![]) };
    let mut orders = BTreeSet::new();
    for row in rows.iter().filter(|row| row.kind == NoticeKind::Commerce.as_str()) {
        match erasure.data.log.load::<Notice>(&row.id).await {
            Ok(Loaded { aggregate: Notice::Received(received, _) | Notice::Erased(received, _), .. }) => {
                orders.extend(received.order_id);
            }
            // It keeps none of the others.
            Ok(Loaded { aggregate: Notice::Initial, .. }) | Err(LoadError::Unreadable { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(orders.iter().flat_map(|order| index.tokens_of_order(order)).collect())
}

/// What names the customer of a subject.
pub(crate) fn naming_customer(subject: &Subject) -> Filter {
    Filter {
        customer: Some(subject.customer.clone().unwrap_or_default()),
        known_as: subject.known_as.clone(),
        account_id: subject.account_id.clone(),
        integration_id: subject.integration_id.clone(),
        received_until: None,
    }
}

/// Erases these, and returns how many still had their bodies. One that cannot be read keeps none of the others. `origin`
/// says for each account who asked.
pub(crate) async fn erase(
    erasure: &Erasure,
    rows: &[KeptNotice],
    origin: impl Fn(&str) -> Origin,
) -> Result<usize, ErasureError> {
    let (mut erased, mut broken) = (0, None);
    for row in rows {
        let origin = origin(&row.account_id);
        let done = if row.kind == PUBLICATION {
            erase_publication(erasure, &row.id, origin).await.map_err(ErasureError::from)
        } else {
            erase_one(erasure, &row.id, origin).await.map_err(ErasureError::from)
        };
        match done {
            Ok(held) => erased += usize::from(held),
            Err(
                error @ (ErasureError::Notice(CommandError::Broken { .. })
                | ErasureError::Publication(CommandError::Broken { .. })),
            ) => broken = Some(error),
            Err(error) => return Err(error),
        }
    }
    broken.map_or(Ok(erased), Err)
}

/// Erases all that a filter means and `keep` does not, some at a time, and returns how many.
pub(crate) async fn erase_all(
    erasure: &Erasure,
    filter: &Filter,
    origin: &Origin,
    keep: impl Fn(&KeptNotice) -> bool,
) -> Result<usize, ErasureError> {
    wait_for_view(erasure).await?;
    let (mut after, mut erased) = (Position::START, 0);
    loop {
        let mut rows = notices::page(&erasure.data.views, filter, after, PAGE).await?;
        let Some(last) = rows.last() else { return Ok(erased) };
        after = last.listed_at;
        rows.retain(|row| !keep(row));
        erasure.data.log.yield_to_webhooks().await;
        erased += erase(erasure, &rows, |_| origin.clone()).await?;
    }
}

/// Erases the body of a notice; false where it was erased before.
pub(crate) async fn erase_one(
    erasure: &Erasure,
    id: &str,
    origin: Origin,
) -> Result<bool, CommandError<NoticeRefusal>> {
    let done = erasure.data.log.execute::<Notice>(id, NoticeCommand::ErasePersonalData, origin).await?;
    if let Some(position) = done.position {
        erasure.traces.left_by(position);
    }
    Ok(!done.events.is_empty())
}

/// Erases what an event says that a program of the account published; false where it was erased before.
async fn erase_publication(
    erasure: &Erasure,
    id: &str,
    origin: Origin,
) -> Result<bool, CommandError<PublicationRefusal>> {
    let done = erasure.data.log.execute::<Publication>(id, PublicationCommand::ErasePersonalData, origin).await?;
    if let Some(position) = done.position {
        erasure.traces.left_by(position);
    }
    Ok(!done.events.is_empty())
}

async fn wait_for_view(erasure: &Erasure) -> Result<(), ErasureError> {
    let newest = erasure.data.log.newest().await?;
    let is_current = erasure.data.projector.wait_for(&[notices::VIEW], newest, VIEWS_TIMEOUT).await;
    if is_current { Ok(()) } else { Err(ErasureError::ViewsBehind) }
}
