//! The store platforms, a file each: how one signs, what its webhooks mean, and how a merchant connects it.
//!
//! Nothing here does I/O. The service and an embedded handler both call it: `verify` before anything of a webhook is
//! believed, then `interpret`, and for an order that a webhook only names, the steps of the platform's [`OrderApi`]. What a
//! platform is stands in its file, as its [`Platform`]; the list of them is [`of`]. To add one: its name in
//! `domain::integration::Provider` with the rules that the domain reads, its file here, and its line in [`of`]. The compiler
//! and the tests in `definitions.rs` say what is missing.

mod attributes;
mod bigcommerce;
mod body;
mod catalogue_api;
#[cfg(test)]
mod definitions;
mod generic;
pub mod header;
mod malformed;
mod oauth;
mod order;
mod order_api;
mod order_list_api;
mod platform;
mod privacy;
#[cfg(test)]
mod properties;
mod report;
mod sale;
mod sample;
mod scalar;
mod session;
mod shape;
mod shopify;
#[cfg(test)]
mod signatures;
mod square;
mod store_api;
mod subscription_api;
#[cfg(test)]
mod tests;
pub mod username;
mod woocommerce;

use domain::integration::Provider;
use strum::IntoEnumIterator as _;

pub use catalogue_api::{CatalogueApi, CataloguePart};
pub use malformed::Malformed;
pub use oauth::{App, Authorize, Callback, CallbackRefusal, MAX_CALLBACK_BYTES, OAuth, Query};
pub use order::{Parsed, StoreCustomer, StoreOrder, ThinOrder};
pub use order_api::{OrderApi, OrderReference, OrderStep};
pub use order_list_api::{ListedOrder, OrderListApi, OrderPage, WebhookStep};
pub use platform::{Outgoing, OwnSecret, Platform, Received};
pub use privacy::PrivacyRequest;
pub use report::{CatalogChange, StoreReport};
pub use sample::{Example, Happened, Product, Purchase, Sample};
pub use signing::SignatureRefusal;
pub use store_api::{ApiRequest, ApiResponse, Standing, StoreAccess, StoreApi};
pub use subscription_api::{
    Created, NewSubscription, Subscription, SubscriptionApi, SubscriptionPage, SubscriptionRefusal,
};

/// What a platform is: one line for each.
pub fn of(provider: Provider) -> &'static dyn Platform {
    match provider {
        Provider::Shopify => &shopify::Shopify,
        Provider::WooCommerce => &woocommerce::WooCommerce,
        Provider::BigCommerce => &bigcommerce::BigCommerce,
        Provider::Square => &square::Square,
        Provider::Generic => &generic::Generic,
    }
}

/// Every platform, in the order of their names in the domain.
pub fn all() -> impl Iterator<Item = &'static dyn Platform> {
    Provider::iter().map(of)
}
