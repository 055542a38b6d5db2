//! How an order is read at BigCommerce's V2 API: the order itself, then its products, page by page.

use std::time::Duration;

use super::catalogue::Catalogue;
use super::hooks::Hooks;
use super::oauth::Apps;
use super::order_list::OrderLists;
use super::{order, sample};
use crate::catalogue_api::CatalogueApi;
use crate::oauth::OAuth;
use crate::order_api::{OrderApi, OrderReference, OrderStep, ReadStep, path_segment};
use crate::order_list_api::OrderListApi;
use crate::sample::Purchase;
use crate::shape::MAX_ITEMS;
use crate::store_api::{ApiResponse, StoreAccess, StoreApi};
use crate::subscription_api::SubscriptionApi;
use crate::{Malformed, StoreReport};

/// Products of a page: the most that the API gives.
const PAGE: usize = 250;
/// Longer than a window of the rate limit is.
const MAX_PAUSE: Duration = Duration::from_mins(1);

pub(super) struct Api;

impl StoreApi for Api {
    fn address(&self) -> &'static str {
        "https://api.bigcommerce.com"
    }

    /// V2 gives XML to a request that does not ask for JSON.
    fn headers(&self, token: &str) -> Vec<(&'static str, String)> {
        vec![("x-auth-token", token.to_owned()), ("accept", "application/json".to_owned())]
    }

    fn store(&self, entered: Option<&str>) -> Result<Option<String>, &'static str> {
        entered.and_then(store_hash).map(|hash| Some(hash.to_owned())).ok_or(
            "enter the store hash: what follows /stores/ in the API path that BigCommerce shows with the API account, such \
             as abc123",
        )
    }

    fn access(&self) -> &'static StoreAccess {
        &StoreAccess {
            prompt: "The access token of BigCommerce's API account",
            instructions: "BigCommerce's webhooks only name an order, which is then read at the store. Settings → Store-level \
                           API accounts → Create API account, with the scope “Orders: read-only”, shows the access token \
                           once, with the client secret and the API path (https://api.bigcommerce.com/stores/STORE_HASH/v3/).",
            needs_store: true,
        }
    }

    /// `X-Rate-Limit-Requests-Left` of a window that begins again after `X-Rate-Limit-Time-Reset-Ms`
    /// (<https://docs.bigcommerce.com/developer/docs/overview/rate-limits>).
    fn pause(&self, response: &ApiResponse<'_>) -> Duration {
        let number = |name: &str| response.headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let is_used_up = number("x-rate-limit-requests-left") == Some(0) || response.status == 429;
        let reset = number("x-rate-limit-time-reset-ms").filter(|_| is_used_up);
        reset.map_or(Duration::ZERO, |ms| Duration::from_millis(ms).min(MAX_PAUSE))
    }

    fn oauth(&self) -> Option<&'static dyn OAuth> {
        Some(&Apps)
    }

    fn subscriptions(&self) -> Option<&'static dyn SubscriptionApi> {
        Some(&Hooks)
    }

    fn catalogue(&self) -> Option<&'static dyn CatalogueApi> {
        Some(&Catalogue)
    }

    fn order_lists(&self) -> Option<&'static dyn OrderListApi> {
        Some(&OrderLists)
    }

    fn orders(&self) -> Option<&'static dyn OrderApi> {
        Some(&Orders)
    }
}

pub(super) struct Orders;

impl OrderApi for Orders {
    fn next(&self, order: &OrderReference<'_>, responses: &[&[u8]]) -> Result<OrderStep, Malformed> {
        read(order, responses).map(OrderStep::from)
    }

    fn report(&self, order: &OrderReference<'_>, responses: &[&[u8]]) -> Result<Option<StoreReport>, Malformed> {
        read(order, responses).map(ReadStep::report)
    }

    fn sample_responses(&self, order: &OrderReference<'_>, purchase: &Purchase<'_>) -> Vec<Vec<u8>> {
        sample::responses(order, purchase)
    }
}

/// The next step, and at the end the order: the same for its delivery and for what is published of it.
fn read(order: &OrderReference<'_>, responses: &[&[u8]]) -> Result<ReadStep, Malformed> {
    let store = path_segment(order.store.ok_or_else(|| Malformed::missing("store hash"))?, "store hash")?;
    let id = path_segment(order.order_id, "id")?;
    let Some((head, pages)) = responses.split_first() else {
        return Ok(ReadStep::Request { path: format!("/stores/{store}/v2/orders/{id}") });
    };
    let head = order::head(head, order)?;
    let mut products = vec![];
    let mut is_last = false;
    for page in pages {
        let page = order::products(page, order)?;
        is_last = page.len() < PAGE;
        products.extend(page);
        if products.len() > MAX_ITEMS {
            return Err(Malformed::invalid("products", "must not have more than 1,000 entries"));
        }
    }
    if is_last {
        return Ok(ReadStep::Order(Box::new(head.with(order, products))));
    }
    let page = pages.len() + 1;
    Ok(ReadStep::Request { path: format!("/stores/{store}/v2/orders/{id}/products?limit={PAGE}&page={page}") })
}

/// The hash, also out of the API path that a merchant pastes whole, and of the store's permanent address.
pub(super) fn store_hash(entered: &str) -> Option<&str> {
    let entered = entered.trim();
    let after = |marker: &str| entered.split_once(marker).map(|(_, after)| after);
    let hash = match (after("/stores/").or_else(|| entered.strip_prefix("stores/")), after("//store-")) {
        (Some(path), _) => path.split(['/', '?', '#']).next()?,
        (None, Some(host)) => host.split_once(".mybigcommerce.com")?.0,
        (None, None) => entered,
    };
    let is_hash = (1..=50).contains(&hash.len()) && hash.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_hash.then_some(hash)
}
