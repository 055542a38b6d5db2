//! Orders that webhooks only name, of integrations that only publish: each is read at its store without a delivery, and published
//! as it was read.

use chrono::TimeDelta;
use cloud_bridge::app::summary::summary;
use cloud_bridge::store_sandbox::{Fault, HoldPoint, Operation, Stage};
use cqrs_es::Aggregate as _;
use domain::integration::Provider;
use domain::resource::Resource;
use event_log::Sequence;
use serde_json::{Value, json};

use crate::app::{Merchant, TestApp};
use crate::engines::on_each_engine;
use crate::erasure::{ERASE, found_in_databases};
use crate::thin_orders::{BOTH, ThinShop};

/// A store that only publishes.
pub(crate) async fn publishing<'a>(merchant: &Merchant<'a>, provider: Provider, has_access: bool) -> ThinShop<'a> {
    let shop = if has_access {
        ThinShop::with_access(merchant, provider).await
    } else {
        ThinShop::connect(merchant, provider).await
    };
    shop.shop.update(json!({ "purpose": "PUBLISHES" })).await;
    // Its webhooks are made first, and what it sells is read: that is not to meet what the story does to its token.
    merchant.app.settle().await;
    shop
}

/// Places an order of which nothing is delivered, and returns its id in the store.
async fn place(shop: &ThinShop<'_>) -> String {
    let (order, answer) = shop.place(ThinShop::new_order("mutual_max")).await;
    assert_eq!((&answer.body["status"], &answer.body["deliveryId"]), (&json!("commerce"), &Value::Null));
    order
}

/// What was published, the oldest first.
async fn published(shop: &ThinShop<'_>) -> Vec<Value> {
    shop.shop.merchant.app.settle().await;
    let document = "query ($id: ID) { commerceEvents(first: 100, filter: { integrationId: $id }) {
        nodes { type objectId data } } }";
    let mut found = shop.shop.merchant.ask(document, json!({ "id": shop.shop.id })).await;
    let Value::Array(mut nodes) = found["commerceEvents"]["nodes"].take() else { panic!("a list: {found}") };
    nodes.reverse();
    nodes
}

async fn types(shop: &ThinShop<'_>) -> Vec<String> {
    published(shop).await.iter().map(|event| event["type"].as_str().expect("a type").to_owned()).collect()
}

/// What the integration says of orders that are still to be read.
async fn unread(shop: &ThinShop<'_>) -> Vec<Value> {
    shop.shop.merchant.app.settle().await;
    let document = "query ($id: ID!) { integration(id: $id) { unreadOrders(first: 9) {
        nodes { orderId streamId code resolution nextReadAt } } } }";
    let found = shop.shop.merchant.ask(document, json!({ "id": shop.shop.id })).await;
    found["integration"]["unreadOrders"]["nodes"].as_array().expect("a list").clone()
}

/// Why nothing came of each webhook, and what was published of it, the newest first.
async fn receipts(shop: &ThinShop<'_>) -> Vec<(String, Vec<String>)> {
    shop.shop.merchant.app.settle().await;
    let document = "query ($id: ID) { webhookReceipts(first: 9, filter: { integrationId: $id }) {
        nodes { reason commerceEvents { type } } } }";
    let found = shop.shop.merchant.ask(document, json!({ "id": shop.shop.id })).await;
    let nodes = found["webhookReceipts"]["nodes"].as_array().expect("a list");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let types =
        |node: &Value| node["commerceEvents"].as_array().expect("a list").iter().map(|of| text(&of["type"])).collect();
    nodes.iter().map(|node| (text(&node["reason"]), types(node))).collect()
}

fn says(unread: &Value, sentence: &str) -> bool {
    unread["resolution"].as_str().is_some_and(|resolution| resolution.contains(sentence))
}

