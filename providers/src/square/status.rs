//! The statuses of Square's orders, as we name them.

pub(super) const DRAFT: &str = "draft";
/// Not paid, or not whole.
pub(super) const OPEN: &str = "open";
/// Nothing is due any more, and the seller has not finished with it.
pub(super) const PAID: &str = "paid";
pub(super) const COMPLETED: &str = "completed";
pub(super) const CANCELED: &str = "canceled";
/// All of it was returned.
pub(super) const REFUNDED: &str = "refunded";

/// The status that a `state` is by itself. None of an open order, which may be paid or not, and of what is new to us.
pub(super) fn of_state(state: &str) -> Option<&'static str> {
    match state {
        "DRAFT" => Some(DRAFT),
        "COMPLETED" => Some(COMPLETED),
        "CANCELED" => Some(CANCELED),
        _ => None,
    }
}
