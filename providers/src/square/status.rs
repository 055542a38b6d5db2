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

/// The status that a `state` is by itself, in lower case as ours are, also one that is new to us. None of an open order, which
/// may be paid or not.
pub(super) fn of_state(state: &str) -> Option<String> {
    (state != "OPEN").then(|| state.to_ascii_lowercase())
}
