//! The enumerations of the API, and the domain's words for them.

use async_graphql::Enum;

#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "domain::integration::Provider")]
pub(super) enum Provider {
    Shopify,
    #[graphql(name = "WOOCOMMERCE")]
    WooCommerce,
    #[graphql(name = "BIGCOMMERCE")]
    BigCommerce,
    Square,
    Generic,
}

#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "domain::MatchType")]
pub(super) enum MatchType {
    Title,
    ProductId,
    Sku,
    VariantId,
}

#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "domain::ResourceType")]
pub(super) enum ResourceType {
    Preset,
    Capture,
}

#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "domain::integration::Purpose")]
pub(super) enum IntegrationPurpose {
    /// What is ordered is delivered.
    Delivers,
    /// What happens in the store is published as commerce events; orders are not delivered.
    Publishes,
    Both,
}

#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "domain::delivery::DeliveryStatus")]
pub(super) enum DeliveryStatus {
    Queued,
    Running,
    RetryScheduled,
    ActionRequired,
    Completed,
    FailedPermanent,
    Cancelled,
    Duplicate,
}

#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "domain::dispatch::DispatchStatus")]
pub(super) enum DispatchStatus {
    /// It was not sent yet.
    Queued,
    Delivered,
    /// An attempt failed, and another is to come.
    Retrying,
    /// Its attempts are used up: it is sent again when it is redriven.
    DeadLetter,
    /// It is not sent any more, and was not delivered.
    Skipped,
}

#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "domain::ResolutionCode")]
pub(super) enum ResolutionCode {
    MissingUsername,
    InvalidUsername,
    MissingCredentials,
    InactiveApiKey,
    CreditsExhausted,
    NoItemMapping,
    /// A mapped asset is not on Cortex Cloud.
    AssetNotFound,
    IntegrationInactive,
    OrderStatusFiltered,
    NdspWaiting,
    TemporaryFailure,
    /// The order cannot be read at its store, which is down or does not respond with it.
    StoreUnavailable,
    /// No access to the store's API is saved, or the store does not take it any more.
    StoreAccessMissing,
    Duplicate,
    Unknown,
}

#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "domain::account::Role")]
pub(super) enum Role {
    /// Reads and changes its own account.
    Merchant,
    /// Reads every account; may retry and cancel deliveries.
    Support,
    /// Also opens accounts, makes keys and grants credits.
    Admin,
}

#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "projections::delivery_stats::Bucket")]
pub(super) enum Bucket {
    Minute,
    Hour,
    Day,
}
