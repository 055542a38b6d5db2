//! What a store says of its stock in two ways: of a product, and of each location. Both come of one sale, in either order.

use domain::integration::Provider;
use serde_json::{Value, json};

use super::stock::{alert, level};
use super::{PRODUCT, Posts as _, listed, product, published, shop};
use crate::app::{Shop, TestApp};
use crate::engines::on_each_engine;

/// How many of a product there are, as programs and GraphQL have it.
pub(super) async fn stock(shop: &Shop<'_>, id: &str) -> Value {
    let app = shop.merchant.app;
    app.settle().await;
    let path = format!("/api/v1/{}/products/{id}?storeId={}", shop.provider.as_str(), shop.id);
    let (_, one) = listed(app, &shop.merchant.key, &path).await;
    let document = "query ($id: String!, $store: ID!) { products(first: 9, filter: { productId: $id, integrationId: $store }) { nodes { stock } } }";
    let asked = shop.merchant.ask(document, json!({ "id": id, "store": shop.id })).await;
    assert_eq!(asked["products"]["nodes"][0]["stock"].as_f64(), one["stock"].as_f64(), "{one}");
    one["stock"].clone()
}

/// What ran out of it: how many of it, and of the product, were left.
pub(super) async fn ran_out(shop: &Shop<'_>) -> Vec<(Value, Value)> {
    shop.merchant.app.settle().await;
    let events = published(&shop.merchant, "inventory.out_of_stock").await;
    events.iter().map(|event| (event["data"]["available"].clone(), event["data"]["productAvailable"].clone())).collect()
}

/// Posts what a store of Square counts of a variation.
async fn counts(shop: &Shop<'_>, event: &str, at: &str, counts: &[(&str, i64)]) {
    let count = |(location, quantity): &(&str, i64)| {
        json!({ "catalog_object_id": "V1", "catalog_object_type": "ITEM_VARIATION", "state": "IN_STOCK", "location_id": location,
                "quantity": quantity.to_string(), "calculated_at": at })
    };
    let counts: Vec<Value> = counts.iter().map(count).collect();
    let body = json!({ "merchant_id": "M", "type": "inventory.count.updated", "event_id": event, "created_at": at,
        "data": { "type": "inventory_counts", "id": event, "object": { "inventory_counts": counts } } });
    assert!(shop.post_bytes(body.to_string().into_bytes(), &[]).await.status.is_success());
}

/// What `products/update` says of a product with two variants, where it has room for these.
fn described(variants: &[Value], at: &str) -> Value {
    let mut of = product("Storm", 3, at);
    of["variants"] = json!(variants);
    let gid = |id: i64| json!({ "admin_graphql_api_id": format!("gid://shopify/ProductVariant/{id}") });
    of["variant_gids"] = json!([gid(1), gid(2)]);
    of
}

fn variant(id: i64, stock: i64) -> Value {
    json!({ "id": id, "inventory_item_id": id + 100, "inventory_management": "shopify", "inventory_quantity": stock })
}

/// What a location has of the second variant.
fn at_location(location: i64, available: i64, at: &str) -> Value {
    json!({ "inventory_item_id": 102, "location_id": location, "available": available, "updated_at": at })
}

