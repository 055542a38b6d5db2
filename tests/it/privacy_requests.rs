//! What Shopify requests by law is done by itself, on the integration that it came in for and nowhere else.

use domain::integration::Provider;
use projections::data_requests;
use serde_json::{Value, json};

use crate::app::{Merchant, Shop, TestApp, text};
use crate::engines::on_each_engine;
use crate::erasure::{found_in_databases, order_of_vera};
use crate::orders;
use crate::rebuilds::rebuilt;

impl Shop<'_> {
    pub(crate) async fn ask_by_law(&self, topic: &str, body: &Value, status: &str) {
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
        "SELECT count(*) FROM events e JOIN data_keys k ON k.id = e.data_key_id WHERE e.aggregate_type = 'notice'";
    app.service().data.log.raw_database().fetch_one::<(i64,)>(sql.into()).await.unwrap().0
}

const REQUESTS: &str = "query ($filter: DataRequestFilter) { dataRequests(first: 10, filter: $filter) { nodes {
    id receivedAt answerBy deliveries exportedAt erasedAt command integration { id } } } }";
const ANSWER: &str = "mutation ($id: ID!) { done: exportPersonalData(input: { dataRequest: $id }) {
    matched customerEmail customerId deliveries endCursor userErrors { code message } } }";
const ERASE: &str = "mutation ($input: ErasePersonalDataInput!) { done: erasePersonalData(input: $input) {
    matched accounts erased dataRequests userErrors { code } } }";

pub(crate) fn question_about_vera() -> Value {
    of_vera(&json!({ "orders_requested": [1], "data_request": { "id": 9 },
        "customer": { "id": 7_700_123, "email": "vera.violet@example.org", "phone": "555-625-1199" } }))
}

async fn requests(merchant: &Merchant<'_>) -> Vec<Value> {
    let answer = merchant.ask(REQUESTS, json!({})).await;
    answer["dataRequests"]["nodes"].as_array().unwrap().clone()
}

/// Every row of the list of questions, as it lies in the view.
async fn in_view(app: &TestApp) -> Vec<(String, String, i64, Option<i64>, Option<i64>, Option<i64>)> {
    let sql =
        "SELECT id, integration_id, received_at, deliveries, exported_at, erased_at FROM data_requests ORDER BY id";
    app.service().data.views.fetch_all(sql.into()).await.unwrap()
}

