//! What a webhook of BigCommerce means: its scope says what happened, and its data to what.

#[cfg(test)]
mod tests;

use domain::notice::NoticeKind;
use serde::Deserialize;

use super::status;
use crate::scalar::Scalar;
use crate::shape::Object;
use crate::{Malformed, Parsed, ThinOrder, body, header};

const CREATED: &str = "store/order/created";

/// After which an order may be another one than before. Messages, metafields and transactions say nothing of what was bought.
const ABOUT_ORDERS: [&str; 5] =
    [CREATED, "store/order/updated", "store/order/archived", "store/order/statusupdated", "store/order/refund/created"];

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Body<'a> {
    scope: Scalar<'a>,
    hash: Scalar<'a>,
    /// Seconds since 1970.
    created_at: Scalar<'a>,
    /// A list where many records changed at once, which orders never do.
    data: Object<Data<'a>>,
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

fn parsed(body: &[u8]) -> Option<Body<'_>> {
    body::read::<Object<Body>>(body::text(body).ok()?).ok()?.object()
}

pub(super) fn read(json: &str) -> Result<Parsed, Malformed> {
    let not_an_order = Ok(Parsed::Notice(NoticeKind::NotAnOrder));
    let Some(body) = body::read::<Object<Body>>(json)?.object() else { return not_an_order };
    // Some documented scopes end in a slash.
    let scope = body.scope.text().unwrap_or_default().trim_end_matches('/').to_ascii_lowercase();
    if !ABOUT_ORDERS.contains(&scope.as_str()) {
        return not_an_order;
    }
    let data = body.data.object().unwrap_or_default();
    let order_id = match data.order_id.order_id("data.order_id")? {
        Some(order_id) => Some(order_id),
        None => data.id.order_id("data.id")?,
    };
    let Some(order_id) = order_id else {
        // A new order that nobody reads would be lost without a trace.
        return if scope == CREATED { Err(data.id.no_text("data.id")) } else { not_an_order };
    };
    let new_status = data.status.object().and_then(|change| status::of_id(change.new_status_id));
    Ok(Parsed::ThinOrder(ThinOrder {
        order_id,
        order_status: new_status.map(str::to_owned),
        changed_at: body.created_at.unix_seconds(),
    }))
}
