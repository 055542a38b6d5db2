//! How much there is of what stores sell, and what is published when it runs out.

use domain::integration::Provider;
use serde_json::{Value, json};

use super::{PRODUCT, Posts as _, listed, product, published, shop};
use crate::app::{Merchant, TestApp, text};
use crate::engines::on_each_engine;

pub(super) fn level(location: i64, available: i64, at: &str) -> Value {
    json!({ "inventory_item_id": 49_148_385, "location_id": location, "available": available, "updated_at": at,
            "admin_graphql_api_id": format!("gid://shopify/InventoryLevel/{location}?inventory_item_id=49148385") })
}

pub(super) async fn alert(merchant: &Merchant<'_>, threshold: Option<i64>) -> Value {
    let document = "mutation ($input: SetStockAlertInput!) {
        setStockAlert(input: $input) { account { stockAlert } userErrors { code field } } }";
    merchant.ask(document, json!({ "input": { "threshold": threshold } })).await["setStockAlert"].clone()
}

on_each_engine! {
    async fn stock_that_runs_out_is_published_once_and_names_its_product(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = shop(&merchant).await;
        assert_eq!(alert(&merchant, Some(2)).await["account"]["stockAlert"], 2);
        shop.report("products/create", &product("Storm", 7, "2026-03-10T09:00:00Z")).await;
        shop.report("inventory_levels/update", &level(1, 4, "2026-03-10T09:01:00Z")).await;
        shop.report("inventory_levels/update", &level(2, 3, "2026-03-10T09:02:00Z")).await;
        shop.report("products/update", &product("Storm", 7, "2026-03-10T09:02:00Z")).await;
        shop.report("inventory_levels/update", &level(1, 0, "2026-03-10T09:03:00Z")).await;
        shop.report("products/update", &product("Storm", 3, "2026-03-10T09:03:00Z")).await;
        app.settle().await;
        assert_eq!(published(&merchant, "inventory.out_of_stock").await, Vec::<Value>::new());
        shop.report("products/update", &product("Storm", 2, "2026-03-10T09:04:00Z")).await;
        shop.report("inventory_levels/update", &level(2, 2, "2026-03-10T09:04:00Z")).await;
        shop.report("inventory_levels/update", &level(2, 1, "2026-03-10T09:05:00Z")).await;
        shop.report("products/update", &product("Storm", 1, "2026-03-10T09:05:00Z")).await;
        app.settle().await;
        let ran_out = published(&merchant, "inventory.out_of_stock").await;
        assert_eq!(ran_out.len(), 1, "{ran_out:?}");
        assert_eq!((&ran_out[0]["objectKind"], &ran_out[0]["objectId"]), (&json!("product"), &json!(PRODUCT)));
        assert_eq!(
            ran_out[0]["data"],
            json!({ "productId": PRODUCT, "variantId": "808950810", "sku": "STORM", "inventoryItemId": "49148385", "available": 2, "productAvailable": 2, "threshold": 2 })
        );
        let levels = published(&merchant, "inventory.updated").await;
        assert_eq!((levels.len(), &levels[0]["data"]["productId"]), (5, &json!(PRODUCT)));
        let (_, listed) = listed(app, &merchant.key, "/api/v1/shopify/products").await;
        assert_eq!(listed["products"][0]["stock"], 1);
        // It has been above since.
        shop.report("products/update", &product("Storm", 9, "2026-03-10T09:06:00Z")).await;
        shop.report("products/update", &product("Storm", 0, "2026-03-10T09:07:00Z")).await;
        app.settle().await;
        assert_eq!(published(&merchant, "inventory.out_of_stock").await.len(), 2);
    }

    async fn the_only_location_of_a_store_runs_out_by_its_own_report(app: &TestApp) {
        let merchant = app.merchant().await;
        alert(&merchant, Some(0)).await;
        let shop = shop(&merchant).await;
        shop.report("products/create", &product("Storm", 7, "2026-03-10T09:00:00Z")).await;
        shop.report("inventory_levels/update", &level(1, 0, "2026-03-10T09:01:00Z")).await;
        app.settle().await;
        let ran_out = published(&merchant, "inventory.out_of_stock").await;
        assert_eq!((ran_out.len(), &ran_out[0]["objectId"], &ran_out[0]["data"]["available"]), (1, &json!(PRODUCT), &json!(0)));

        // Once another location has reported anything, it may have the rest of what the product's own report states.
        let other = json!({ "inventory_item_id": 5, "location_id": 2, "available": 1, "updated_at": "2026-03-10T09:02:00Z" });
        shop.report("inventory_levels/update", &other).await;
        shop.report("products/update", &product("Storm", 7, "2026-03-10T09:03:00Z")).await;
        shop.report("inventory_levels/update", &level(3, 0, "2026-03-10T09:04:00Z")).await;
        app.settle().await;
        assert_eq!(published(&merchant, "inventory.out_of_stock").await.len(), 1);
    }

    async fn what_is_not_counted_any_more_did_not_run_out(app: &TestApp) {
        let merchant = app.merchant().await;
        alert(&merchant, Some(4)).await;
        let shop = shop(&merchant).await;
        let stock = async || {
            app.settle().await;
            let (_, listed) = listed(app, &merchant.key, &format!("/api/v1/shopify/products/{PRODUCT}")).await;
            (listed["stock"].clone(), listed["variants"][0]["stock"].clone())
        };
        let uncounted_level = |location, at| {
            let mut level = level(location, 0, at);
            level["available"] = Value::Null;
            level
        };
        shop.report("products/create", &product("Storm", 9, "2026-03-10T09:00:00Z")).await;
        shop.report("inventory_levels/update", &level(1, 5, "2026-03-10T09:01:00Z")).await;
        shop.report("inventory_levels/update", &level(2, 4, "2026-03-10T09:02:00Z")).await;
        assert_eq!(stock().await, (json!(9), json!(9)));
        let mut uncounted = product("Storm", 9, "2026-03-10T09:03:00Z");
        uncounted["variants"][0]["inventory_management"] = Value::Null;
        shop.report("products/update", &uncounted).await;
        assert_eq!(stock().await, (Value::Null, Value::Null));
        shop.report("inventory_levels/update", &uncounted_level(1, "2026-03-10T09:04:00Z")).await;
        assert_eq!(stock().await, (Value::Null, Value::Null));
        // Counted again.
        shop.report("products/update", &product("Storm", 9, "2026-03-10T09:05:00Z")).await;
        assert_eq!(stock().await, (json!(9), json!(9)));
        shop.report("inventory_levels/update", &uncounted_level(2, "2026-03-10T09:06:00Z")).await;
        assert_eq!(stock().await, (json!(9), json!(9)), "what the product states counts");
        let mut untold = uncounted;
        untold["updated_at"] = json!("2026-03-10T09:07:00Z");
        shop.report("products/update", &untold).await;
        assert_eq!(stock().await, (Value::Null, Value::Null));
        assert_eq!(published(&merchant, "inventory.out_of_stock").await, Vec::<Value>::new());
    }

    async fn a_variant_stays_until_the_store_takes_it_out_and_does_not_run_out_with_that(app: &TestApp) {
        let merchant = app.merchant().await;
        alert(&merchant, Some(0)).await;
        let shop = shop(&merchant).await;
        let of = |ids: &[i64], left_out: &[i64], at: &str| {
            let mut of = product("Storm", 3, at);
            let variant = |id: &i64| json!({ "id": id, "inventory_item_id": id + 100, "inventory_quantity": 3 });
            of["variants"] = ids.iter().map(variant).collect();
            let gid = |id| json!({ "admin_graphql_api_id": format!("gid://shopify/ProductVariant/{id}") });
            of["variant_gids"] = ids.iter().chain(left_out).map(gid).collect();
            of
        };
        let variants = async || {
            app.settle().await;
            let (_, listed) = listed(app, &merchant.key, &format!("/api/v1/shopify/products/{PRODUCT}")).await;
            listed["variants"].as_array().unwrap().iter().map(|variant| text(&variant["id"])).collect::<Vec<_>>()
        };
        shop.report("products/create", &of(&[1, 2], &[], "2026-03-10T09:00:00Z")).await;
        shop.report("products/update", &of(&[1], &[2], "2026-03-10T09:01:00Z")).await;
        assert_eq!(variants().await, ["1", "2"]);
        shop.report("products/update", &of(&[1], &[], "2026-03-10T09:02:00Z")).await;
        assert_eq!(variants().await, ["1"]);
        let gone = json!({ "inventory_item_id": 102, "location_id": 1, "available": 0, "updated_at": "2026-03-10T09:03:00Z" });
        shop.report("inventory_levels/update", &gone).await;
        app.settle().await;
        assert_eq!(published(&merchant, "inventory.out_of_stock").await, Vec::<Value>::new());
    }

    async fn what_a_store_lists_without_stock_did_not_run_out(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = shop(&merchant).await;
        alert(&merchant, Some(0)).await;
        shop.report("products/create", &product("Storm", 0, "2026-03-10T09:00:00Z")).await;
        shop.report("products/update", &product("Storm", 0, "2026-03-10T09:01:00Z")).await;
        app.settle().await;
        assert_eq!(published(&merchant, "inventory.out_of_stock").await, Vec::<Value>::new());
        shop.report("products/update", &product("Storm", 3, "2026-03-10T09:02:00Z")).await;
        shop.report("products/update", &product("Storm", 0, "2026-03-10T09:03:00Z")).await;
        app.settle().await;
        assert_eq!(published(&merchant, "inventory.out_of_stock").await.len(), 1);
    }

    async fn a_location_that_is_gone_may_be_the_last_that_had_any(app: &TestApp) {
        let merchant = app.merchant().await;
        alert(&merchant, Some(0)).await;
        let shop = shop(&merchant).await;
        // What is known for the first time without any did not run out.
        shop.report("inventory_levels/update", &level(2, 0, "2026-03-10T09:00:00Z")).await;
        shop.report("inventory_levels/update", &level(1, 4, "2026-03-10T09:01:00Z")).await;
        app.settle().await;
        assert_eq!(published(&merchant, "inventory.out_of_stock").await, Vec::<Value>::new());
        let gone = json!({ "inventory_item_id": 49_148_385, "location_id": 1 });
        shop.report("inventory_levels/disconnect", &gone).await;
        app.settle().await;
        assert_eq!(published(&merchant, "inventory.out_of_stock").await[0]["data"]["available"], 0);
    }

    async fn a_variant_that_runs_out_says_what_is_left_of_its_product(app: &TestApp) {
        let merchant = app.merchant().await;
        alert(&merchant, Some(0)).await;
        let shop = shop(&merchant).await;
        let of = |small: i64, large: i64, at: &str| {
            let mut product = product("Storm", small, at);
            let mut other = product["variants"][0].clone();
            (other["id"], other["inventory_item_id"], other["sku"]) = (json!(8), json!(9), json!("STORM-L"));
            other["inventory_quantity"] = json!(large);
            product["variants"].as_array_mut().unwrap().push(other);
            product
        };
        for (small, large, at) in [(3, 2, "2026-03-10T09:00:00Z"), (0, 2, "2026-03-10T10:00:00Z"), (0, 0, "2026-03-10T11:00:00Z")] {
            shop.report("products/update", &of(small, large, at)).await;
        }
        app.settle().await;
        let ran_out = published(&merchant, "inventory.out_of_stock").await;
        let said: Vec<_> = ran_out.iter().map(|event| (&event["data"]["sku"], &event["data"]["productAvailable"])).collect();
        assert_eq!(said, [(&json!("STORM"), &json!(2)), (&json!("STORM-L"), &json!(0))]);
    }

    async fn stock_of_a_product_as_a_whole_is_listed_and_follows_what_the_store_adds(app: &TestApp) {
        let merchant = app.merchant().await;
        alert(&merchant, Some(2)).await;
        let shop = merchant.bare_shop(Provider::BigCommerce, &[]).await;
        shop.update(json!({ "purpose": "PUBLISHES" })).await;
        let stock = |method: &str, value: i64, at: i64| {
            json!({ "scope": "store/product/inventory/updated", "store_id": "1025646", "producer": "stores/abc", "hash": at.to_string(),
                    "created_at": at, "data": { "type": "product", "id": 990, "inventory": { "product_id": 990, "method": method, "value": value } } })
        };
        let product = json!({ "scope": "store/product/updated", "store_id": "1025646", "producer": "stores/abc", "hash": "1", "created_at": 1_773_133_201,
                              "data": { "type": "product", "id": 990 } });
        for body in [stock("relative", -1, 1_773_133_199), stock("absolute", 7, 1_773_133_200), product, stock("relative", -4, 1_773_133_202)] {
            shop.post_bytes(body.to_string().into_bytes(), &[]).await;
        }
        app.settle().await;
        let (_, listed) = listed(app, &merchant.key, "/api/v1/bigcommerce/products/990").await;
        assert_eq!((&listed["stock"], &listed["variants"]), (&json!(3), &json!([])));
        let updated = published(&merchant, "inventory.updated").await;
        let said: Vec<_> = updated.iter().map(|event| (&event["data"]["available"], &event["data"]["adjustedBy"])).collect();
        let (null, minus_one) = (Value::Null, json!(-1));
        assert_eq!(said, [(&null, &minus_one), (&json!(7), &null), (&null, &json!(-4))]);
        shop.post_bytes(stock("relative", -1, 1_773_133_203).to_string().into_bytes(), &[]).await;
        app.settle().await;
        let ran_out = published(&merchant, "inventory.out_of_stock").await;
        assert_eq!((ran_out.len(), &ran_out[0]["data"]["available"]), (1, &json!(2)));
    }

    async fn without_an_alert_nothing_runs_out(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = shop(&merchant).await;
        let refused = alert(&merchant, Some(-1)).await;
        assert_eq!(refused["userErrors"], json!([{ "code": "INVALID_STOCK_ALERT", "field": ["input", "threshold"] }]));
        shop.report("inventory_levels/update", &level(1, 1, "2026-03-10T09:00:00Z")).await;
        shop.report("inventory_levels/update", &level(1, 0, "2026-03-10T09:01:00Z")).await;
        app.settle().await;
        assert_eq!(published(&merchant, "inventory.out_of_stock").await, Vec::<Value>::new());
        alert(&merchant, Some(0)).await;
        shop.report("inventory_levels/update", &level(1, -1, "2026-03-10T09:02:00Z")).await;
        app.settle().await;
        assert_eq!(published(&merchant, "inventory.out_of_stock").await.len(), 1);
    }
}
