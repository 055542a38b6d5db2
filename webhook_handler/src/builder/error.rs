//! Why settings make no handler, and what to do about it.

use commerce::InvalidSecret;

use super::{MAX_ATTEMPTS, MAX_LIMIT};
use crate::sender::{MAX_SECRETS, Sender};

/// Why there is no such handler.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Every webhook would be refused.
    #[error("the handler has no secret: give it shopify_secret, square or gateway_secret")]
    NoSender,
    /// Every webhook would be ignored.
    #[error("the handler has no callback: give it on_inventory_change, on_order_complete or on_product_change")]
    NoCallback,
    /// Anyone can sign with it.
    #[error("the secret of {0} is empty: copy it from where {0} shows it")]
    EmptySecret(Sender),
    /// It is none of Standard Webhooks.
    #[error("the gateway's secret cannot be used: {0}")]
    InvalidGatewaySecret(InvalidSecret),
    /// More than 16.
    #[error("{0} has more than {MAX_SECRETS} secrets: leave out those that it signs with no more")]
    TooManySecrets(Sender),
    /// It is no address, so it cannot be what Square signs.
    #[error(
        "the notification URL of Square must be the one of its subscription, to the letter, with https:// and its path"
    )]
    InvalidAddress,
    /// It is no ISO 4217 code.
    #[error("the currency of Shopify's prices must be a code such as EUR")]
    InvalidCurrency,
    /// It does not begin with `/`, or has more than a path.
    #[error("the path must begin with / and have no query")]
    InvalidPath,
    /// It is zero, or more than it may be.
    #[error("{0} must be at least one, and at most {MAX_LIMIT} ({MAX_ATTEMPTS} attempts for retry_after)")]
    OutOfRange(&'static str),
    /// The callbacks need one to run on.
    #[error("the handler must be built within a tokio runtime")]
    NoRuntime,
}
