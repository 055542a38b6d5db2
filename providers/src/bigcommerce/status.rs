//! The statuses of BigCommerce's orders.

use crate::scalar::Scalar;

/// The names of the statuses by their ids (BigCommerce's V2 orders, "Order Status"), in the spelling of ours.
const BY_ID: [&str; 15] = [
    "incomplete",
    "pending",
    "shipped",
    "partially_shipped",
    "refunded",
    "cancelled",
    "declined",
    "awaiting_payment",
    "awaiting_pickup",
    "awaiting_shipment",
    "completed",
    "awaiting_fulfillment",
    "manual_verification_required",
    "disputed",
    "partially_refunded",
];

/// Those of an order that is not to be delivered any more.
const CANCELLED: [&str; 3] = ["refunded", "cancelled", "declined"];

/// The name of a status. The id is the same whatever a merchant calls it.
pub(super) fn of_id(id: Scalar<'_>) -> Option<&'static str> {
    BY_ID.get(id.written()?.parse::<usize>().ok()?).copied()
}

pub(super) fn id_of(name: &str) -> Option<usize> {
    BY_ID.iter().position(|status| *status == name)
}

/// The status of an order: its name by the id, and of an id that is new to us, the words that the store has for it.
pub(super) fn of(id: Scalar<'_>, words: Scalar<'_>) -> Option<String> {
    of_id(id).map(str::to_owned).or_else(|| snake_case(&words.text()?))
}

pub(super) fn is_cancelled(name: &str) -> bool {
    CANCELLED.contains(&name)
}

fn snake_case(words: &str) -> Option<String> {
    let lower = words.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    (!words.is_empty()).then(|| words.join("_"))
}
