//! What Shopify asks by law is done by itself, on the integration that it came in for and nowhere else.

use domain::integration::Provider;
use serde_json::{Value, json};

use crate::app::{Shop, TestApp};
use crate::engines::on_each_engine;
use crate::erasure::order_of_vera;
use crate::orders;

impl Shop<'_> {
    async fn ask_by_law(&self, topic: &str, body: &Value, status: &str) {
        let answer = self.post_bytes(body.to_string().into_bytes(), &[("x-shopify-topic", topic)]).await;
        assert_eq!((answer.status.as_u16(), &answer.body["status"]), (202, &json!(status)), "{answer:?}");
        self.merchant.app.settle().await;
    }
}

/// How many deliveries of the integration still say who ordered.
async fn named_in(shop: &Shop<'_>) -> usize {
    let document =
        "query ($id: ID!) { deliveries(first: 100, filter: { integrationId: $id }) { nodes { targetUsername } } }";
    let answer = shop.merchant.ask(document, json!({ "id": shop.id })).await;
    let nodes = answer["deliveries"]["nodes"].as_array().unwrap();
    nodes.iter().filter(|delivery| !delivery["targetUsername"].is_null()).count()
}

fn of_vera(fields: &Value) -> Value {
    let mut body = json!({ "shop_id": 954_889, "shop_domain": "storm.myshopify.com" });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

/// Which notices still hold their bodies.
async fn readable_notices(app: &TestApp) -> i64 {
    let sql =
        "SELECT count(*) FROM events e JOIN data_keys k ON k.stream = e.position WHERE e.aggregate_type = 'notice'";
    app.service().log.database().fetch_one::<(i64,)>(sql.into()).await.unwrap().0
}

on_each_engine! {
    async fn a_customer_is_erased_when_the_store_asks(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Shopify).await;
        let other = merchant.shop(Provider::Shopify).await;
        for id in 1..=4 {
            shop.post(&order_of_vera(id)).await.accepted("queued");
        }
        shop.post(&orders::shopify(5, "somebody", &["STORM"])).await.accepted("queued");
        shop.post(&orders::shopify(6, "another_name_of_vera", &["STORM"])).await.accepted("queued");
        other.post(&order_of_vera(1)).await.accepted("queued");
        app.settle().await;

        let question = of_vera(&json!({ "orders_requested": [1], "data_request": { "id": 9 },
            "customer": { "id": 7_700_123, "email": "vera.violet@example.org" } }));
        shop.ask_by_law("customers/data_request", &question, "customer_data_request").await;
        let (told,): (i64,) = app.service().log.database()
            .fetch_one("SELECT count(*) FROM events WHERE event_type = 'data_requested'".into()).await.unwrap();
        assert_eq!((told, readable_notices(app).await, named_in(&shop).await), (1, 1, 6));

        // A body of another shape does nothing, whatever the unsigned header says.
        shop.ask_by_law("customers/redact", &question, "not_an_order").await;
        assert_eq!(named_in(&shop).await, 6);

        let by_email = of_vera(&json!({ "customer": { "email": "Vera.Violet@example.org" } }));
        shop.ask_by_law("customers/redact", &by_email, "customer_redact").await;
        assert_eq!((named_in(&shop).await, named_in(&other).await), (2, 1));
        let by_order = of_vera(&json!({ "customer": { "id": 1, "email": "x@y.z" }, "orders_to_redact": [6, 4711] }));
        shop.ask_by_law("customers/redact", &by_order, "customer_redact").await;
        assert_eq!(named_in(&shop).await, 1);
        assert_eq!(readable_notices(app).await, 1, "of all that, what was no request");

        let outcomes = merchant.ask("{ webhookReceipts(first: 3) { nodes { outcome } } }", json!({})).await;
        let outcomes = &outcomes["webhookReceipts"]["nodes"];
        assert_eq!(*outcomes, json!([{ "outcome": "CUSTOMER_REDACT" }, { "outcome": "CUSTOMER_REDACT" }, { "outcome": "NOT_AN_ORDER" }]));
    }

    async fn a_whole_shop_is_erased_when_the_store_asks(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Shopify).await;
        let other = merchant.shop(Provider::Shopify).await;
        for shop in [&shop, &other] {
            for id in 1..=3 {
                shop.post(&orders::shopify(id, &format!("somebody_{id}"), &["STORM"])).await.accepted("queued");
            }
        }
        app.settle().await;
        shop.ask_by_law("shop/redact", &of_vera(&json!({ "id": 5 })), "not_an_order").await;
        assert_eq!(named_in(&shop).await, 3);
        shop.ask_by_law("shop/redact", &of_vera(&json!({})), "shop_redact").await;
        assert_eq!((named_in(&shop).await, named_in(&other).await), (0, 3));
        assert_eq!(merchant.deliveries().await.len(), 6, "that there were orders is still told");
    }
}
