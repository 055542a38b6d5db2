//! The statuses of BigCommerce's orders.

use domain::resource::Refunded;

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

/// Those of an order that was paid, be it given back since. Not those that wait for a payment or had none, nor
/// `manual_verification_required` and `disputed`, which say nothing of it: the status before them did.
const PAID: [&str; 8] = [
    "awaiting_fulfillment",
    "awaiting_shipment",
    "awaiting_pickup",
    "partially_shipped",
    "shipped",
    "completed",
    "partially_refunded",
    "refunded",
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

pub(super) fn is_paid(name: &str) -> bool {
    PAID.contains(&name)
}

/// Whether the store took the order back, which is not that it was refunded.
pub(super) fn is_taken_back(name: &str) -> bool {
    is_cancelled(name) && name != "refunded"
}

pub(super) fn refunded(name: &str) -> Refunded {
    match name {
        "refunded" => Refunded::Full,
        "partially_refunded" => Refunded::Partial,
        _ => Refunded::None,
    }
}

fn snake_case(words: &str) -> Option<String> {
    let lower = words.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    (!words.is_empty()).then(|| words.join("_"))
}