on_each_engine! {
    async fn a_sale_is_counted_once_whichever_report_of_it_is_first(app: &TestApp) {
        for product_first in [true, false] {
            let merchant = app.merchant().await;
            alert(&merchant, Some(0)).await;
            let shop = shop(&merchant).await;
            shop.report("products/create", &product("Storm", 2, "2026-03-10T09:00:00Z")).await;
            for (left, at) in [(2, "2026-03-10T09:01:00Z"), (1, "2026-03-10T09:02:00Z"), (0, "2026-03-10T09:03:00Z")] {
                let (of_product, of_level) = (product("Storm", left, at), level(1, left, at));
                let both = [("products/update", of_product), ("inventory_levels/update", of_level)];
                let (first, second) = if product_first { (&both[0], &both[1]) } else { (&both[1], &both[0]) };
                shop.report(first.0, &first.1).await;
                assert_eq!(stock(&shop, PRODUCT).await, left);
                shop.report(second.0, &second.1).await;
                assert_eq!(stock(&shop, PRODUCT).await, left);
            }
            assert_eq!(ran_out(&shop).await, [(json!(0), json!(0))], "{product_first}");
        }
    }

    async fn what_is_counted_again_is_what_the_store_says_then(app: &TestApp) {
        for (now, at) in [(0, "2026-03-10T09:04:00Z"), (9, "2026-03-10T09:04:00Z")] {
            let merchant = app.merchant().await;
            alert(&merchant, Some(0)).await;
            let shop = shop(&merchant).await;
            shop.report("products/create", &product("Storm", 5, "2026-03-10T09:00:00Z")).await;
            shop.report("inventory_levels/update", &level(1, 5, "2026-03-10T09:01:00Z")).await;
            let mut uncounted = product("Storm", 5, "2026-03-10T09:03:00Z");
            uncounted["variants"][0]["inventory_management"] = Value::Null;
            shop.report("products/update", &uncounted).await;
            assert_eq!(stock(&shop, PRODUCT).await, Value::Null);
            shop.report("products/update", &product("Storm", now, at)).await;
            shop.report("inventory_levels/update", &level(1, now, at)).await;
            assert_eq!(stock(&shop, PRODUCT).await, now);
            assert_eq!(ran_out(&shop).await, []);
        }
    }

    async fn a_report_that_says_nothing_of_stock_leaves_what_is_known(app: &TestApp) {
        let merchant = app.merchant().await;
        alert(&merchant, Some(0)).await;
        let shop = shop(&merchant).await;
        shop.report("inventory_levels/update", &level(1, 5, "2026-03-10T08:59:00Z")).await;
        let mut silent = product("Storm", 5, "2026-03-10T09:00:00Z");
        silent["variants"][0].as_object_mut().unwrap().remove("inventory_quantity");
        shop.report("products/create", &silent).await;
        assert_eq!(stock(&shop, PRODUCT).await, 5);
        silent["updated_at"] = json!("2026-03-10T09:01:00Z");
        let other = json!({ "id": 8, "inventory_item_id": 9, "inventory_management": "shopify", "inventory_quantity": 2 });
        silent["variants"].as_array_mut().unwrap().push(other);
        shop.report("products/update", &silent).await;
        (silent["updated_at"], silent["variants"][1]["inventory_quantity"]) = (json!("2026-03-10T09:02:00Z"), json!(0));
        shop.report("products/update", &silent).await;
        assert_eq!(stock(&shop, PRODUCT).await, 5);
        assert_eq!(ran_out(&shop).await, [(json!(0), json!(5))], "five of the other one are left");
    }

    async fn a_report_that_comes_late_does_not_overwrite_a_later_one_of_the_other_kind(app: &TestApp) {
        let merchant = app.merchant().await;
        alert(&merchant, Some(0)).await;
        let shop = shop(&merchant).await;
        shop.report("products/create", &product("Storm", 5, "2026-03-10T09:00:00Z")).await;
        for (available, at) in [(5, "2026-03-10T09:01:00Z"), (0, "2026-03-10T09:02:00Z"), (5, "2026-03-10T09:03:00Z")] {
            shop.report("inventory_levels/update", &level(1, available, at)).await;
        }
        shop.report("products/update", &product("Storm", 0, "2026-03-10T09:02:00Z")).await;
        assert_eq!(stock(&shop, PRODUCT).await, 5);
        assert_eq!(ran_out(&shop).await.len(), 1);
    }

    async fn what_moves_from_one_location_to_another_is_not_out_of_stock_meanwhile(app: &TestApp) {
        let merchant = app.merchant().await;
        alert(&merchant, Some(0)).await;
        for stores in 1..=5 {
            let shop = merchant.bare_shop(Provider::Square, &[]).await;
            shop.update(json!({ "purpose": "PUBLISHES" })).await;
            counts(&shop, "e1", "2026-03-10T09:00:00Z", &[("L1", 5), ("L2", 0)]).await;
            counts(&shop, "e2", "2026-03-10T09:01:00Z", &[("L1", 0), ("L2", 5)]).await;
            assert_eq!(ran_out(&shop).await.len(), stores - 1);
            counts(&shop, "e3", "2026-03-10T09:02:00Z", &[("L2", 0)]).await;
            let found = ran_out(&shop).await;
            assert_eq!((found.len(), &found[0]), (stores, &(json!(0), Value::Null)));
        }
    }

    async fn of_a_variant_that_its_product_leaves_out_locations_report_the_stock(app: &TestApp) {
        let merchant = app.merchant().await;
        alert(&merchant, Some(0)).await;
        let shop = shop(&merchant).await;
        shop.report("products/create", &described(&[variant(1, 5), variant(2, 3)], "2026-03-10T09:00:00Z")).await;
        for (location, available) in [(1, 2), (2, 1)] {
            shop.report("inventory_levels/update", &at_location(location, available, "2026-03-10T09:00:00Z")).await;
        }
        shop.report("products/update", &described(&[variant(1, 5)], "2026-03-10T09:01:00Z")).await;
        assert_eq!(stock(&shop, PRODUCT).await, 8);
        shop.report("inventory_levels/update", &at_location(1, 0, "2026-03-10T09:02:00Z")).await;
        shop.report("inventory_levels/update", &at_location(2, 0, "2026-03-10T09:03:00Z")).await;
        assert_eq!(stock(&shop, PRODUCT).await, 5);
        assert_eq!(ran_out(&shop).await, [(json!(0), json!(5))]);
    }

    async fn a_variant_may_be_left_out_before_it_is_first_described(app: &TestApp) {
        let merchant = app.merchant().await;
        alert(&merchant, Some(0)).await;
        let shop = shop(&merchant).await;
        shop.report("products/create", &described(&[variant(1, 5)], "2026-03-10T09:00:00Z")).await;
        shop.report("inventory_levels/update", &at_location(1, 3, "2026-03-10T09:01:00Z")).await;
        shop.report("products/update", &described(&[variant(1, 4), variant(2, 3)], "2026-03-10T09:02:00Z")).await;
        shop.report("products/update", &described(&[variant(1, 4)], "2026-03-10T09:03:00Z")).await;
        assert_eq!(stock(&shop, PRODUCT).await, 7);
        shop.report("inventory_levels/update", &at_location(1, 0, "2026-03-10T09:04:00Z")).await;
        assert_eq!(stock(&shop, PRODUCT).await, 4);
        let events = published(&merchant, "inventory.out_of_stock").await;
        assert_eq!((&events[0]["data"]["variantId"], &events[0]["data"]["inventoryItemId"]), (&json!("2"), &json!("102")));
    }

    async fn changes_by_a_number_add_up_in_any_order_to_what_was_known(app: &TestApp) {
        let merchant = app.merchant().await;
        alert(&merchant, Some(0)).await;
        let shop = merchant.bare_shop(Provider::BigCommerce, &[]).await;
        shop.update(json!({ "purpose": "PUBLISHES" })).await;
        let product = json!({ "scope": "store/product/updated", "store_id": "1025646", "producer": "stores/abc", "hash": "1", "created_at": 1_773_133_200,
                              "data": { "type": "product", "id": 990 } });
        shop.post_bytes(product.to_string().into_bytes(), &[]).await;
        for (method, value, after, known) in [("absolute", 2, 1, 2), ("relative", -1, 5, 1), ("relative", -1, 3, 0)] {
            let body = json!({ "scope": "store/product/inventory/updated", "store_id": "1025646", "producer": "stores/abc", "hash": after.to_string(),
                "created_at": 1_773_133_200 + after, "data": { "type": "product", "id": 990, "inventory": { "product_id": 990, "method": method, "value": value } } });
            shop.post_bytes(body.to_string().into_bytes(), &[]).await;
            assert_eq!(stock(&shop, "990").await, known);
        }
        assert_eq!(ran_out(&shop).await, [(json!(0), json!(0))]);
    }
}
