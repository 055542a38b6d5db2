//! Why a delivery is where it is, in the vocabulary of the source documents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr, VariantNames};

use crate::delivery::{CortexCall, CortexOperation};

/// The reason behind a status that is not plain success (store integrations document, "Failure resolution codes").
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    JsonSchema,
    EnumIter,
    EnumString,
    IntoStaticStr,
    VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ResolutionCode {
    MissingUsername,
    InvalidUsername,
    MissingCredentials,
    InactiveApiKey,
    CreditsExhausted,
    NoItemMapping,
    /// A mapped asset does not exist on Cortex Cloud, or is not the account's to share.
    AssetNotFound,
    /// The integration is deactivated.
    IntegrationInactive,
    OrderStatusFiltered,
    NdspWaiting,
    TemporaryFailure,
    /// The order cannot be fetched at its store, which is down or does not respond with it.
    StoreUnavailable,
    /// No access to the store's API is saved, or the store does not take it any more.
    StoreAccessMissing,
    Duplicate,
    Unknown,
}

impl ResolutionCode {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    /// Whether it is about the API of the store, where thin webhooks have orders fetched.
    pub fn is_of_store(self) -> bool {
        matches!(self, Self::StoreUnavailable | Self::StoreAccessMissing)
    }

    /// What to do about it, in a sentence a merchant understands.
    pub fn advice(self) -> &'static str {
        self.advice_after(None)
    }

    /// What the merchant does about a delivery that was given up for this.
    pub fn advice_once_given_up(self, call: Option<&CortexCall>) -> &'static str {
        if self == Self::StoreUnavailable {
            "The store could not be read for the order for seven days. Retry once it can."
        } else if self == Self::NdspWaiting {
            "The customer has not followed back on Cortex Cloud for thirty days. Retry once they do."
        } else {
            self.advice_after(call)
        }
    }

    /// What to do about a change of an order that could not be read at its store for this, while its delivery waits for something
    /// else or for nothing.
    pub fn advice_for_unread(self, is_given_up: bool) -> &'static str {
        match (self, is_given_up) {
            (Self::StoreAccessMissing, _) => {
                "Save an access token that works for the integration; the change is then read by itself."
            }
            (_, false) => "It is tried again by itself.",
            (_, true) => "Retry the delivery once the store can be read.",
        }
    }

    /// What to do about it, where it is known which call to Cortex Cloud found it out.
    pub fn advice_after(self, call: Option<&CortexCall>) -> &'static str {
        match self {
            Self::MissingUsername => {
                "The order names no Cortex Cloud username. Ask the customer for it and retry with the username."
            }
            Self::InvalidUsername => {
                "Cortex Cloud knows no such user. Ask the customer for the right username and retry with it."
            }
            Self::MissingCredentials if call.is_some_and(|call| call.operation == CortexOperation::Login) => {
                "Cortex Cloud does not accept the saved e-mail and password. Save the right ones; the delivery then goes on by itself."
            }
            Self::MissingCredentials => {
                "No working Cortex Cloud login is saved. Save your e-mail and password; the delivery then goes on by itself."
            }
            Self::InactiveApiKey => {
                "The webhook named an API key that is not active. Give your store an active key, then retry."
            }
            Self::CreditsExhausted => {
                "The account has too few credits for the next paid action. Add credits; the delivery then goes on by itself."
            }
            Self::NoItemMapping => {
                "No product of the order is mapped to a preset or capture, or it names none yet. Add a mapping; the delivery goes on by itself then, and when the store names what was bought."
            }
            Self::AssetNotFound => {
                "A mapped preset or capture is not on Cortex Cloud, or not this login's to share. Correct the mapping; the delivery then goes on by itself."
            }
            Self::IntegrationInactive => {
                "The integration is deactivated. Activate it; the delivery then goes on by itself."
            }
            Self::OrderStatusFiltered => {
                "The order's status is not one that is delivered. It is delivered once the store reports one that is; drafts and failed, voided or expired orders never are."
            }
            Self::NdspWaiting => {
                "Waiting for the customer to follow you back on Cortex Cloud. It is tried again by itself."
            }
            Self::TemporaryFailure => {
                "Cortex Cloud could not be reached or had a problem. It is tried again by itself, or retry it now."
            }
            Self::StoreUnavailable => {
                "The store could not be read for the order. It is tried again by itself, or retry it now."
            }
            Self::StoreAccessMissing => {
                "The order has to be read at the store, and no access token that works is saved. Save one for the integration; the delivery then goes on by itself."
            }
            Self::Duplicate => "The order was already accepted; nothing needs to be done.",
            Self::Unknown => {
                "The delivery could not be classified safely. Look at its timeline, then retry or cancel it."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator as _;

    use super::*;

    #[test]
    fn every_code_is_read_as_it_is_written() {
        for code in ResolutionCode::iter() {
            assert_eq!(ResolutionCode::parse(code.as_str()), Some(code));
        }
        assert_eq!(ResolutionCode::parse("DUPLICATE"), None);
    }
}
