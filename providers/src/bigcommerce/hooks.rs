//! The webhooks of a BigCommerce store, as its V3 API lists and changes them. Only those are listed that the token made.
//!
//! <https://docs.bigcommerce.com/developer/api-reference/rest/admin/management/webhooks>

use domain::integration::Purpose;
use serde::Deserialize;
use serde_json::json;

use crate::Malformed;
use crate::order_api::path_segment;
use crate::scalar::Scalar;
use crate::store_api::ApiRequest;
use crate::subscription_api::{
    Created, NewSubscription, Subscription, SubscriptionApi, SubscriptionPage, SubscriptionRefusal,
};

const PAGE: usize = 250;
const ALWAYS: [&str; 8] = [
    "store/order/archived",
    "store/order/created",
    "store/order/refund/created",
    "store/order/statusUpdated",
    "store/order/updated",
    "store/product/created",
    "store/product/deleted",
    "store/product/updated",
];
const OF_PUBLISHING: [&str; 8] = [
    "store/cart/converted",
    "store/category/created",
    "store/category/deleted",
    "store/category/updated",
    "store/customer/created",
    "store/customer/updated",
    "store/product/inventory/updated",
    "store/sku/inventory/updated",
];

pub(super) struct Hooks;

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    data: Vec<Hook<'a>>,
    #[serde(default)]
    meta: Meta,
}

#[derive(Deserialize)]
struct Hook<'a> {
    #[serde(borrow)]
    id: Scalar<'a>,
    scope: String,
    destination: String,
    #[serde(default)]
    is_active: bool,
}

#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default)]
    pagination: Pagination,
}

#[derive(Default, Deserialize)]
struct Pagination {
    #[serde(default)]
    current_page: u32,
    #[serde(default)]
    total_pages: u32,
}

impl SubscriptionApi for Hooks {
    fn topics(&self, purpose: Purpose) -> Vec<&'static str> {
        let mut topics = ALWAYS.to_vec();
        if purpose.publishes() {
            topics.extend(OF_PUBLISHING);
        }
        topics
    }

    fn list(&self, store: Option<&str>, cursor: Option<&str>) -> Result<ApiRequest, Malformed> {
        let page = cursor.unwrap_or("1");
        Ok(ApiRequest::get(format!("{}?limit={PAGE}&page={page}", path(store)?)))
    }

    fn listed(&self, body: &[u8], _cursor: Option<&str>) -> Result<SubscriptionPage, Malformed> {
        let unreadable = |_| Malformed::invalid("data", "is not a list of webhooks");
        let Page { data, meta } = serde_json::from_slice(body).map_err(unreadable)?;
        let mut subscriptions = vec![];
        for hook in data {
            subscriptions.push(Subscription {
                id: hook.id.text().ok_or_else(|| Malformed::missing("id"))?,
                topics: vec![hook.scope],
                address: hook.destination,
                is_enabled: hook.is_active,
            });
        }
        let Pagination { current_page, total_pages } = meta.pagination;
        let next = (current_page < total_pages).then(|| (current_page + 1).to_string());
        Ok(SubscriptionPage { subscriptions, next })
    }

    fn create(&self, store: Option<&str>, wanted: &NewSubscription<'_>) -> Result<ApiRequest, Malformed> {
        let [scope] = wanted.topics else { return Err(Malformed::invalid("scope", "is one for each webhook")) };
        let body = json!({ "scope": scope, "destination": wanted.address, "is_active": true });
        Ok(ApiRequest::post(path(store)?, &body))
    }

    fn created(&self, body: &[u8]) -> Result<Created, SubscriptionRefusal> {
        #[derive(Deserialize)]
        struct Made<'a> {
            #[serde(borrow)]
            data: Hook<'a>,
        }
        let made: Made<'_> = serde_json::from_slice(body).map_err(|_| Malformed::invalid("data", "is no webhook"))?;
        let id = made.data.id.text().ok_or_else(|| Malformed::missing("id"))?;
        // They are signed with the client secret of the app that made them.
        Ok(Created { id, secret: None })
    }

    fn enable(&self, store: Option<&str>, id: &str) -> Option<Result<ApiRequest, Malformed>> {
        Some(one(store, id).map(|path| ApiRequest::put(path, &json!({ "is_active": true }))))
    }

    fn delete(&self, store: Option<&str>, id: &str) -> Result<ApiRequest, Malformed> {
        Ok(ApiRequest::delete(one(store, id)?))
    }
}

fn path(store: Option<&str>) -> Result<String, Malformed> {
    let store = path_segment(store.ok_or_else(|| Malformed::missing("store hash"))?, "store hash")?;
    Ok(format!("/stores/{store}/v3/hooks"))
}

fn one(store: Option<&str>, id: &str) -> Result<String, Malformed> {
    Ok(format!("{}/{}", path(store)?, path_segment(id, "id")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hooks_are_listed_page_by_page() {
        let body = br#"{"data":[{"id":20172527,"client_id":"x","store_hash":"abc","scope":"store/order/created","destination":"https://b.example/x","headers":null,"is_active":false,"created_at":1,"updated_at":1}],
            "meta":{"pagination":{"total":2,"count":1,"per_page":1,"current_page":1,"total_pages":2}}}"#;
        let page = Hooks.listed(body, None).unwrap();
        assert_eq!(
            (page.next.as_deref(), &*page.subscriptions[0].id, page.subscriptions[0].is_enabled),
            (Some("2"), "20172527", false)
        );
        assert_eq!(Hooks.listed(br#"{"data":[],"meta":{}}"#, None).unwrap().next, None);
        assert!(
            Hooks.listed(b"[]", None).is_err()
                && Hooks.listed(br#"{"data":[{"scope":"x","destination":"y","id":null}]}"#, None).is_err()
        );
    }

    #[test]
    fn a_store_and_an_id_are_one_segment_each() {
        assert!(Hooks.list(None, None).is_err());
        let request = Hooks.delete(Some("abc"), "1/../2").unwrap();
        assert_eq!(request.path, "/stores/abc/v3/hooks/1%2F..%2F2");
        assert_eq!(Hooks.list(Some("abc"), Some("2")).unwrap().path, "/stores/abc/v3/hooks?limit=250&page=2");
    }
}
