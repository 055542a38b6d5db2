//! Shopify's GraphQL Admin API: how it is called, and what it says of its limit.
//!
//! <https://shopify.dev/docs/api/admin-graphql>, <https://shopify.dev/docs/api/usage/rate-limits>

use std::time::Duration;

use http::HeaderMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::catalogue::Catalogue;
use super::oauth::Apps;
use super::order_list::OrderLists;
use super::subscriptions::Webhooks;
use crate::Malformed;
use crate::catalogue_api::CatalogueApi;
use crate::oauth::OAuth;
use crate::order_list_api::OrderListApi;
use crate::store_api::{ApiRequest, ApiResponse, Standing, StoreAccess, StoreApi};
use crate::subscription_api::SubscriptionApi;

/// Where each version is served for at least a year (<https://shopify.dev/docs/api/usage/versioning>).
const VERSION: &str = "2026-07";
/// As many points are kept as a query of ours costs at most.
const RESERVE: f64 = 100.0;
/// How fast the bucket of the REST API empties, for calls such as the one for a token.
const REST_PAUSE: Duration = Duration::from_millis(500);
/// Longest reason that is taken over from Shopify, in characters.
const MAX_REASON_CHARS: usize = 200;
/// Longer than any bucket takes to fill.
const MAX_PAUSE: Duration = Duration::from_mins(1);

pub(super) struct Api;

impl StoreApi for Api {
    fn address(&self) -> &'static str {
        "https://{store}"
    }

    fn version(&self) -> Option<&'static str> {
        Some(VERSION)
    }

    fn headers(&self, token: &str) -> Vec<(&'static str, String)> {
        vec![("x-shopify-access-token", token.to_owned()), ("accept", "application/json".to_owned())]
    }

    fn store(&self, entered: Option<&str>) -> Result<Option<String>, &'static str> {
        entered.and_then(shop_domain).map(Some).ok_or(
            "enter the shop's name as it is in the address of its admin, such as storm-audio of \
             storm-audio.myshopify.com",
        )
    }

    fn access(&self) -> &'static StoreAccess {
        &StoreAccess {
            prompt: "The Admin API access token of Shopify's custom app",
            instructions: "`cloud-bridge stores connect shopify` needs no token to be copied. Where the shop has a custom app, \
                           Settings → Apps → Develop apps → the app → API credentials shows its Admin API access token once, \
                           with the scopes read_orders, read_products, read_inventory and read_customers.",
            needs_store: true,
        }
    }

    fn standing(&self, response: &ApiResponse<'_>) -> Standing {
        match response.status {
            // GraphQL has its refusals in a response that is fine otherwise.
            200 => refused(response.body).unwrap_or(Standing::Fine),
            // Its owner has not paid.
            402 => Standing::Failed("the shop is frozen".to_owned()),
            status => Standing::of_status(status),
        }
    }

    fn pause(&self, response: &ApiResponse<'_>) -> Duration {
        cost(response.body).map_or_else(|| bucket(response.headers), |cost| cost.pause())
    }

    fn oauth(&self) -> Option<&'static dyn OAuth> {
        Some(&Apps)
    }

    fn catalogue(&self) -> Option<&'static dyn CatalogueApi> {
        Some(&Catalogue)
    }

    fn order_lists(&self) -> Option<&'static dyn OrderListApi> {
        Some(&OrderLists)
    }

    fn subscriptions(&self) -> Option<&'static dyn SubscriptionApi> {
        Some(&Webhooks)
    }
}

/// The shop's permanent domain, out of whatever names it: the name alone, the domain, an address of its admin.
pub(super) fn shop_domain(entered: &str) -> Option<String> {
    let entered = entered.trim().to_ascii_lowercase();
    let rest = entered.strip_prefix("https://").unwrap_or(&entered);
    // Nothing before the first slash may be anything but the shop: a user and a password there, or a port, is another's.
    let in_path = rest.strip_prefix("admin.shopify.com/store/");
    let named = in_path.unwrap_or(rest).split(['/', '?', '#']).next()?;
    let name = named.strip_suffix(".myshopify.com").filter(|_| in_path.is_none()).unwrap_or(named);
    let is_name = (1..=100).contains(&name.len())
        && !name.starts_with('-')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_name.then(|| format!("{name}.myshopify.com"))
}

/// A query or a mutation.
pub(super) fn query(document: &str, variables: Value) -> ApiRequest {
    ApiRequest::post("/admin/api/{version}/graphql.json", &json!({ "query": document, "variables": variables }))
}

/// What is under `data` in a response that was fine.
pub(super) fn data<T: DeserializeOwned>(body: &[u8]) -> Result<T, Malformed> {
    #[derive(Deserialize)]
    struct Body<T> {
        data: T,
    }
    let body: Body<T> =
        serde_json::from_slice(body).map_err(|_| Malformed::invalid("data", "is not what was queried"))?;
    Ok(body.data)
}

#[derive(Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Value,
}

/// Why GraphQL refused, if it did.
fn refused(body: &[u8]) -> Option<Standing> {
    let errors = serde_json::from_slice::<Errors>(body).ok()?.errors;
    let first = match &errors {
        Value::Null => return None,
        Value::Array(errors) => errors.first()?,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => &errors,
    };
    Some(match first["extensions"]["code"].as_str() {
        Some("THROTTLED") => Standing::TooMany,
        Some("ACCESS_DENIED") => Standing::Forbidden,
        Some(_) | None => {
            let said = first["message"].as_str().or_else(|| first.as_str()).unwrap_or("it was refused");
            let said: String = said.chars().filter(|c| !c.is_control()).take(MAX_REASON_CHARS).collect();
            Standing::Failed(format!("the API says: {said}"))
        }
    })
}