on_each_engine! {
    async fn a_store_that_asks_is_answered_in_one_step(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Shopify).await;
        let other = merchant.shop(Provider::Shopify).await;
        for id in 1..=12 {
            shop.post(&order_of_vera(id)).await.accepted("queued");
        }
        other.post(&order_of_vera(1)).await.accepted("queued");
        app.settle().await;
        shop.ask_by_law("customers/data_request", &question_about_vera(), "customer_data_request").await;
        let of_nobody = of_vera(&json!({ "orders_requested": [], "data_request": { "id": 10 }, "customer": { "id": 5 } }));
        shop.ask_by_law("customers/data_request", &of_nobody, "customer_data_request").await;
        let listed = requests(&merchant).await;
        assert_eq!((listed.len(), &listed[0]["deliveries"], &listed[1]["deliveries"]), (2, &json!(0), &json!(12)));
        let (unknown, about_vera) = (text(&listed[0]["id"]), text(&listed[1]["id"]));
        assert_eq!(listed[1]["integration"]["id"], json!(shop.id));
        assert_eq!((&listed[1]["exportedAt"], &listed[1]["erasedAt"]), (&Value::Null, &Value::Null));
        assert!(text(&listed[1]["command"]).contains(&format!("export-personal-data --request {about_vera}")));
        let nowhere = ["vera.violet@example.org", "555-625-1199"];
        assert_eq!(found_in_databases(app, &nowhere).await, Vec::<String>::new(), "no view says whom it is about");

        let answer = async |id: &str| merchant.ask(ANSWER, json!({ "id": id })).await["done"].clone();
        let answered = answer(&about_vera).await;
        assert_eq!((&answered["matched"], &answered["userErrors"]), (&json!(12), &json!([])), "of this store alone");
        assert_eq!(answered["customerEmail"], "vera.violet@example.org");
        assert_eq!((&answered["customerId"], answered["deliveries"].as_array().unwrap().len()), (&json!("7700123"), 10));
        let nothing = answer(&unknown).await;
        assert_eq!((&nothing["matched"], &nothing["customerId"]), (&json!(0), &json!("5")), "that is an answer, too");
        assert_eq!(answer("no such request").await["userErrors"][0]["code"], "NOT_FOUND");
        app.settle().await;
        assert!(requests(&merchant).await.iter().all(|request| request["exportedAt"].is_string()));
        let exports = "SELECT count(*) AS number FROM operator_actions WHERE event_type = 'personal_data_exported'";
        assert_eq!(app.count(exports).await, 2);

        let stranger = app.merchant().await;
        assert_eq!(requests(&stranger).await, Vec::<Value>::new());
        let refused = stranger.ask(ANSWER, json!({ "id": about_vera })).await;
        assert_eq!(refused["done"]["userErrors"][0]["code"], "NOT_FOUND");
        let foreign = app.try_ask(&stranger.key, REQUESTS, json!({ "filter": { "accountId": merchant.id } })).await;
        assert_eq!(foreign["errors"][0]["extensions"]["code"], "FORBIDDEN");
        let of_all = app.admin(REQUESTS, json!({})).await["dataRequests"]["nodes"].as_array().unwrap().len();
        assert_eq!(of_all, 2);

        shop.ask_by_law("customers/redact", &of_vera(&json!({ "customer": { "id": 7_700_123 } })), "customer_redact").await;
        assert_eq!(answer(&about_vera).await["userErrors"][0]["code"], "NOT_FOUND", "nothing is known any more");
        assert!(requests(&merchant).await[1]["erasedAt"].is_string());
        let live = in_view(app).await;
        app.service().data.projector.rebuild(data_requests::VIEW).await.unwrap().unwrap();
        rebuilt(app, data_requests::VIEW, 2).await;
        assert_eq!((in_view(app).await, live.len()), (live, 2));
    }

    async fn whom_a_person_erases_is_erased_from_what_stores_asked_too(app: &TestApp) {
        let (merchant, neighbour) = (app.merchant().await, app.merchant().await);
        for merchant in [&merchant, &neighbour] {
            let shop = merchant.shop(Provider::Shopify).await;
            shop.post(&order_of_vera(1)).await.accepted("queued");
            shop.ask_by_law("customers/data_request", &question_about_vera(), "customer_data_request").await;
            let of_another = of_vera(&json!({ "orders_requested": [], "customer": { "id": 5, "email": "a@b.c" } }));
            shop.ask_by_law("customers/data_request", &of_another, "customer_data_request").await;
        }
        let erase = async |key: &str, customer: &str, dry_run: bool| {
            let input = json!({ "customer": customer, "dryRun": dry_run });
            app.ask(key, ERASE, json!({ "input": input })).await["done"].clone()
        };
        let preview = erase(&app.admin.api_key, "Vera.Violet@example.org", true).await;
        assert_eq!((&preview["matched"], &preview["accounts"], &preview["dataRequests"]), (&json!(2), &json!(2), &json!(2)));
        assert_eq!(readable_notices(app).await, 4, "a preview erases nothing");
        let erased = erase(&merchant.key, "vera.violet@example.org", false).await;
        assert_eq!((&erased["erased"], &erased["dataRequests"], &erased["accounts"]), (&json!(1), &json!(1), &json!(1)));
        assert_eq!(readable_notices(app).await, 3);
        // Nothing but the question is known of this one.
        let asked_about = erase(&app.admin.api_key, "5", false).await;
        assert_eq!((&asked_about["matched"], &asked_about["dataRequests"], &asked_about["accounts"]), (&json!(0), &json!(2), &json!(2)));
        assert_eq!(readable_notices(app).await, 1);
        assert_eq!(erase(&merchant.key, "5", false).await["userErrors"][0]["code"], "NOT_FOUND");
        app.settle().await;
        let states: Vec<bool> = requests(&neighbour).await.iter().map(|request| request["erasedAt"].is_null()).collect();
        assert_eq!(states, [false, true], "the neighbour's own question about Vera is still to be answered");
    }

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
        let (requests,): (i64,) = app.service().data.log.raw_database()
            .fetch_one("SELECT count(*) FROM events WHERE event_type = 'data_requested'".into()).await.unwrap();
        assert_eq!((requests, readable_notices(app).await, named_in(&shop).await), (1, 1, 6));

        // A body of another shape does nothing, whatever the unsigned header says; and that is shown.
        shop.ask_by_law("customers/redact", &question, "unusable").await;
        assert_eq!(named_in(&shop).await, 6);

        let by_email = of_vera(&json!({ "customer": { "email": "Vera.Violet@example.org" } }));
        shop.ask_by_law("customers/redact", &by_email, "customer_redact").await;
        assert_eq!((named_in(&shop).await, named_in(&other).await), (2, 1));
        let by_order = of_vera(&json!({ "customer": { "id": 1, "email": "x@y.z" }, "orders_to_redact": [6, 4711] }));
        shop.ask_by_law("customers/redact", &by_order, "customer_redact").await;
        assert_eq!(named_in(&shop).await, 1);
        assert_eq!(readable_notices(app).await, 0, "what was unusable named Vera too");

        let outcomes = merchant.ask("{ webhookReceipts(first: 3) { nodes { outcome } } }", json!({})).await;
        let outcomes = &outcomes["webhookReceipts"]["nodes"];
        assert_eq!(*outcomes, json!([{ "outcome": "CUSTOMER_REDACT" }, { "outcome": "CUSTOMER_REDACT" }, { "outcome": "UNUSABLE" }]));
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
        shop.ask_by_law("shop/redact", &of_vera(&json!({ "id": 5 })), "unusable").await;
        assert_eq!(named_in(&shop).await, 3);
        for shop in [&shop, &other] {
            shop.ask_by_law("customers/create", &json!({ "id": 7, "email": "a@b.co" }), "not_an_order").await;
            shop.ask_by_law("checkouts/create", &json!({ "id": 8, "abandoned_checkout_url": "x" }), "not_an_order").await;
        }
        assert_eq!(readable_notices(app).await, 5);
        shop.ask_by_law("shop/redact", &of_vera(&json!({ "plan": "basic" })), "shop_redact").await;
        assert_eq!((named_in(&shop).await, named_in(&other).await), (0, 3));
        assert_eq!(readable_notices(app).await, 2, "those of the other shop");
        assert_eq!(merchant.deliveries().await.len(), 6, "that there were orders is still shown");
    }

    async fn every_stored_body_that_names_a_customer_is_erased_with_them(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Shopify).await;
        let vera = "vera.violet@example.org";
        let bodies = [
            ("customers/create", json!({ "id": 7_700_123, "email": vera, "first_name": "Vera" }), "not_an_order"),
            ("checkouts/create", json!({ "id": 1, "abandoned_checkout_url": "x", "email": vera.to_uppercase() }), "not_an_order"),
            ("carts/update", json!({ "id": "c1", "token": "c1", "note": format!("gift for {vera}") }), "not_an_order"),
            ("orders/paid", json!({ "id": 5, "updated_at": "2026-11-20T12:00:00Z", "contact_email": vera }), "unusable"),
            ("customers/update", json!({ "id": 4, "email": "somebody@example.org" }), "not_an_order"),
        ];
        let send_all = async || {
            for (topic, body, status) in &bodies {
                shop.ask_by_law(topic, body, status).await;
            }
        };
        send_all().await;
        let xml = format!("<order><email>{vera}</email></order>");
        shop.post_bytes(xml.into_bytes(), &[("x-shopify-topic", "orders/paid"), ("content-type", "application/xml")]).await;
        app.settle().await;
        assert_eq!(readable_notices(app).await, 6);

        let input = |dry_run: bool| json!({ "input": { "customer": vera, "dryRun": dry_run } });
        let erase = "mutation ($input: ErasePersonalDataInput!) { done: erasePersonalData(input: $input) {
            matched dataRequests otherWebhooks userErrors { code } } }";
        let found = json!({ "matched": 0, "dataRequests": 0, "otherWebhooks": 5, "userErrors": [] });
        assert_eq!(merchant.ask(erase, input(true)).await["done"], found);
        assert_eq!(readable_notices(app).await, 6);
        assert_eq!(merchant.ask(erase, input(false)).await["done"], found);
        assert_eq!(readable_notices(app).await, 1);

        send_all().await;
        let redact = of_vera(&json!({ "customer": { "id": 7_700_123, "email": vera } }));
        shop.ask_by_law("customers/redact", &redact, "customer_redact").await;
        assert_eq!(readable_notices(app).await, 1, "what was erased is not stored again, and another customer's is stored once");
        assert_eq!(found_in_databases(app, &[vera]).await, Vec::<String>::new());
    }

    async fn an_address_means_also_what_a_store_names_by_the_id_alone(app: &TestApp) {
        let merchant = app.merchant().await;
        let (shop, other) = (merchant.shop(Provider::Shopify).await, merchant.shop(Provider::Shopify).await);
        let vera = "vera.violet@example.org";
        let by_id_alone = |id: u64| {
            let mut order = order_of_vera(id);
            order.as_object_mut().unwrap().remove("email");
            order
        };
        shop.post(&order_of_vera(1001)).await.accepted("queued");
        shop.post(&by_id_alone(1002)).await.accepted("queued");
        // Another store gave the same id to another customer.
        other.post(&by_id_alone(1003)).await.accepted("queued");
        for shop in [&shop, &other] {
            shop.ask_by_law("carts/update", &json!({ "token": "c1", "customer_id": 7_700_123 }), "not_an_order").await;
        }
        // Whose the address is of two customers, this does not say.
        let both = json!({ "email": vera, "customers": [{ "customer_id": 7_700_123 }, { "customer_id": 55 }] });
        shop.ask_by_law("segments/update", &both, "not_an_order").await;
        shop.ask_by_law("carts/update", &json!({ "token": "c2", "customer_id": 55 }), "not_an_order").await;
        assert_eq!(readable_notices(app).await, 4);

        let export = "mutation ($customer: String!) { done: exportPersonalData(input: { customer: $customer }) {
            matched deliveries otherWebhooks endCursor userErrors { code } } }";
        let exported = merchant.ask(export, json!({ "customer": vera })).await["done"].clone();
        assert_eq!((&exported["matched"], &exported["endCursor"]), (&json!(2), &Value::Null), "{exported}");
        let others = exported["otherWebhooks"].as_array().unwrap();
        assert_eq!(others.len(), 2, "{exported}");
        assert_eq!((&others[0]["topic"], &others[0]["body"]["customer_id"]), (&json!("carts/update"), &json!(7_700_123)));
        let by_cart_alone = merchant.ask(export, json!({ "customer": "55" })).await["done"].clone();
        assert_eq!((&by_cart_alone["matched"], &by_cart_alone["userErrors"]), (&json!(0), &json!([])), "{by_cart_alone}");
        assert_eq!(by_cart_alone["otherWebhooks"].as_array().unwrap().len(), 2);

        let erased = merchant.ask(ERASE, json!({ "input": { "customer": vera } })).await["done"].clone();
        assert_eq!((&erased["matched"], &erased["erased"]), (&json!(2), &json!(2)), "{erased}");
        assert_eq!(readable_notices(app).await, 2);
        assert_eq!((named_in(&shop).await, named_in(&other).await), (0, 1));
        let none = merchant.ask(export, json!({ "customer": vera })).await["done"].clone();
        assert_eq!(none["userErrors"][0]["code"], json!("NOT_FOUND"));
        let actions = app.admin("{ operatorActions(first: 10) { nodes { summary } } }", json!({})).await.to_string();
        assert!(actions.contains("of 2 deliveries and 2 other webhooks") && actions.contains("of 0 deliveries and 2 other"), "{actions}");
    }

    async fn much_that_names_a_customer_is_written_out_in_parts(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Shopify).await;
        for id in 1..=12 {
            shop.post(&order_of_vera(id)).await.accepted("queued");
            for n in 0..2 {
                let cart = json!({ "token": format!("c{id}-{n}"), "customer_id": 7_700_123 });
                shop.ask_by_law("carts/update", &cart, "not_an_order").await;
            }
        }
        let export = "mutation ($after: String) { done: exportPersonalData(input: { customer: \"7700123\", after: $after }) {
            deliveries otherWebhooks endCursor userErrors { code } } }";
        let (mut ids, mut after) = (vec![], Value::Null);
        loop {
            let part = merchant.ask(export, json!({ "after": after })).await["done"].clone();
            assert_eq!(part["userErrors"], json!([]));
            for (list, id) in [("deliveries", "deliveryId"), ("otherWebhooks", "webhookId")] {
                ids.extend(part[list].as_array().unwrap().iter().map(|one| text(&one[id])));
            }
            after = part["endCursor"].clone();
            if after.is_null() {
                break;
            }
        }
        let all = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!((all, ids.len()), (36, 36), "each of them once");
    }

    async fn what_is_about_an_order_or_a_telephone_number_is_erased_with_it(app: &TestApp) {
        let merchant = app.merchant().await;
        let (shop, other) = (merchant.shop(Provider::Shopify).await, merchant.shop(Provider::Shopify).await);
        let unreadable = json!({ "id": 5_678_901_231_075_u64, "name": "#1075", "line_items": null, "note": "For Vera" });
        let fulfilment = json!({ "id": 3, "order_id": 5_678_901_231_075_u64, "destination": { "first_name": "Vera" } });
        let caller = json!({ "id": 9, "first_name": "Vera", "phone": "+1 (555) 625-1199" });
        let send_all = async || {
            for shop in [&shop, &other] {
                shop.ask_by_law("orders/paid", &unreadable, "unusable").await;
                shop.ask_by_law("fulfillments/create", &fulfilment, "not_an_order").await;
                shop.ask_by_law("customers/create", &caller, "not_an_order").await;
            }
        };
        send_all().await;
        let redact = of_vera(&json!({ "customer": null, "orders_to_redact": ["gid://shopify/Order/5678901231075"] }));
        shop.ask_by_law("customers/redact", &redact, "customer_redact").await;
        assert_eq!(readable_notices(app).await, 4, "the other shop's order has the same id");
        let redact = of_vera(&json!({ "customer": { "id": 424_242, "phone": "15556251199" } }));
        shop.ask_by_law("customers/redact", &redact, "customer_redact").await;
        assert_eq!(readable_notices(app).await, 3);

        let erase = "mutation ($input: ErasePersonalDataInput!) { done: erasePersonalData(input: $input) {
            otherWebhooks userErrors { code } } }";
        let by_number = merchant.ask(erase, json!({ "input": { "orderId": "1075" } })).await["done"].clone();
        assert_eq!(by_number, json!({ "otherWebhooks": 1, "userErrors": [] }), "what gives the number");
        let by_id = merchant.ask(erase, json!({ "input": { "orderId": "5678901231075" } })).await["done"].clone();
        assert_eq!(by_id, json!({ "otherWebhooks": 1, "userErrors": [] }));
        assert_eq!(readable_notices(app).await, 1);
    }

    async fn a_data_request_is_answered_with_the_orders_it_names(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Shopify).await;
        let mut nameless = orders::shopify(299_938, "mutual_max", &["STORM"]);
        nameless.as_object_mut().unwrap().remove("email");
        nameless.as_object_mut().unwrap().remove("customer");
        shop.post(&nameless).await.accepted("queued");
        shop.post(&orders::shopify(2, "somebody", &["STORM"])).await.accepted("queued");
        app.settle().await;
        let by_order = json!({ "shop_domain": "a.b", "orders_requested": [299_938], "data_request": { "id": 9 } });
        shop.ask_by_law("customers/data_request", &by_order, "customer_data_request").await;
        let listed = requests(&merchant).await;
        assert_eq!(listed[0]["deliveries"], json!(1));
        let answer = merchant.ask(ANSWER, json!({ "id": listed[0]["id"] })).await["done"].clone();
        assert_eq!(answer["matched"], json!(1));
        assert_eq!(answer["deliveries"][0]["orderId"], json!("299938"), "{answer}");
    }

    async fn a_privacy_request_in_another_shape_acts_or_is_shown(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.shop(Provider::Shopify).await;
        for number in 1..=3 {
            shop.post(&orders::shopify(number, &format!("fan_{number}"), &["STORM"])).await.accepted("queued");
        }
        app.settle().await;
        let orders_alone = json!({ "customer": null, "orders_to_redact": [1], "extra": { "field": true } });
        shop.ask_by_law("customers/redact", &orders_alone, "customer_redact").await;
        assert_eq!(named_in(&shop).await, 2);
        let by_number = json!({ "shop_domain": "a.b", "customer": { "id": "5", "email": 77 }, "orders_to_redact": [2] });
        shop.ask_by_law("customers/redact", &by_number, "customer_redact").await;
        assert_eq!(named_in(&shop).await, 1);
        // Shopify sends them when the app is gone; the integration may be deactivated by then.
        shop.update(json!({ "active": false })).await;
        shop.ask_by_law("customers/redact", &json!([{ "customer": { "id": "5" } }]), "unusable").await;
        shop.ask_by_law("customers/redact", &json!({ "shop_id": 1, "customer": { "phone": "555" } }), "unusable").await;
        assert_eq!(named_in(&shop).await, 1);
        let receipts = "{ webhookReceipts(first: 1) { nodes { outcome reason } } }";
        let seen = merchant.ask(receipts, json!({})).await["webhookReceipts"]["nodes"][0].clone();
        assert!(seen["outcome"] == "UNUSABLE" && seen["reason"].as_str().unwrap().contains("names no order: nothing was done"), "{seen}");
        shop.ask_by_law("shop/redact", &json!({ "shop_domain": "storm.myshopify.com" }), "shop_redact").await;
        assert_eq!(named_in(&shop).await, 0);
        let order = shop.post(&orders::shopify(3, "somebody", &["STORM"])).await;
        assert_eq!(order.status, 404, "orders of a deactivated integration are refused as before");
    }
}
