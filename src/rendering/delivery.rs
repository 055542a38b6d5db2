//! Where a delivery stood when an event happened to it, as subscribers get it.

use commerce::payload::delivery::{Delivery, DeliveryItem};
use commerce::{CommerceEventType as Type, Payload};
use domain::delivery::OrderLine;
use event_log::recorded::Recorded;
use projections::delivery_log::{self, DeliveryRow};

/// `story` is the delivery's stream up to the event. None where the event is none of a delivery.
pub(super) fn payload(event_type: Type, session_id: Option<&str>, id: &str, story: &[Recorded]) -> Option<Payload> {
    let row = delivery_log::folded(story, id)?;
    let delivery = Delivery { session_id: session_id.map(str::to_owned), ..delivery(&row)? };
    let payloads = [Payload::DeliveryCompleted, Payload::DeliveryActionRequired, Payload::DeliveryFailed];
    let mut payloads = payloads.into_iter().map(|payload| payload(delivery.clone()));
    payloads.find(|payload| payload.event_type() == event_type)
}

fn delivery(row: &DeliveryRow) -> Option<Delivery> {
    let code = row.resolution_code();
    Some(Delivery {
        delivery_id: row.id.parse().ok()?,
        order_id: row.order_id.clone(),
        order_number: row.order_number.clone(),
        session_id: None,
        status: row.status(),
        resolution_code: code,
        resolution: code.map(|code| code.advice().to_owned()),
        items: row.summary().lines.current.iter().map(|line| item(row, line)).collect(),
    })
}

fn item(row: &DeliveryRow, OrderLine { item, planned }: &OrderLine) -> DeliveryItem {
    let asset = planned.iter().flatten().map(|planned| &planned.asset).next();
    let shared = asset.and_then(|asset| row.shared().find(|(shared, _)| shared.asset == *asset));
    DeliveryItem {
        sku: item.sku.clone(),
        title: item.title.clone(),
        quantity: item.quantity,
        asset: asset.map(ToString::to_string),
        shared_at: shared.and_then(|(_, at)| chrono::DateTime::from_timestamp_micros(at)),
    }
}
