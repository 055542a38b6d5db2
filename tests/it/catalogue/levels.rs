//! What a store says of its stock in two ways: of a product, and of each location. Both come of one sale, in either order.

use domain::integration::Provider;
use serde_json::{Value, json};

use super::stock::{alert, level};
use super::{PRODUCT, Posts as _, listed, product, published, shop};
use crate::app::{Shop, TestApp};
use crate::engines::on_each_engine;

/// How many of a product there are, as programs and GraphQL have it.
async fn stock(shop: &Shop<'_>, id: &str) -> Value {
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
async fn ran_out(shop: &Shop<'_>) -> Vec<(Value, Value)> {
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

    async fn a_number_for_all_locations_replaces_what_was_known(app: &TestApp) {
        let merchant = app.merchant().await;
        alert(&merchant, Some(0)).await;
        let shop = merchant.bare_shop(Provider::Generic, &[]).await;
        shop.update(json!({ "purpose": "PUBLISHES" })).await;
        let posted = async |body: Value| {
            assert!(shop.post_bytes(body.to_string().into_bytes(), &[]).await.status.is_success());
        };
        let of_product = |variants: Value| {
            json!({ "type": "product.updated", "data": { "productId": "7", "title": "Storm", "images": [], "collections": [], "variants": variants } })
        };
        let of_stock = |available: Option<i64>| {
            json!({ "type": "inventory.updated", "data": { "productId": "7", "variantId": "70", "available": available } })
        };
        posted(of_product(json!([{ "variantId": "70", "stock": 5 }]))).await;
        posted(of_stock(Some(4))).await;
        assert_eq!(stock(&shop, "7").await, 4);
        posted(of_product(json!([{ "variantId": "70", "stock": 8 }]))).await;
        assert_eq!(stock(&shop, "7").await, 8);
        posted(of_product(json!([{ "variantId": "70" }]))).await;
        assert_eq!(stock(&shop, "7").await, 8);
        posted(of_stock(Some(0))).await;
        assert_eq!(stock(&shop, "7").await, 0);
        posted(of_stock(None)).await;
        assert_eq!(stock(&shop, "7").await, Value::Null);
        assert_eq!(ran_out(&shop).await, [(json!(0), json!(0))]);
        // As a whole, and known before the product is.
        posted(json!({ "type": "inventory.updated", "data": { "productId": "8", "available": 5 } })).await;
        let mut other = of_product(json!([]));
        other["data"]["productId"] = json!("8");
        posted(other.clone()).await;
        assert_eq!(stock(&shop, "8").await, 5);
        other["data"]["stock"] = json!(0);
        posted(other).await;
        assert_eq!(stock(&shop, "8").await, 0);
        assert_eq!(ran_out(&shop).await.len(), 2);
    }

    async fn variations_that_are_counted_together_run_out_together(app: &TestApp) {
        let merchant = app.merchant().await;
        alert(&merchant, Some(0)).await;
        let shop = merchant.bare_shop(Provider::WooCommerce, &[]).await;
        shop.update(json!({ "purpose": "PUBLISHES", "currency": "eur" })).await;
        let posted = async |body: Value| {
            let answer = shop.post_bytes(body.to_string().into_bytes(), &[("x-wc-webhook-topic", "product.updated")]).await;
            assert!(answer.status.is_success(), "{answer:?}");
        };
        let parent = |quantity: i64, managed: bool, at: &str| {
            json!({ "id": 11, "name": "Storm", "type": "variable", "status": "publish", "variations": [111, 112], "manage_stock": managed,
                    "stock_quantity": quantity, "date_modified_gmt": at })
        };
        let variation = |id: i64, at: &str| {
            json!({ "id": id, "name": "Storm", "type": "variation", "parent_id": 11, "status": "publish", "variations": [],
                    "manage_stock": "parent", "stock_quantity": 9, "date_modified_gmt": at })
        };
        posted(parent(9, true, "2026-03-10T09:00:00")).await;
        posted(variation(111, "2026-03-10T09:00:00")).await;
        assert_eq!(stock(&shop, "11").await, 9);
        posted(parent(0, true, "2026-03-10T09:01:00")).await;
        assert_eq!(stock(&shop, "11").await, 0);
        assert_eq!(ran_out(&shop).await, [(json!(0), json!(0))]);
        // Each of them counts by itself now, and the product follows them.
        posted(parent(0, false, "2026-03-10T09:02:00")).await;
        let by_itself = |id: i64, quantity: i64, at: &str| {
            let mut counted = variation(id, at);
            (counted["manage_stock"], counted["stock_quantity"]) = (json!(true), json!(quantity));
            counted
        };
        posted(by_itself(111, 2, "2026-03-10T09:03:00")).await;
        posted(by_itself(112, 3, "2026-03-10T09:03:00")).await;
        assert_eq!((stock(&shop, "11").await, stock(&shop, "112").await), (json!(5), json!(3)));
        posted(by_itself(112, 0, "2026-03-10T09:04:00")).await;
        assert_eq!((stock(&shop, "11").await, stock(&shop, "112").await), (json!(2), json!(0)));
        assert_eq!(ran_out(&shop).await.last(), Some(&(json!(0), json!(2))));
        // And together again: they have no number of their own then.
        posted(parent(50, true, "2026-03-10T09:05:00")).await;
        posted(variation(111, "2026-03-10T09:05:00")).await;
        assert_eq!((stock(&shop, "11").await, stock(&shop, "111").await), (json!(50), Value::Null));
        // At last it has no variations, and is not counted.
        let mut simple = parent(0, false, "2026-03-10T09:06:00");
        simple["variations"] = json!([]);
        posted(simple).await;
        assert_eq!(stock(&shop, "11").await, Value::Null);
        assert_eq!(ran_out(&shop).await.len(), 2);
    }

    async fn an_only_variation_is_not_the_product_that_it_is_counted_with(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.bare_shop(Provider::WooCommerce, &[]).await;
        shop.update(json!({ "purpose": "PUBLISHES" })).await;
        for (managed, at) in [(json!(true), "2026-03-10T09:00:00"), (json!(false), "2026-03-10T09:01:00")] {
            let of_variation = if managed == true { json!("parent") } else { json!(true) };
            let parent = json!({ "id": 11, "name": "Storm", "variations": [111], "manage_stock": managed, "stock_quantity": 5, "date_modified_gmt": at });
            let variation = json!({ "id": 111, "name": "Storm", "parent_id": 11, "variations": [], "manage_stock": of_variation,
                                    "stock_quantity": 4, "date_modified_gmt": at });
            for body in [parent, variation] {
                shop.post_bytes(body.to_string().into_bytes(), &[("x-wc-webhook-topic", "product.updated")]).await;
            }
            let expected = if managed == true { (json!(5), Value::Null) } else { (json!(4), json!(4)) };
            assert_eq!((stock(&shop, "11").await, stock(&shop, "111").await), expected);
        }
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

        let shop = merchant.bare_shop(Provider::Generic, &[]).await;
        shop.update(json!({ "purpose": "PUBLISHES" })).await;
        let variants = json!([{ "variantId": "70", "inventoryItemId": "i70", "stock": 9 }]);
        let product = json!({ "type": "product.updated", "data": { "productId": "7", "title": "Storm", "images": [], "collections": [], "variants": variants } });
        let change = |by: i64| json!({ "type": "inventory.updated", "data": { "variantId": "70", "adjustedBy": by } });
        let at_location = |available: i64| json!({ "type": "inventory.updated", "data": { "inventoryItemId": "i70", "locationId": "1", "available": available } });
        let change_at_location = json!({ "type": "inventory.updated", "data": { "inventoryItemId": "i70", "locationId": "1", "adjustedBy": -2 } });
        for (body, known) in [(product, 9), (change(-6), 3), (at_location(5), 5), (change_at_location, 3), (change(1), 4)] {
            assert!(shop.post_bytes(body.to_string().into_bytes(), &[]).await.status.is_success());
            assert_eq!(stock(&shop, "7").await, known, "{body}");
        }
    }

    async fn a_variant_is_one_by_whichever_of_its_names_its_stock_is_reported(app: &TestApp) {
        let named = [json!({ "variantId": "70" }), json!({ "inventoryItemId": "i70" }), json!({ "productId": "7" }),
            json!({ "variantId": "70", "inventoryItemId": "i70", "productId": "7" })];
        for first in 0..named.len() {
            let merchant = app.merchant().await;
            alert(&merchant, Some(0)).await;
            let shop = merchant.bare_shop(Provider::Generic, &[]).await;
            shop.update(json!({ "purpose": "PUBLISHES" })).await;
            let posted = async |of: &str, data: &Value| {
                let body = json!({ "type": of, "data": data });
                assert!(shop.post_bytes(body.to_string().into_bytes(), &[]).await.status.is_success());
            };
            let product = |stock: Option<i64>, named_so: &Value| {
                let mut variant = json!({ "variantId": "70", "stock": stock });
                if let Some(id) = named_so.get("inventoryItemId") {
                    variant["inventoryItemId"] = id.clone();
                }
                json!({ "productId": "7", "title": "Storm", "images": [], "collections": [], "variants": [variant] })
            };
            // Of a product that is known, or not yet.
            posted("product.updated", &product(Some(9), &named[3])).await;
            for (index, names) in named.iter().cycle().skip(first).take(named.len()).enumerate() {
                let mut level = names.clone();
                level["available"] = json!(5 - index);
                posted("inventory.updated", &level).await;
                assert_eq!(stock(&shop, "7").await, 5 - index, "{names}");
                posted("product.updated", &product(None, names)).await;
                assert_eq!(stock(&shop, "7").await, 5 - index, "a report that says nothing of stock");
            }
            let mut level = named[first].clone();
            level["available"] = json!(0);
            posted("inventory.updated", &level).await;
            assert_eq!(ran_out(&shop).await, [(json!(0), json!(0))]);
            let events = published(&merchant, "inventory.out_of_stock").await;
            assert_eq!(events[0]["data"]["variantId"], "70");
        }
    }

    async fn what_was_reported_by_two_names_is_one_once_a_report_has_both(app: &TestApp) {
        let merchant = app.merchant().await;
        let posted = async |shop: &Shop<'_>, of: &str, data: Value| {
            let body = json!({ "type": of, "data": data });
            assert!(shop.post_bytes(body.to_string().into_bytes(), &[]).await.status.is_success());
        };
        let product = |variants: Value| json!({ "productId": "7", "title": "Storm", "images": [], "collections": [], "variants": variants });
        let (by_variant, by_item) = (|available: i64| json!({ "variantId": "70", "available": available }), |available: i64| json!({ "inventoryItemId": "i70", "available": available }));
        for variant_last in [true, false] {
            let shop = merchant.bare_shop(Provider::Generic, &[]).await;
            shop.update(json!({ "purpose": "PUBLISHES" })).await;
            let both = if variant_last { [by_item(4), by_variant(9)] } else { [by_variant(4), by_item(9)] };
            for level in both {
                posted(&shop, "inventory.updated", level).await;
            }
            posted(&shop, "product.updated", product(json!([{ "variantId": "70", "inventoryItemId": "i70" }]))).await;
            assert_eq!(stock(&shop, "7").await, 9, "the latest");
            for (level, known) in [(by_variant(3), 3), (by_item(2), 2), (by_variant(1), 1)] {
                posted(&shop, "inventory.updated", level).await;
                assert_eq!(stock(&shop, "7").await, known);
            }
        }
    }

    async fn what_a_product_is_known_to_have_stays_its_own_when_a_report_names_it_otherwise(app: &TestApp) {
        let merchant = app.merchant().await;
        alert(&merchant, Some(0)).await;
        let shop = merchant.bare_shop(Provider::Generic, &[]).await;
        shop.update(json!({ "purpose": "PUBLISHES" })).await;
        let posted = async |of: &str, data: Value| {
            let body = json!({ "type": of, "data": data });
            assert!(shop.post_bytes(body.to_string().into_bytes(), &[]).await.status.is_success());
        };
        let variants = json!([{ "variantId": "70", "sku": "STORM", "stock": 5 }]);
        posted("product.updated", json!({ "productId": "7", "title": "Storm", "images": [], "collections": [], "variants": variants })).await;
        posted("inventory.updated", json!({ "inventoryItemId": "i70", "available": 5 })).await;
        for (names, left) in [(json!({ "variantId": "70", "inventoryItemId": "i70" }), 4), (json!({ "inventoryItemId": "i70" }), 3), (json!({ "variantId": "70" }), 0)] {
            let mut level = names;
            level["available"] = json!(left);
            posted("inventory.updated", level).await;
            assert_eq!(stock(&shop, "7").await, left);
        }
        assert_eq!(ran_out(&shop).await, [(json!(0), json!(0))]);
        let events = published(&merchant, "inventory.out_of_stock").await;
        assert_eq!((&events[0]["objectId"], &events[0]["data"]["sku"]), (&json!("7"), &json!("STORM")));
    }

    async fn the_name_of_a_product_is_that_of_its_only_variant_and_else_of_the_whole(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = merchant.bare_shop(Provider::Generic, &[]).await;
        shop.update(json!({ "purpose": "PUBLISHES" })).await;
        let posted = async |of: &str, data: Value| {
            let body = json!({ "type": of, "data": data });
            assert!(shop.post_bytes(body.to_string().into_bytes(), &[]).await.status.is_success());
        };
        let product = |variants: Value| json!({ "productId": "7", "title": "Storm", "images": [], "collections": [], "variants": variants });
        let whole = |available: i64| json!({ "productId": "7", "available": available });
        posted("product.updated", product(json!([{ "variantId": "70", "stock": 5 }]))).await;
        posted("inventory.updated", whole(4)).await;
        assert_eq!(stock(&shop, "7").await, 4);
        posted("product.updated", product(json!([{ "variantId": "70" }, { "variantId": "71", "stock": 2 }]))).await;
        assert_eq!(stock(&shop, "7").await, 6);
        posted("inventory.updated", whole(3)).await;
        assert_eq!(stock(&shop, "7").await, 3);
        posted("product.updated", product(json!([{ "variantId": "70", "stock": 8 }]))).await;
        assert_eq!(stock(&shop, "7").await, 8, "it has one again");
        posted("inventory.updated", whole(1)).await;
        assert_eq!(stock(&shop, "7").await, 1);
    }

    async fn of_a_variant_that_its_product_leaves_out_locations_report_the_stock(app: &TestApp) {
        let merchant = app.merchant().await;
        alert(&merchant, Some(0)).await;
        let shop = shop(&merchant).await;
        let variant = |id: i64, stock: i64| json!({ "id": id, "inventory_item_id": id + 100, "inventory_management": "shopify", "inventory_quantity": stock });
        let of = |variants: Vec<Value>, at: &str| {
            let mut of = product("Storm", 3, at);
            of["variants"] = json!(variants);
            of["variant_gids"] = json!([1, 2].map(|id| json!({ "admin_graphql_api_id": format!("gid://shopify/ProductVariant/{id}") })));
            of
        };
        let at_location = |item: i64, location: i64, available: i64, at: &str| {
            json!({ "inventory_item_id": item, "location_id": location, "available": available, "updated_at": at })
        };
        shop.report("products/create", &of(vec![variant(1, 5), variant(2, 3)], "2026-03-10T09:00:00Z")).await;
        for (location, available) in [(1, 2), (2, 1)] {
            shop.report("inventory_levels/update", &at_location(102, location, available, "2026-03-10T09:00:00Z")).await;
        }
        shop.report("products/update", &of(vec![variant(1, 5)], "2026-03-10T09:01:00Z")).await;
        assert_eq!(stock(&shop, PRODUCT).await, 8);
        shop.report("inventory_levels/update", &at_location(102, 1, 0, "2026-03-10T09:02:00Z")).await;
        shop.report("inventory_levels/update", &at_location(102, 2, 0, "2026-03-10T09:03:00Z")).await;
        assert_eq!(stock(&shop, PRODUCT).await, 5);
        assert_eq!(ran_out(&shop).await, [(json!(0), json!(5))]);
    }

    async fn a_variant_may_be_left_out_before_it_is_first_described(app: &TestApp) {
        let merchant = app.merchant().await;
        alert(&merchant, Some(0)).await;
        let shop = shop(&merchant).await;
        let variant = |id: i64, stock: i64| json!({ "id": id, "inventory_item_id": id + 100, "inventory_quantity": stock });
        let of = |variants: Vec<Value>, at: &str| {
            let mut of = product("Storm", 3, at);
            of["variants"] = json!(variants);
            of["variant_gids"] = json!([1, 2].map(|id| json!({ "admin_graphql_api_id": format!("gid://shopify/ProductVariant/{id}") })));
            of
        };
        let at_location = |item: i64, available: i64, at: &str| {
            json!({ "inventory_item_id": item, "location_id": 1, "available": available, "updated_at": at })
        };
        shop.report("products/create", &of(vec![variant(1, 5)], "2026-03-10T09:00:00Z")).await;
        shop.report("inventory_levels/update", &at_location(102, 3, "2026-03-10T09:01:00Z")).await;
        shop.report("products/update", &of(vec![variant(1, 4), variant(2, 3)], "2026-03-10T09:02:00Z")).await;
        shop.report("products/update", &of(vec![variant(1, 4)], "2026-03-10T09:03:00Z")).await;
        assert_eq!(stock(&shop, PRODUCT).await, 7);
        shop.report("inventory_levels/update", &at_location(102, 0, "2026-03-10T09:04:00Z")).await;
        assert_eq!(stock(&shop, PRODUCT).await, 4);
        let events = published(&merchant, "inventory.out_of_stock").await;
        assert_eq!((&events[0]["data"]["variantId"], &events[0]["data"]["inventoryItemId"]), (&json!("2"), &json!("102")));
    }
}
