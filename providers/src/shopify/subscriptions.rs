//! The webhooks of a shop, as its GraphQL Admin API lists and changes them. They are the app's own: those of others, and those
//! that a merchant made by hand, are not listed.
//!
//! <https://shopify.dev/docs/api/admin-graphql/latest/mutations/webhookSubscriptionCreate>

use domain::integration::Purpose;
use serde::Deserialize;
use serde_json::json;

use super::api::{data, query};
use crate::Malformed;
use crate::store_api::ApiRequest;
use crate::subscription_api::{
    Created, NewSubscription, Subscription, SubscriptionApi, SubscriptionPage, SubscriptionRefusal,
};

const LIST: &str = "query ($first: Int!, $after: String) { webhookSubscriptions(first: $first, after: $after) { \
                    nodes { id topic uri } pageInfo { hasNextPage endCursor } } }";
const CREATE: &str = "mutation ($topic: WebhookSubscriptionTopic!, $webhookSubscription: WebhookSubscriptionInput!) { \
                      webhookSubscriptionCreate(topic: $topic, webhookSubscription: $webhookSubscription) { \
                      webhookSubscription { id } userErrors { message } } }";
const DELETE: &str = "mutation ($id: ID!) { webhookSubscriptionDelete(id: $id) { deletedWebhookSubscriptionId \
                      userErrors { message } } }";
/// Subscriptions of a page.
const PAGE: u32 = 100;
const MAX_REASON_CHARS: usize = 200;

/// What every integration needs: its orders, the catalogue that mappings are chosen from, and word that the app was removed.
const ALWAYS: [&str; 9] = [
    "app/uninstalled",
    "orders/cancelled",
    "orders/create",
    "orders/delete",
    "orders/paid",
    "orders/updated",
    "products/create",
    "products/delete",
    "products/update",
];
const OF_PUBLISHING: [&str; 9] = [
    "checkouts/update",
    "collections/create",
    "collections/delete",
    "collections/update",
    "customers/create",
    "customers/update",
    "inventory_levels/connect",
    "inventory_levels/disconnect",
    "inventory_levels/update",
];

pub(super) struct Webhooks;

#[derive(Deserialize)]
struct Page {
    #[serde(rename = "webhookSubscriptions")]
    subscriptions: Connection,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Connection {
    nodes: Vec<Node>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    topic: String,
    /// Missing of what is not posted to a web address.
    #[serde(default)]
    uri: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Made {
    #[serde(rename = "webhookSubscriptionCreate")]
    made: Payload,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    webhook_subscription: Option<Id>,
    #[serde(default)]
    user_errors: Vec<UserError>,
}

#[derive(Deserialize)]
struct Id {
    id: String,
}

#[derive(Deserialize)]
struct UserError {
    message: String,
}

impl SubscriptionApi for Webhooks {
    fn topics(&self, purpose: Purpose) -> Vec<&'static str> {
        let mut topics = ALWAYS.to_vec();
        if purpose.publishes() {
            topics.extend(OF_PUBLISHING);
        }
        topics
    }

    /// <https://shopify.dev/docs/api/usage/access-scopes>
    fn scope(&self, topic: &str) -> Option<&'static str> {
        match topic.split_once('/')?.0 {
            "orders" | "checkouts" => Some("read_orders"),
            "products" | "collections" => Some("read_products"),
            "customers" => Some("read_customers"),
            "inventory_levels" => Some("read_inventory"),
            _ => None,
        }
    }

    fn list(&self, _store: Option<&str>, cursor: Option<&str>) -> Result<ApiRequest, Malformed> {
        Ok(query(LIST, json!({ "first": PAGE, "after": cursor })))
    }

    fn listed(&self, body: &[u8], _cursor: Option<&str>) -> Result<SubscriptionPage, Malformed> {
        let Page { subscriptions: Connection { nodes, page_info } } = data(body)?;
        let subscriptions = nodes.into_iter().map(|node| Subscription {
            id: node.id,
            topics: vec![spelt(&node.topic)],
            address: node.uri.unwrap_or_default(),
            // What fails for long is deleted.
            is_enabled: true,
        });
        Ok(SubscriptionPage {
            subscriptions: subscriptions.collect(),
            next: page_info.end_cursor.filter(|_| page_info.has_next_page),
        })
    }

    fn create(&self, _store: Option<&str>, wanted: &NewSubscription<'_>) -> Result<ApiRequest, Malformed> {
        let [topic] = wanted.topics else { return Err(Malformed::invalid("topic", "is one for each subscription")) };
        let subscription = json!({ "uri": wanted.address, "format": "JSON" });
        Ok(query(CREATE, json!({ "topic": enumerated(topic), "webhookSubscription": subscription })))
    }

