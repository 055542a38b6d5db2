//! What a webhook of BigCommerce means: its scope says what happened, and its data to what.

#[cfg(test)]
mod tests;

use domain::notice::NoticeKind;
use domain::resource::{Happened, Refunded};
use serde::Deserialize;

use super::status;
use crate::sale::{Reading, ThinReport};
use crate::scalar::Scalar;
use crate::shape::Object;
use crate::{Malformed, Parsed, ThinOrder, body, header};

const CREATED: &str = "store/order/created";

/// How a merchant deletes an order. It can be taken out of the archive again, which no webhook says, so that it is a
/// cancellation and no deletion.
const ARCHIVED: &str = "store/order/archived";

/// At least some of an order was paid back.
const REFUNDED: &str = "store/order/refund/created";

/// After which an order may be another one than before. Messages, metafields and transactions say nothing of what was bought.
const ABOUT_ORDERS: [&str; 5] = [CREATED, "store/order/updated", ARCHIVED, "store/order/statusupdated", REFUNDED];

/// A webhook, of which `T` is the data.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a, T: Default + Deserialize<'de>"))]
pub(super) struct Body<'a, T> {
    scope: Scalar<'a>,
    hash: Scalar<'a>,
    /// Seconds since 1970.
    pub(super) created_at: Scalar<'a>,
    /// A list where many records changed at once, which orders never do.
    pub(super) data: Object<T>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Data<'a> {
    /// Of what the scope is about: also of a refund's webhook, that of the order.
    id: Scalar<'a>,
    order_id: Scalar<'a>,
    status: Object<StatusChange<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct StatusChange<'a> {
    new_status_id: Scalar<'a>,
}

/// What the body says that happened. Nothing is believed of it before its signature is verified.
pub(super) fn scope(body: &[u8]) -> Option<String> {
    header::kept(&parsed(body)?.scope.text()?)
}

pub(super) fn hash(body: &[u8]) -> Option<String> {
    header::kept(&parsed(body)?.hash.text()?)
}

fn parsed(body: &[u8]) -> Option<Body<'_, Data<'_>>> {
    body::read::<Object<Body<_>>>(body::text(body).ok()?).ok()?.object()
}

impl<T> Body<'_, T> {
    /// The scope as it is compared: some documented scopes end in a slash.
    pub(super) fn scope(&self) -> String {
        self.scope.text().unwrap_or_default().trim_end_matches('/').to_ascii_lowercase()
    }
}

pub(super) fn read(json: &str) -> Result<Reading, Malformed> {
    let not_an_order = Ok(Reading::Other(Parsed::Notice(NoticeKind::NotAnOrder)));
    let Some(body) = body::read::<Object<Body<Data>>>(json)?.object() else { return not_an_order };
    let scope = body.scope();
    if !ABOUT_ORDERS.contains(&scope.as_str()) {
        return not_an_order;
    }
    let data = body.data.object().unwrap_or_default();
    let order_id = match data.order_id.order_id("data.order_id")? {
        Some(order_id) => Some(order_id),
        None => data.id.order_id("data.id")?,
    };
    let Some(order_id) = order_id else {
        // A new order that is not read would be lost without a trace.
        return if scope == CREATED { Err(data.id.no_text("data.id")) } else { not_an_order };
    };
    let new_status = data.status.object().and_then(|change| status::of_id(change.new_status_id));
    Ok(Reading::Thin(ThinReport {
        order: ThinOrder {
            order_id,
            order_status: new_status.map(str::to_owned),
            changed_at: body.created_at.unix_seconds(),
        },
        happened: if scope == CREATED { Happened::Created } else { Happened::Updated },
        // The webhook's id is signed, and is a header.
        event_id: None,
        version: None,
        paid: new_status.is_some_and(status::is_paid),
        cancelled: scope == ARCHIVED || new_status.is_some_and(status::is_taken_back),
        refunded: match new_status {
            Some(status) => status::refunded(status),
            None if scope == REFUNDED => Refunded::Partial,
            None => Refunded::None,
        },
    }))
}
