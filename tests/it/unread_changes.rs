//! A change of an order that was delivered already, and that cannot be read at the store: the delivery says so, and it is read
//! once it can be.

use chrono::TimeDelta;
use cloud_bridge::store_sandbox::{Fault, HoldPoint, Operation, Stage};
use domain::integration::Provider;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::engines::on_each_engine;
use crate::thin_orders::{BOTH, ThinShop, completed, timeline};

/// What a delivery says of a change that could not be read.
async fn unread(shop: &ThinShop<'_>, id: &str) -> Value {
    let document = "query ($id: ID!) { delivery(id: $id) { unreadChange { code resolution nextReadAt } } }";
    shop.shop.merchant.ask(document, json!({ "id": id })).await["delivery"]["unreadChange"].clone()
}

async fn listed_as_unread(shop: &ThinShop<'_>) -> Vec<Value> {
    let document = "{ deliveries(first: 9, filter: { unread: true }) { nodes { id } } }";
    let found = shop.shop.merchant.ask(document, json!({})).await;
    found["deliveries"]["nodes"].as_array().expect("a list").iter().map(|node| node["id"].clone()).collect()
}

/// An order that is read and delivered.
async fn delivered(shop: &ThinShop<'_>) -> (String, String) {
    let (order, answer) = shop.place(ThinShop::new_order("mutual_max")).await;
    let id = answer.accepted("queued");
    assert_eq!(shop.shop.settled(&id).await, completed());
    (order, id)
}

on_each_engine! {
    async fn a_delivery_says_that_a_change_was_not_read_without_a_token_and_saving_one_has_it_read(app: &TestApp) {
        for provider in BOTH {
            let shop = ThinShop::with_access(&app.merchant().await, provider).await;
            let ((order, id), (_, other)) = (delivered(&shop).await, delivered(&shop).await);
            assert_eq!(unread(&shop, &id).await, Value::Null);
            app.stores.replace_token(&shop.store, &format!("another{}", shop.store)).unwrap();
            shop.cancel(&order).await.accepted("completed");
            assert_eq!(shop.shop.settled(&id).await, completed(), "it is delivered all the same");
            let said = unread(&shop, &id).await;
            assert_eq!(said["code"], json!("STORE_ACCESS_MISSING"), "{provider:?}");
            let resolution = said["resolution"].as_str().unwrap();
            assert!(resolution.contains("does not take the access token"), "{resolution}");
            assert!(resolution.contains("Save an access token") && said["nextReadAt"].is_string(), "{resolution}");
            assert_eq!(listed_as_unread(&shop).await, [json!(id)]);
            let desk = crate::terminal::desk(app, &shop.shop.merchant.key);
            let printed = desk.printed(&["deliveries", "list", "--unread"]).await;
            assert!(printed.contains(&format!("\n{id}: ")) && printed.contains("does not take the access token"), "{printed}");
            let listed = desk.json(&["deliveries", "list", "--unread"]).await;
            assert_eq!(listed["nodes"][0]["unreadChange"]["code"], json!("STORE_ACCESS_MISSING"));
            shop.save_access(&format!("another{}", shop.store)).await;
            assert_eq!(shop.shop.settled(&id).await, completed());
            assert_eq!(unread(&shop, &id).await, Value::Null);
            let sentences = timeline(&shop.shop, &id).await;
            let last: Vec<&str> = sentences.iter().rev().take(2).rev().map(String::as_str).collect();
            assert!(last[0].contains("was fixed (store_access_missing)"), "{last:#?}");
            assert!(last[1].contains("read at its store"), "{last:#?}");
            assert_eq!(unread(&shop, &other).await, Value::Null);
            assert_eq!(listed_as_unread(&shop).await, [] as [Value; 0]);
        }
    }

    async fn a_change_that_is_never_read_is_given_up_with_its_reason_and_a_saved_token_or_a_retry_has_it_read(app: &TestApp) {
        let shop = ThinShop::with_access(&app.merchant().await, Provider::BigCommerce).await;
        let ((order, id), (later, other)) = (delivered(&shop).await, delivered(&shop).await);
        app.stores.revoke_token(&shop.store).unwrap();
        shop.cancel(&order).await.accepted("completed");
        loop {
            app.settle().await;
            let said = unread(&shop, &id).await;
            if said != Value::Null && said["nextReadAt"] == Value::Null {
                break;
            }
            app.advance(TimeDelta::hours(7));
        }
        let sentences = timeline(&shop.shop, &id).await;
        let given_up = sentences.last().unwrap();
        assert!(given_up.contains("not tried by itself any more") && given_up.contains("store_access_missing"), "{given_up}");
        assert_eq!(shop.shop.seen(&id).await, completed());
        app.stores.replace_token(&shop.store, "the-new-token-0123456789").unwrap();
        shop.save_access("the-new-token-0123456789").await;
        assert_eq!(shop.shop.settled(&id).await, completed());
        assert!(timeline(&shop.shop, &id).await.last().unwrap().contains("read at its store"));

        // So it is where the store was down, and a person retries it.
        shop.fault(Fault::Unavailable503, 1);
        shop.cancel(&later).await.accepted("completed");
        app.settle().await;
        let said = unread(&shop, &other).await;
        assert_eq!(said["code"], json!("STORE_UNAVAILABLE"), "{said}");
        let retried = shop.shop.retry(&other, None).await;
        assert_eq!(retried, json!({ "delivery": { "status": "COMPLETED" }, "userErrors": [] }));
        app.settle().await;
        assert_eq!(unread(&shop, &other).await, Value::Null);
    }

    async fn a_token_that_is_saved_while_the_read_of_a_change_is_refused_is_not_missed(app: &TestApp) {
        let shop = ThinShop::with_access(&app.merchant().await, Provider::BigCommerce).await;
        let (order, id) = delivered(&shop).await;
        app.stores.revoke_token(&shop.store).unwrap();
        app.stores.hold(Operation::BigCommerceOrder, HoldPoint::AfterEffect);
        shop.cancel(&order).await.accepted("completed");
        app.stores.wait_for(Operation::BigCommerceOrder, Stage::Held, 1).await.unwrap();
        app.stores.replace_token(&shop.store, "the-new-token-0123456789").unwrap();
        shop.save_access("the-new-token-0123456789").await;
        app.stores.release(Operation::BigCommerceOrder);
        app.settle().await;
        assert_eq!(unread(&shop, &id).await, Value::Null, "it was read with the new one");
    }
}
