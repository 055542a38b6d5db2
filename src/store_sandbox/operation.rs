//! What can be read of the stores: the names by which reads are counted, held and made to fail.

use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoStaticStr};

use super::platform::Platform;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, EnumIter, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Operation {
    /// `POST /shopify/{shop}/admin/oauth/access_token`
    ShopifyToken,
    /// Listing the webhooks of an app.
    ShopifySubscriptions,
    /// Making or deleting one of them.
    ShopifySubscribe,
    /// Listing orders.
    ShopifyOrders,
    /// Reading one.
    ShopifyOrder,
    /// Listing products and collections.
    ShopifyProducts,
    /// Everything else of the GraphQL Admin API.
    ShopifyOther,
    /// `POST /bigcommerce-login/oauth2/token`
    #[serde(rename = "bigcommerce_token")]
    #[strum(serialize = "bigcommerce_token")]
    BigCommerceToken,
    /// `/stores/{hash}/v3/hooks` and below, whatever is done there
    #[serde(rename = "bigcommerce_hooks")]
    #[strum(serialize = "bigcommerce_hooks")]
    BigCommerceHooks,
    /// `GET /stores/{hash}/v2/orders`
    #[serde(rename = "bigcommerce_orders")]
    #[strum(serialize = "bigcommerce_orders")]
    BigCommerceOrders,
    /// `GET /stores/{hash}/v2/orders/{id}`
    #[serde(rename = "bigcommerce_order")]
    #[strum(serialize = "bigcommerce_order")]
    BigCommerceOrder,
    /// `GET /stores/{hash}/v2/orders/{id}/products`
    #[serde(rename = "bigcommerce_products")]
    #[strum(serialize = "bigcommerce_products")]
    BigCommerceProducts,
    /// `GET /stores/{hash}/v3/catalog/products` and `…/categories`
    #[serde(rename = "bigcommerce_catalog")]
    #[strum(serialize = "bigcommerce_catalog")]
    BigCommerceCatalog,
    /// `POST /oauth2/token`
    SquareToken,
    /// `POST /oauth2/token/status`
    SquareTokenStatus,
    /// `GET /v2/locations`
    SquareLocations,
    /// `POST /v2/orders/search`
    SquareOrders,
    /// `GET /v2/catalog/list`
    SquareCatalog,
    /// `GET /v2/orders/{id}`
    SquareOrder,
    /// `/woocommerce/{shop}/wp-json/wc/v3/webhooks` and below, whatever is done there
    #[serde(rename = "woocommerce_webhooks")]
    #[strum(serialize = "woocommerce_webhooks")]
    WooCommerceWebhooks,
    /// `GET …/orders`
    #[serde(rename = "woocommerce_orders")]
    #[strum(serialize = "woocommerce_orders")]
    WooCommerceOrders,
    /// `GET …/orders/{id}`
    #[serde(rename = "woocommerce_order")]
    #[strum(serialize = "woocommerce_order")]
    WooCommerceOrder,
    /// `GET …/products`
    #[serde(rename = "woocommerce_products")]
    #[strum(serialize = "woocommerce_products")]
    WooCommerceProducts,
}

impl Operation {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    pub(super) fn platform(self) -> Platform {
        match self {
            Self::ShopifyToken
            | Self::ShopifySubscriptions
            | Self::ShopifySubscribe
            | Self::ShopifyOrders
            | Self::ShopifyOrder
            | Self::ShopifyProducts
            | Self::ShopifyOther => Platform::Shopify,
            Self::BigCommerceToken
            | Self::BigCommerceHooks
            | Self::BigCommerceOrders
            | Self::BigCommerceOrder
            | Self::BigCommerceCatalog
            | Self::BigCommerceProducts => Platform::BigCommerce,
            Self::SquareToken
            | Self::SquareTokenStatus
            | Self::SquareLocations
            | Self::SquareOrders
            | Self::SquareCatalog
            | Self::SquareOrder => Platform::Square,
            Self::WooCommerceWebhooks
            | Self::WooCommerceOrders
            | Self::WooCommerceOrder
            | Self::WooCommerceProducts => Platform::WooCommerce,
        }
    }
}
