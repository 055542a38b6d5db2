//! What a webhook of Square means: its type says what happened, and its data to what.

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

/// A webhook, of which `T` is what changed.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a, T: Default + Deserialize<'de>"))]
pub(super) struct Body<'a, T> {
    #[serde(rename = "type")]
    pub(super) event_type: Scalar<'a>,
    event_id: Scalar<'a>,
    merchant_id: Scalar<'a>,
    pub(super) created_at: Scalar<'a>,
    pub(super) data: Object<Data<'a, T>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a, T: Default + Deserialize<'de>"))]
pub(super) struct Data<'a, T> {
    pub(super) id: Scalar<'a>,
    pub(super) object: Object<T>,
}

/// An order that changed, under a name of its own for each type.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Changed<'a> {
    order_created: Object<Order<'a>>,
    order_updated: Object<Order<'a>>,
    order_fulfillment_updated: Object<Order<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Order<'a> {
    order_id: Scalar<'a>,
    state: Scalar<'a>,
    created_at: Scalar<'a>,
    /// Not there in a new order.
    updated_at: Scalar<'a>,
    version: Scalar<'a>,
}

/// What the body says that happened. Nothing is believed of it before its signature is verified.
pub(super) fn event_type(body: &[u8]) -> Option<String> {
    header::kept(&parsed(body)?.event_type.text()?)
}

pub(super) fn event_id(body: &[u8]) -> Option<String> {
    parsed(body)?.event_id()
}

pub(super) fn merchant_id(body: &[u8]) -> Option<String> {
    header::kept(&parsed(body)?.merchant_id.text()?)
}

fn parsed(body: &[u8]) -> Option<Body<'_, Changed<'_>>> {
    body::read::<Object<Body<_>>>(body::text(body).ok()?).ok()?.object()
}

impl<T> Body<'_, T> {
    /// By it the same event is known again. It is signed with the body.
    pub(super) fn event_id(&self) -> Option<String> {
        header::kept(&self.event_id.text()?)
    }
}

pub(super) fn read(json: &str) -> Result<Reading, Malformed> {
    let not_an_order = Ok(Reading::Other(Parsed::Notice(NoticeKind::NotAnOrder)));
    let Some(body) = body::read::<Object<Body<Changed>>>(json)?.object() else { return not_an_order };
    let event_id = body.event_id();
    let data = body.data.object().unwrap_or_default();
    let changed = data.object.object().unwrap_or_default();
    let updated = Happened::Updated;
    let (order, field, happened) = match body.event_type.text().as_deref() {
        Some("order.created") => (changed.order_created, "data.object.order_created.order_id", Happened::Created),
        Some("order.updated") => (changed.order_updated, "data.object.order_updated.order_id", updated),
        Some("order.fulfillment.updated") => {
            (changed.order_fulfillment_updated, "data.object.order_fulfillment_updated.order_id", updated)
        }
        // Products, payments, the test of a subscription, and webhooks of the first version, which have no type.
        Some(_) | None => return not_an_order,
    };
    let order = order.object().unwrap_or_default();
    let order_id = match order.order_id.order_id(field)? {
        Some(order_id) => order_id,
        None => data.id.order_id("data.id")?.ok_or_else(|| order.order_id.no_text(field))?,
    };
    let changed_at = order.updated_at.moment().or_else(|| order.created_at.moment());
    let order_status = order.state.text().and_then(|state| status::of_state(&state));
    let has_status = |wanted: &str| order_status.as_deref() == Some(wanted);
    let (paid, cancelled) = (has_status(status::COMPLETED), has_status(status::CANCELED));
    Ok(Reading::Thin(ThinReport {
        order: ThinOrder { order_id, order_status, changed_at: changed_at.or_else(|| body.created_at.moment()) },
        happened,
        event_id,
        version: order.version.count(),
        paid,
        cancelled,
        // A refund is an order of its own.
        refunded: Refunded::None,
    }))
}