/// What a query cost, and what is left: `extensions.cost`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cost {
    #[serde(default)]
    requested_query_cost: f64,
    throttle_status: Throttle,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Throttle {
    maximum_available: f64,
    currently_available: f64,
    restore_rate: f64,
}

impl Cost {
    /// Until what the next query needs is there again.
    fn pause(&self) -> Duration {
        let Throttle { maximum_available, currently_available, restore_rate } = self.throttle_status;
        let needed = self.requested_query_cost.max(RESERVE).min(maximum_available);
        let missing = needed - currently_available;
        if !(missing > 0.0 && restore_rate > 0.0) {
            return Duration::ZERO;
        }
        Duration::try_from_secs_f64(missing / restore_rate).unwrap_or(MAX_PAUSE).min(MAX_PAUSE)
    }
}

fn cost(body: &[u8]) -> Option<Cost> {
    #[derive(Deserialize)]
    struct Body {
        extensions: Extensions,
    }
    #[derive(Deserialize)]
    struct Extensions {
        cost: Cost,
    }
    serde_json::from_slice::<Body>(body).ok().map(|body| body.extensions.cost)
}

/// The leaky bucket of the REST API: `X-Shopify-Shop-Api-Call-Limit: 39/40`.
fn bucket(headers: &HeaderMap) -> Duration {
    let full = || {
        let (used, size) = headers.get("x-shopify-shop-api-call-limit")?.to_str().ok()?.split_once('/')?;
        let (used, size): (u32, u32) = (used.trim().parse().ok()?, size.trim().parse().ok()?);
        Some(used >= size)
    };
    if full() == Some(true) { REST_PAUSE } else { Duration::ZERO }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_is_known_by_its_name_and_nothing_else_is_taken_for_one() {
        for entered in [
            "storm-audio",
            " Storm-Audio.myshopify.com ",
            "https://storm-audio.myshopify.com/admin/products?x=1",
            "https://admin.shopify.com/store/storm-audio/settings",
        ] {
            assert_eq!(shop_domain(entered).as_deref(), Some("storm-audio.myshopify.com"), "{entered}");
        }
        for entered in [
            "",
            "-shop",
            "http://storm.myshopify.com",
            "shop.example.com",
            "evil.example/storm.myshopify.com",
            "https://evil.example/.myshopify.com",
            "storm.myshopify.com.evil.example",
            "https://storm.myshopify.com@evil.example",
            "storm.myshopify.com:8443",
            "a.b.myshopify.com",
            "https://admin.shopify.com/store/",
            "storm_audio",
            &"x".repeat(101),
        ] {
            assert_eq!(shop_domain(entered), None, "{entered}");
        }
    }

    fn standing(status: u16, body: &str) -> Standing {
        Api.standing(&ApiResponse { status, headers: &HeaderMap::new(), body: body.as_bytes() })
    }

    #[test]
    fn a_refusal_of_graphql_is_one_although_its_status_is_200() {
        for (body, expected) in [
            (r#"{"data":{}}"#, Standing::Fine),
            (r#"{"errors":[{"message":"Throttled","extensions":{"code":"THROTTLED"}}]}"#, Standing::TooMany),
            (r#"{"errors":[{"message":"no","extensions":{"code":"ACCESS_DENIED"}}],"data":null}"#, Standing::Forbidden),
            (r#"{"errors":[{"message":"Field 'x'"}]}"#, Standing::Failed("the API says: Field 'x'".to_owned())),
            (r#"{"errors":"Not Found"}"#, Standing::Failed("the API says: Not Found".to_owned())),
        ] {
            assert_eq!(standing(200, body), expected, "{body}");
        }
        assert_eq!(standing(401, r#"{"errors":"[API] Invalid API key or access token"}"#), Standing::Unauthorized);
        assert_eq!(standing(429, ""), Standing::TooMany);
        assert_eq!(standing(402, ""), Standing::Failed("the shop is frozen".to_owned()));
    }

    #[test]
    fn what_a_query_needs_is_waited_for() {
        let body = |requested: u32, available: u32| {
            format!(
                r#"{{"extensions":{{"cost":{{"requestedQueryCost":{requested},"actualQueryCost":null,"throttleStatus":{{"maximumAvailable":2000.0,"currentlyAvailable":{available},"restoreRate":100.0}}}}}}}}"#
            )
        };
        let pause = |body: String, header: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(header) = header {
                headers.insert("x-shopify-shop-api-call-limit", header.parse().unwrap());
            }
            Api.pause(&ApiResponse { status: 200, headers: &headers, body: body.as_bytes() })
        };
        assert_eq!(pause(body(10, 1_990), None), Duration::ZERO);
        assert_eq!(pause(body(10, 50), None), Duration::from_millis(500), "some are kept");
        assert_eq!(pause(body(1_000, 500), None), Duration::from_secs(5));
        assert_eq!(pause(body(1_000_000, 0), None), Duration::from_secs(20), "no more than fits");
        assert_eq!(pause(String::new(), Some("39/40")), Duration::ZERO);
        assert_eq!(pause(String::new(), Some("40/40")), Duration::from_millis(500));
        assert_eq!(pause(String::new(), Some("forty")), Duration::ZERO);
    }
}
