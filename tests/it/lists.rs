//! The delivery log as people ask it: by text, by status and by time, for one merchant and for all.

use chrono::TimeDelta;
use domain::integration::Provider;
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::engines::on_each_engine;
use crate::orders;

const LIST: &str = "query ($filter: DeliveryFilter, $first: Int, $after: String) {
    deliveries(filter: $filter, first: $first, after: $after) {
        nodes { orderId } pageInfo { hasNextPage endCursor } } }";

/// More than are looked up one by one.
const MANY: usize = 1_100;

pub(crate) async fn orders_found(app: &TestApp, key: &str, filter: Value) -> Vec<String> {
    let mut found = vec![];
    let mut after = Value::Null;
    loop {
        let list = app.ask(key, LIST, json!({ "filter": filter, "first": 100, "after": after })).await;
        let list = &list["deliveries"];
        let nodes = list["nodes"].as_array().unwrap();
        found.extend(nodes.iter().map(|node| node["orderId"].as_str().unwrap().to_owned()));
        if list["pageInfo"]["hasNextPage"] == false {
            return found;
        }
        after = list["pageInfo"]["endCursor"].clone();
    }
}

on_each_engine! {
    async fn a_text_that_many_begin_with_is_found_page_by_page(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.bare_shop(Provider::Generic, &["paid"]).await;
        let other = app.merchant().await.bare_shop(Provider::Generic, &["paid"]).await;
        other.post(&orders::generic("9-1", "max", &["STORM"])).await.accepted("failed_permanent");
        let posting = (0..MANY).map(|n| {
            let shop = &shop;
            async move { shop.post(&orders::generic(&format!("9-{n:04}"), "max", &["STORM"])).await.accepted("failed_permanent") }
        });
        futures_util::stream::iter(posting).buffer_unordered(16).collect::<Vec<_>>().await;
        shop.post(&orders::generic("8-0001", "max", &["STORM"])).await.accepted("failed_permanent");
        app.settle().await;
        for key in [&merchant.key, &app.admin.api_key] {
            let all = usize::from(*key == app.admin.api_key);
            let many = orders_found(app, key, json!({ "search": "9-" })).await;
            assert_eq!(many.len(), MANY + all, "each once");
            assert_eq!(orders_found(app, key, json!({ "search": "9-0007" })).await, ["9-0007"]);
            assert_eq!(orders_found(app, key, json!({ "search": "9-000" })).await.len(), 10);
            assert_eq!(orders_found(app, key, json!({ "search": "8-" })).await, ["8-0001"]);
            let none: [String; 0] = [];
            assert_eq!(orders_found(app, key, json!({ "search": "7-" })).await, none);
            let filtered = json!({ "search": "9-00", "status": ["FAILED_PERMANENT", "QUEUED"] });
            assert_eq!(orders_found(app, key, filtered).await.len(), 100);
        }
    }

    async fn what_came_in_a_time_is_found_in_order(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.bare_shop(Provider::Generic, &["paid"]).await;
        let mut times = vec![];
        for n in 0..4 {
            times.push(app.clock.now());
            shop.post(&orders::generic(&n.to_string(), "max", &["STORM"])).await.accepted("failed_permanent");
            app.advance(TimeDelta::hours(1));
        }
        app.settle().await;
        let between = |from: usize, to: usize| json!({ "receivedFrom": times[from], "receivedTo": times[to] });
        for key in [&merchant.key, &app.admin.api_key] {
            assert_eq!(orders_found(app, key, between(1, 3)).await, ["2", "1"]);
            assert_eq!(orders_found(app, key, json!({ "receivedFrom": times[3] })).await, ["3"]);
            assert_eq!(orders_found(app, key, json!({ "receivedTo": times[1] })).await, ["0"]);
            let later = json!({ "receivedFrom": times[3] + TimeDelta::hours(2) });
            let none: [String; 0] = [];
            assert_eq!(orders_found(app, key, later).await, none);
        }
    }
}