on_each_engine! {
    async fn an_order_that_is_only_published_is_read_and_published_whole_and_none_to_deliver(app: &TestApp) {
        for provider in BOTH {
            let merchant = app.merchant().await;
            let shop = publishing(&merchant, provider, true).await;
            let order = place(&shop).await;
            let events = published(&shop).await;
            assert_eq!(types(&shop).await, ["order.created", "order.paid"], "{provider:?}");
            let created = &events[0]["data"];
            assert_eq!((&created["orderId"], &created["customer"]["email"]), (&json!(order), &json!("max@example.com")));
            assert!(created["total"]["amount"].is_i64() && created["items"][0]["title"] == json!("Storm Drive"), "{created}");
            shop.cancel(&order).await;
            assert_eq!(types(&shop).await[2..], ["order.updated", "order.cancelled"], "{provider:?}");
            assert_eq!(unread(&shop).await, [] as [Value; 0]);
            assert_eq!(merchant.deliveries().await, [] as [Value; 0]);
        }
        assert_eq!(app.cortex.follow_count("mutual_max").calls, 0);
    }

    async fn a_refund_that_a_webhook_only_names_is_published(app: &TestApp) {
        let shop = publishing(&app.merchant().await, Provider::BigCommerce, true).await;
        let order = place(&shop).await;
        app.settle().await;
        let refunded = app.stores.refund(&shop.store, &order, 0, 1).unwrap();
        shop.shop.post_bytes(refunded.body.into_bytes(), &[]).await;
        let types = types(&shop).await;
        assert!(types.contains(&"order.refunded".to_owned()), "{types:?}");
    }

    async fn without_a_token_an_order_waits_the_integration_says_so_and_saving_one_has_it_published(app: &TestApp) {
        for provider in BOTH {
            let shop = publishing(&app.merchant().await, provider, false).await;
            let orders = [place(&shop).await, place(&shop).await];
            let waiting = unread(&shop).await;
            assert_eq!(waiting.iter().map(|order| &order["orderId"]).collect::<Vec<_>>(), [&json!(orders[0]), &json!(orders[1])]);
            assert_eq!(waiting[0]["code"], json!("STORE_ACCESS_MISSING"), "{waiting:?}");
            assert!(says(&waiting[0], "no access token is saved") && says(&waiting[0], "Save an access token"), "{waiting:?}");
            assert_eq!(types(&shop).await, [""; 0]);
            app.advance(TimeDelta::days(30));
            assert_eq!(unread(&shop).await.len(), 2, "it waits for as long as it takes");
            shop.save_access(&crate::thin_orders::token_of(&shop.store)).await;
            assert_eq!(types(&shop).await.len(), 4);
            assert_eq!(unread(&shop).await, [] as [Value; 0]);

            let another = format!("another{}", shop.store);
            app.stores.replace_token(&shop.store, &another).unwrap();
            shop.cancel(&orders[0]).await;
            let waiting = unread(&shop).await;
            assert!(says(&waiting[0], "does not take the access token"), "{waiting:?}");
            shop.save_access(&another).await;
            assert_eq!(types(&shop).await[4..], ["order.updated", "order.cancelled"]);
        }
    }

    async fn each_webhook_says_what_was_published_of_the_order_that_it_names_or_why_nothing_is(app: &TestApp) {
        for provider in BOTH {
            let shop = publishing(&app.merchant().await, provider, false).await;
            let order = place(&shop).await;
            let waits = receipts(&shop).await;
            assert!(waits[0].0.contains("no access token is saved") && waits[0].1.is_empty(), "{waits:?}");
            // Both are read at once.
            app.advance(TimeDelta::seconds(1));
            shop.cancel(&order).await;
            shop.save_access(&crate::thin_orders::token_of(&shop.store)).await;
            let read = receipts(&shop).await;
            assert!(read[1].0.contains("once a later webhook had named it") && read[1].1.is_empty(), "{read:?}");
            assert_eq!(read[0], (String::new(), vec!["order.created".to_owned(), "order.cancelled".to_owned()]), "{read:?}");

            app.advance(TimeDelta::seconds(1));
            let another = place(&shop).await;
            assert_eq!(receipts(&shop).await[0], (String::new(), vec!["order.created".to_owned(), "order.paid".to_owned()]));
            app.advance(TimeDelta::seconds(1));
            shop.fault(Fault::NotFound, 8);
            shop.cancel(&another).await;
            let failed = receipts(&shop).await;
            assert!(failed[0].0.contains("the store has no such order") && failed[0].1.is_empty(), "{failed:?}");
            assert_eq!(failed[1].1, ["order.created", "order.paid"], "what it published stays its own");
        }
    }

    async fn a_webhook_of_an_order_that_is_delivered_too_says_what_was_published_of_it(app: &TestApp) {
        for provider in BOTH {
            let shop = ThinShop::with_access(&app.merchant().await, provider).await;
            shop.shop.update(json!({ "purpose": "BOTH" })).await;
            let bought = vec!["order.created".to_owned(), "order.paid".to_owned()];
            let (order, _) = shop.place(ThinShop::new_order("mutual_max")).await;
            let read = receipts(&shop).await;
            assert!(read[0].0.contains("added Storm Drive") && read[0].1 == bought, "{provider:?} {read:?}");
            app.advance(TimeDelta::seconds(1));
            shop.fault(Fault::Unavailable503, 1);
            shop.place(ThinShop::new_order("mutual_max")).await;
            let unread = receipts(&shop).await;
            assert!(unread[0].0.contains("not read at its store yet") && unread[0].1.is_empty(), "{unread:?}");
            app.advance(TimeDelta::seconds(2));
            assert_eq!(receipts(&shop).await[0].1, bought, "it was read later");
            app.advance(TimeDelta::seconds(1));
            shop.cancel(&order).await;
            let cancelled = receipts(&shop).await;
            assert_eq!(cancelled[0].1, ["order.updated", "order.cancelled"], "{cancelled:?}");
        }
    }

    async fn what_is_announced_of_an_order_that_is_delivered_and_was_erased_is_published(app: &TestApp) {
        for provider in BOTH {
            let merchant = app.merchant().await;
            let shop = ThinShop::with_access(&merchant, provider).await;
            shop.shop.update(json!({ "purpose": "BOTH" })).await;
            let (order, _) = shop.place(ThinShop::new_order("mutual_max")).await;
            assert_eq!(types(&shop).await.len(), 3, "with its delivery");
            let erased = merchant.ask(ERASE, json!({ "input": { "orderId": order } })).await;
            assert_eq!(erased["done"]["userErrors"], json!([]), "{erased}");
            shop.cancel(&order).await;
            let types = types(&shop).await;
            assert!(types.contains(&"order.cancelled".to_owned()), "{provider:?} {types:?}");
        }
    }

    async fn a_webhook_of_an_order_that_reads_as_before_says_so(app: &TestApp) {
        let shop = publishing(&app.merchant().await, Provider::BigCommerce, true).await;
        let order = place(&shop).await;
        app.settle().await;
        let shipped = app.stores.set_status(&shop.store, &order, "Shipped").unwrap().body.into_bytes();
        for _ in 0..2 {
            app.advance(TimeDelta::seconds(1));
            shop.shop.post_bytes(shipped.clone(), &[]).await;
            app.settle().await;
        }
        let receipts = receipts(&shop).await;
        assert!(receipts[0].0.contains("reads as it was known") && receipts[0].1.is_empty(), "{receipts:?}");
        assert_eq!(receipts[1], (String::new(), vec!["order.updated".to_owned()]), "{receipts:?}");
    }

    async fn a_token_that_is_saved_while_a_read_without_it_fails_is_not_missed(app: &TestApp) {
        let shop = publishing(&app.merchant().await, Provider::BigCommerce, true).await;
        assert_eq!(app.stores.subscriptions(&shop.store).len(), 16);
        app.stores.revoke_token(&shop.store).unwrap();
        app.stores.hold(Operation::BigCommerceOrder, HoldPoint::AfterEffect);
        place(&shop).await;
        app.stores.wait_for(Operation::BigCommerceOrder, Stage::Held, 1).await.unwrap();
        app.stores.replace_token(&shop.store, "the-new-token-0123456789").unwrap();
        shop.save_access("the-new-token-0123456789").await;
        app.stores.release(Operation::BigCommerceOrder);
        assert_eq!(types(&shop).await, ["order.created", "order.paid"]);
    }

    async fn a_store_that_is_down_is_read_again_and_an_order_that_it_does_not_have_ends_with_that_reason(app: &TestApp) {
        for provider in BOTH {
            let shop = publishing(&app.merchant().await, provider, true).await;
            shop.fault(Fault::Unavailable503, 2);
            place(&shop).await;
            let waiting = unread(&shop).await;
            assert!(says(&waiting[0], "HTTP 503") && waiting[0]["nextReadAt"].is_string(), "{waiting:?}");
            for seconds in [2, 7] {
                app.advance(TimeDelta::seconds(seconds));
                app.settle().await;
            }
            assert_eq!(types(&shop).await, ["order.created", "order.paid"]);

            shop.fault(Fault::NotFound, 8);
            let order = place(&shop).await;
            while unread(&shop).await[0]["nextReadAt"].is_string() {
                app.advance(TimeDelta::hours(7));
            }
            let ended = unread(&shop).await[0].clone();
            assert!(says(&ended, "the store has no such order") && says(&ended, "not tried by itself any more"), "{ended}");
            let stream = ended["streamId"].as_str().unwrap();
            let story = app.service().data.log.recorded_of(Resource::TYPE, stream, Sequence::START, 100).await.unwrap();
            let last = summary(story.last().unwrap());
            assert!(last.contains("not tried by itself any more") && last.contains("HTTP 404"), "{last}");
            // Saving the same token again has it read, or a webhook that is about it.
            shop.fault(Fault::NotFound, 8);
            shop.save_access(&crate::thin_orders::token_of(&shop.store)).await;
            let again = unread(&shop).await[0].clone();
            assert!(says(&again, "the store has no such order") && again["nextReadAt"].is_string(), "{again}");
            while unread(&shop).await[0]["nextReadAt"].is_string() {
                app.advance(TimeDelta::hours(7));
            }
            shop.cancel(&order).await;
            assert!(types(&shop).await.contains(&"order.cancelled".to_owned()));
            assert_eq!(unread(&shop).await, [] as [Value; 0]);
        }
    }

    async fn a_store_is_read_one_order_after_the_other_and_rests_as_long_as_it_asks(app: &TestApp) {
        let shop = publishing(&app.merchant().await, Provider::BigCommerce, true).await;
        app.stores.hold(Operation::BigCommerceOrder, HoldPoint::BeforeEffect);
        for _ in 0..8 {
            place(&shop).await;
        }
        app.stores.wait_for(Operation::BigCommerceOrder, Stage::Held, 1).await.unwrap();
        assert!(app.service().data.projector.run_to_head(crate::app::TIMEOUT).await, "the views follow");
        assert_eq!(app.stores.call_count(Operation::BigCommerceOrder).at(Stage::Held), 1, "one at a time");
        app.stores.release(Operation::BigCommerceOrder);
        assert_eq!(types(&shop).await.len(), 16);
    }

    async fn the_same_bytes_again_may_announce_another_change_and_what_is_not_new_publishes_nothing(app: &TestApp) {
        let shop = publishing(&app.merchant().await, Provider::BigCommerce, true).await;
        let order = place(&shop).await;
        assert_eq!(types(&shop).await.len(), 2);
        let shipped = app.stores.set_status(&shop.store, &order, "Shipped").unwrap().body.into_bytes();
        shop.shop.post_bytes(shipped.clone(), &[]).await;
        assert_eq!(types(&shop).await.len(), 3);
        let reads = app.stores.call_count(Operation::BigCommerceOrder).at(Stage::Answered);
        shop.shop.post_bytes(shipped.clone(), &[]).await;
        assert_eq!(types(&shop).await.len(), 3, "nothing new");
        assert_eq!(app.stores.call_count(Operation::BigCommerceOrder).at(Stage::Answered), reads + 1, "but it was read");
        // It was changed, and the webhook of that never came.
        app.stores.cancel(&shop.store, &order).unwrap();
        shop.shop.post_bytes(shipped, &[]).await;
        assert_eq!(types(&shop).await[3..], ["order.updated", "order.cancelled"]);
    }

    async fn what_waits_to_be_read_is_erased_with_its_customer_or_order(app: &TestApp) {
        for provider in BOTH {
            let merchant = app.merchant().await;
            let shop = publishing(&merchant, provider, true).await;
            let erase = async |input: Value| {
                let erased = merchant.ask(ERASE, json!({ "input": input })).await;
                assert_eq!(erased["done"]["userErrors"], json!([]), "{erased}");
            };
            let known = place(&shop).await;
            assert_eq!(types(&shop).await.len(), 2);
            app.stores.revoke_token(&shop.store).unwrap();
            let unknown = place(&shop).await;
            shop.cancel(&known).await;
            assert_eq!(unread(&shop).await.len(), 2, "neither is read");
            erase(json!({ "orderId": unknown })).await;
            erase(json!({ "customer": "max@example.com" })).await;
            let another = format!("another{}", shop.store);
            app.stores.replace_token(&shop.store, &another).unwrap();
            shop.save_access(&another).await;
            let events = published(&shop).await;
            assert_eq!(events.len(), 6, "{events:?}");
            assert!(!Value::Array(events).to_string().contains("max@example.com"));
        }
        assert_eq!(found_in_databases(app, &["max@example.com", "Max Musician"]).await, [""; 0]);
    }

    async fn what_was_read_is_written_out_and_erased_with_its_customer(app: &TestApp) {
        for provider in BOTH {
            let shop = publishing(&app.merchant().await, provider, true).await;
            let order = place(&shop).await;
            assert_eq!(types(&shop).await.len(), 2);
            let export = "mutation ($input: ExportPersonalDataInput!) { done: exportPersonalData(input: $input) { otherWebhooks } }";
            let customer = json!({ "input": { "customer": "max@example.com" } });
            let known = shop.shop.merchant.ask(export, customer.clone()).await;
            let read = &known["done"]["otherWebhooks"][0]["readAtStore"][0];
            assert_eq!((&read["orderId"], &read["customer"]["email"]), (&json!(order), &json!("max@example.com")), "{known}");
            assert!(!read["body"].is_null());
            let erased = shop.shop.merchant.ask(ERASE, customer).await;
            assert_eq!(erased["done"]["userErrors"], json!([]), "{erased}");
            let events = Value::Array(published(&shop).await).to_string();
            assert!(events.contains("order.created") && !events.contains("max@example.com"), "{events}");
        }
        assert_eq!(found_in_databases(app, &["max@example.com", "Max Musician"]).await, [""; 0]);
    }
}
