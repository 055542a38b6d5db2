//! At what pace orders are read at their stores: at none of the account's, and one after the other.

use cloud_bridge::sandbox::DEFAULT_PASSWORD;
use cloud_bridge::store_sandbox::{HoldPoint, Operation};
use domain::integration::Provider;
use serde_json::{Value, json};

use crate::app::{Merchant, TestApp};
use crate::delivering::wait_until;
use crate::engines::on_each_engine;
use crate::thin_orders::ThinShop;

/// What is seen of each order, once so many are read at their store.
async fn once_read(merchant: &Merchant<'_>, orders: usize) -> Vec<Value> {
    let document = "{ deliveries(first: 100) { nodes { status targetUsername } } }";
    wait_until(merchant.app, || async {
        let found = merchant.ask(document, json!({})).await;
        let seen = found["deliveries"]["nodes"].as_array().expect("a list").clone();
        let read = seen.iter().filter(|delivery| delivery["targetUsername"].is_string()).count();
        (read >= orders).then_some(seen)
    })
    .await
}

on_each_engine! {
    async fn orders_are_read_outside_the_pace_of_their_account_and_shared_within_it(app: &TestApp) {
        let merchant = app.bare_merchant(1, 1_000).await;
        merchant.save_credentials(DEFAULT_PASSWORD).await;
        let shops = [
            ThinShop::with_access(&merchant, Provider::BigCommerce).await,
            ThinShop::with_access(&merchant, Provider::Square).await,
        ];
        for shop in &shops {
            for _ in 0..8 {
                shop.place(ThinShop::new_order("mutual_max")).await.1.accepted("queued");
            }
        }
        let seen = once_read(&merchant, 16).await;
        // A minute may end meanwhile.
        let is_done = |delivery: &&Value| delivery["status"] == "COMPLETED";
        assert!(seen.iter().filter(is_done).count() <= 2, "{seen:?}");
    }

    async fn the_next_order_of_a_store_is_read_as_soon_as_the_one_before(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = ThinShop::with_access(&merchant, Provider::BigCommerce).await;
        // They wait for one that hangs. With a pause between them afterwards, the story would not end in time.
        app.stores.hold(Operation::BigCommerceOrder, HoldPoint::BeforeEffect);
        for _ in 0..200 {
            shop.place(ThinShop::new_order("mutual_max")).await.1.accepted("queued");
        }
        app.stores.release(Operation::BigCommerceOrder);
        let read = "SELECT count(*) AS number FROM delivery_states WHERE username_key IS NOT NULL";
        wait_until(app, || async { (app.count(read).await == 200).then_some(()) }).await;
    }
}
