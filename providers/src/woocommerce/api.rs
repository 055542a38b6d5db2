//! WooCommerce's REST API, which is at the shop itself. Who calls it has a pair of keys.
//!
//! <https://woocommerce.github.io/woocommerce-rest-api-docs/#authentication-over-https>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::catalogue::Products;
use super::hooks::Hooks;
use super::order_list::OrderLists;
use crate::catalogue_api::CatalogueApi;
use crate::order_list_api::OrderListApi;
use crate::store_api::{StoreAccess, StoreApi};
use crate::subscription_api::SubscriptionApi;

/// Longest address of a shop, in characters.
const MAX_ADDRESS_CHARS: usize = 300;

pub(super) struct Api;

impl StoreApi for Api {
    /// Each shop has its own.
    fn address(&self) -> &'static str {
        "{store}"
    }

    /// The token is both keys, with a colon between them.
    fn headers(&self, token: &str) -> Vec<(&'static str, String)> {
        vec![("authorization", format!("Basic {}", STANDARD.encode(token))), ("accept", "application/json".to_owned())]
    }

    fn store(&self, entered: Option<&str>) -> Result<Option<String>, &'static str> {
        entered.and_then(site).map(Some).ok_or("enter the address of the shop, such as https://shop.example")
    }

    fn access(&self) -> &'static StoreAccess {
        &StoreAccess {
            prompt: "The keys of WooCommerce's REST API, as ck_…:cs_…",
            instructions: "With a pair of keys this service makes the webhooks of the shop itself, and has them go on where the shop \
                           has stopped them. WooCommerce → Settings → Advanced → REST API → Add key, with the permission \
                           Read/Write, shows both once; enter them with a colon between them.",
            needs_store: true,
        }
    }

    fn catalogue(&self) -> Option<&'static dyn CatalogueApi> {
        Some(&Products)
    }

    fn order_lists(&self) -> Option<&'static dyn OrderListApi> {
        Some(&OrderLists)
    }

    fn subscriptions(&self) -> Option<&'static dyn SubscriptionApi> {
        Some(&Hooks)
    }
}

/// The address of a shop, without a slash at its end: with its folder, where `WordPress` is in one. What it leads to is judged where it
/// is called.
fn site(entered: &str) -> Option<String> {
    let entered = entered.trim();
    let (scheme, rest) = entered.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let rest = rest.split(['?', '#']).next()?.trim_end_matches('/');
    let rest = rest.split("/wp-admin").next()?.split("/wp-json").next()?;
    let is_plain = rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"@\\{}\"<>".contains(&byte));
    let is_site = ["https", "http"].contains(&scheme.as_str()) && !rest.is_empty() && is_plain;
    (is_site && entered.len() <= MAX_ADDRESS_CHARS).then(|| format!("{scheme}://{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_is_known_by_its_address() {
        for (entered, site) in [
            ("https://shop.example", "https://shop.example"),
            (" HTTPS://shop.example/shop/ ", "https://shop.example/shop"),
            ("https://shop.example/wp-admin/admin.php?page=wc-settings", "https://shop.example"),
            ("https://shop.example/wp-json/wc/v3", "https://shop.example"),
            ("http://127.0.0.1:4010/woocommerce/shop", "http://127.0.0.1:4010/woocommerce/shop"),
        ] {
            assert_eq!(Api.store(Some(entered)), Ok(Some(site.to_owned())), "{entered}");
        }
        for entered in
            ["", "shop.example", "ftp://shop.example", "https://", "https://user:pass@shop.example", "https://a b"]
        {
            assert!(Api.store(Some(entered)).is_err(), "{entered}");
        }
    }

    #[test]
    fn keys_are_sent_as_basic_authentication() {
        let headers = Api.headers("ck_1:cs_2");
        assert_eq!(headers[0], ("authorization", "Basic Y2tfMTpjc18y".to_owned()));
    }
}
