//! What becomes of webhooks, and the words for it.

use strum::IntoStaticStr;

/// What became of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    Accepted,
    /// It names an order and says nothing of it: the order is read at the store.
    Announced,
    Revised,
    Filtered,
    Duplicate,
    Stale,
    Cancelled,
    TooLate,
    NotAnOrder,
    /// What is published and not delivered.
    Commerce,
    Unusable,
    StoreError,
    CustomerDataRequest,
    CustomerRedact,
    ShopRedact,
    /// `WooCommerce` asked whether we are there.
    Ping,
    /// It said nothing new, like many before it in the hour: counted, and not kept.
    Repeated,
    /// It was not let in.
    Refused,
}

impl Outcome {
    pub(super) const RECORDED: [Self; 15] = [
        Self::Accepted,
        Self::Announced,
        Self::Revised,
        Self::Filtered,
        Self::Duplicate,
        Self::Stale,
        Self::Cancelled,
        Self::TooLate,
        Self::NotAnOrder,
        Self::Commerce,
        Self::Unusable,
        Self::StoreError,
        Self::CustomerDataRequest,
        Self::CustomerRedact,
        Self::ShopRedact,
    ];
    /// Of these the hours are counted, and no single one is kept.
    pub(super) const COUNTED: [Self; 3] = [Self::Ping, Self::Repeated, Self::Refused];

    /// As it is recorded, and in the words of the command line.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    pub(super) fn of_recorded(word: &str) -> Self {
        Self::RECORDED.into_iter().find(|outcome| outcome.as_str() == word).unwrap_or(Self::NotAnOrder)
    }

    /// Of those that are counted by the hour, by the reason why they were not let in.
    pub(super) fn of_refused(reason: &str) -> Self {
        match reason {
            "ping" => Self::Ping,
            "repeated" => Self::Repeated,
            _ => Self::Refused,
        }
    }
}

/// Every outcome, in the words of the command line.
pub fn outcomes() -> impl Iterator<Item = &'static str> {
    Outcome::RECORDED.into_iter().chain(Outcome::COUNTED).map(Outcome::as_str)
}
