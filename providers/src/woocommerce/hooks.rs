//! The webhooks of a WooCommerce shop, as its REST API lists and changes them. They are signed with a secret that we say.
//!
//! <https://woocommerce.github.io/woocommerce-rest-api-docs/#webhooks>

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

const PATH: &str = "/wp-json/wc/v3/webhooks";
const PAGE: usize = 100;
/// The status of a webhook that is sent. WooCommerce makes it `disabled` on the seventh failure in a row.
const ACTIVE: &str = "active";
const ALWAYS: [&str; 8] = [
    "order.created",
    "order.deleted",
    "order.restored",
    "order.updated",
    "product.created",
    "product.deleted",
    "product.restored",
    "product.updated",
];
const OF_PUBLISHING: [&str; 2] = ["customer.created", "customer.updated"];

pub(super) struct Hooks;

#[derive(Deserialize)]
struct Hook<'a> {
    #[serde(borrow)]
    id: Scalar<'a>,
    status: String,
    topic: String,
    delivery_url: String,
}

impl SubscriptionApi for Hooks {
    fn topics(&self, purpose: Purpose) -> Vec<&'static str> {
        let mut topics = ALWAYS.to_vec();
        if purpose.publishes() {
            topics.extend(OF_PUBLISHING);
        }
        topics
    }

    fn list(&self, _store: Option<&str>, cursor: Option<&str>) -> Result<ApiRequest, Malformed> {
        let page = cursor.unwrap_or("1");
        Ok(ApiRequest::get(format!("{PATH}?per_page={PAGE}&page={page}&orderby=id&order=asc")))
    }

    /// The body does not say which page it is, nor whether it is the last: a full one may not be.
    fn listed(&self, body: &[u8], cursor: Option<&str>) -> Result<SubscriptionPage, Malformed> {
        let unreadable = |_| Malformed::invalid("webhooks", "are no list");
        let hooks: Vec<Hook<'_>> = serde_json::from_slice(body).map_err(unreadable)?;
        let is_full = hooks.len() >= PAGE;
        let mut subscriptions = vec![];
        for hook in hooks {
            subscriptions.push(Subscription {
                id: hook.id.text().ok_or_else(|| Malformed::missing("id"))?,
                topics: vec![hook.topic],
                address: hook.delivery_url,
                is_enabled: hook.status == ACTIVE,
            });
        }
        let page = cursor.map_or(Ok(1), str::parse::<u32>).map_err(|_| Malformed::invalid("page", "is no number"))?;
        let next = is_full.then(|| page.saturating_add(1).to_string());
        Ok(SubscriptionPage { subscriptions, next })
    }

    fn create(&self, _store: Option<&str>, wanted: &NewSubscription<'_>) -> Result<ApiRequest, Malformed> {
        let [topic] = wanted.topics else { return Err(Malformed::invalid("topic", "is one for each webhook")) };
        let secret = wanted.secret.ok_or_else(|| Malformed::missing("secret"))?;
        let body = json!({
            "name": format!("Cloud Bridge: {topic}"),
            "topic": topic,
            "delivery_url": wanted.address,
            "secret": secret,
            "status": ACTIVE,
        });
        Ok(ApiRequest::post(PATH, &body))
    }

    fn created(&self, body: &[u8]) -> Result<Created, SubscriptionRefusal> {
        let made: Hook<'_> =
            serde_json::from_slice(body).map_err(|_| Malformed::invalid("id", "is not that of a webhook"))?;
        let id = made.id.text().ok_or_else(|| Malformed::missing("id"))?;
        Ok(Created { id, secret: None })
    }

    fn enable(&self, _store: Option<&str>, id: &str) -> Option<Result<ApiRequest, Malformed>> {
        Some(one(id).map(|path| ApiRequest::put(path, &json!({ "status": ACTIVE }))))
    }

    /// To the bin is not enough: it would be restored with everything else in it.
    fn delete(&self, _store: Option<&str>, id: &str) -> Result<ApiRequest, Malformed> {
        Ok(ApiRequest::delete(format!("{}?force=true", one(id)?)))
    }
}

fn one(id: &str) -> Result<String, Malformed> {
    Ok(format!("{PATH}/{}", path_segment(id, "id")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_that_the_shop_has_stopped_is_known_as_stopped() {
        let body = br#"[{"id":142,"name":"Order updated","status":"disabled","topic":"order.updated","resource":"order","event":"updated","hooks":[],"delivery_url":"https://b.example/x","date_created":"2016-05-15T23:17:52"}]"#;
        let page = Hooks.listed(body, None).unwrap();
        let hook = &page.subscriptions[0];
        assert_eq!((&*hook.id, hook.is_enabled, page.next), ("142", false, None));
        assert!(Hooks.listed(br#"{"code":"woocommerce_rest_cannot_view"}"#, None).is_err());
    }

    #[test]
    fn a_hook_is_never_made_without_a_secret() {
        let wanted = NewSubscription { topics: &["order.updated"], address: "https://b.example/x", secret: None };
        assert!(Hooks.create(None, &wanted).is_err(), "anyone could sign for it");
        let request = Hooks.create(None, &NewSubscription { secret: Some("whsec_1"), ..wanted }).unwrap();
        assert!(request.body.unwrap().contains("whsec_1"));
        assert_eq!(Hooks.delete(None, "7").unwrap().path, "/wp-json/wc/v3/webhooks/7?force=true");
    }
}