    /// What is wrong with the input comes in a response that is fine otherwise.
    fn created(&self, body: &[u8]) -> Result<Created, SubscriptionRefusal> {
        let Made { made: Payload { webhook_subscription, user_errors } } = data(body)?;
        match (webhook_subscription, user_errors.into_iter().next()) {
            (Some(Id { id }), _) => Ok(Created { id, secret: None }),
            (None, Some(UserError { message })) => {
                let message = message.chars().filter(|c| !c.is_control()).take(MAX_REASON_CHARS).collect();
                Err(SubscriptionRefusal::Refused(message))
            }
            (None, None) => Err(Malformed::missing("webhookSubscription").into()),
        }
    }

    fn delete(&self, _store: Option<&str>, id: &str) -> Result<ApiRequest, Malformed> {
        Ok(query(DELETE, json!({ "id": id })))
    }
}

/// `orders/create` as an enumeration's value: `ORDERS_CREATE`.
fn enumerated(topic: &str) -> String {
    topic.replace('/', "_").to_ascii_uppercase()
}

/// The other way round, of the topics that are known here. Others stay as they are: where their slash was cannot be known.
fn spelt(value: &str) -> String {
    let known = ALWAYS.iter().chain(&OF_PUBLISHING).find(|topic| enumerated(topic) == value);
    known.map_or_else(|| value.to_owned(), |topic| (*topic).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscriptions_are_listed_page_by_page() {
        let body = br#"{"data":{"webhookSubscriptions":{"nodes":[
            {"id":"gid://shopify/WebhookSubscription/1","topic":"INVENTORY_LEVELS_UPDATE","uri":"https://b.example/x"},
            {"id":"gid://shopify/WebhookSubscription/2","topic":"ORDERS_PARTIALLY_FULFILLED","uri":null}],
            "pageInfo":{"hasNextPage":true,"endCursor":"abc"}}}}"#;
        let page = Webhooks.listed(body, None).unwrap();
        assert_eq!(page.next.as_deref(), Some("abc"));
        assert_eq!(
            (&page.subscriptions[0].topics[0], &page.subscriptions[1].topics[0]),
            (&"inventory_levels/update".to_owned(), &"ORDERS_PARTIALLY_FULFILLED".to_owned())
        );
        let last =
            br#"{"data":{"webhookSubscriptions":{"nodes":[],"pageInfo":{"hasNextPage":false,"endCursor":"abc"}}}}"#;
        assert_eq!(Webhooks.listed(last, None).unwrap().next, None);
        for body in ["", "{}", r#"{"data":null}"#, r#"{"data":{"webhookSubscriptions":null}}"#] {
            assert!(Webhooks.listed(body.as_bytes(), None).is_err(), "{body}");
        }
    }

    #[test]
    fn one_that_is_not_made_says_why() {
        let made = |body: &str| Webhooks.created(body.as_bytes());
        let fine = r#"{"data":{"webhookSubscriptionCreate":{"webhookSubscription":{"id":"gid://1"},"userErrors":[]}}}"#;
        assert_eq!(made(fine), Ok(Created { id: "gid://1".to_owned(), secret: None }));
        let taken = r#"{"data":{"webhookSubscriptionCreate":{"webhookSubscription":null,"userErrors":[{"message":"Address for this topic has already been taken"}]}}}"#;
        assert_eq!(
            made(taken).unwrap_err().to_string(),
            "the store says: Address for this topic has already been taken"
        );
        assert!(made(r#"{"data":{"webhookSubscriptionCreate":null}}"#).is_err());
    }

    #[test]
    fn every_topic_has_a_subscription_of_its_own() {
        let wanted = NewSubscription { topics: &["orders/create"], address: "https://b.example/x", secret: None };
        let request = Webhooks.create(None, &wanted).unwrap();
        assert!(request.body.unwrap().contains(r#""topic":"ORDERS_CREATE""#));
        let several = NewSubscription { topics: &["orders/create", "orders/paid"], ..wanted };
        assert!(Webhooks.create(None, &several).is_err());
        let topics = Webhooks.topics(Purpose::Both);
        assert!(topics.iter().all(|topic| spelt(&enumerated(topic)) == *topic));
        for topic in &topics {
            assert_eq!(Webhooks.scope(topic).is_none(), *topic == "app/uninstalled", "{topic}");
        }
        assert!(Webhooks.topics(Purpose::Delivers).iter().all(|topic| topics.contains(topic)));
    }
}
