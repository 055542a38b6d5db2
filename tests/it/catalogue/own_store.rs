//! Stock that a store of one's own reports, by whichever of its names.

use domain::integration::Provider;
use serde_json::{Value, json};

use super::levels::{ran_out, stock};
use super::published;
use super::stock::alert;
use crate::app::{Merchant, Shop, TestApp};
use crate::engines::on_each_engine;

async fn store<'a>(merchant: &Merchant<'a>) -> Shop<'a> {
    alert(merchant, Some(0)).await;
    let shop = merchant.bare_shop(Provider::Generic, &[]).await;
    shop.update(json!({ "purpose": "PUBLISHES" })).await;
    shop
}

async fn posted(shop: &Shop<'_>, event_type: &str, data: Value) {
    let body = json!({ "type": event_type, "data": data });
    let answer = shop.post_bytes(body.to_string().into_bytes(), &[]).await;
    assert!(answer.status.is_success(), "{body} {answer:?}");
}

/// The product 7 with these variants.
async fn product(shop: &Shop<'_>, variants: Value) {
    let data = json!({ "productId": "7", "title": "Storm", "images": [], "collections": [], "variants": variants });
    posted(shop, "product.updated", data).await;
}

/// So many there are of what has these names.
async fn left(shop: &Shop<'_>, names: &Value, available: Option<i64>) {
    let mut data = names.clone();
    data["available"] = json!(available);
    posted(shop, "inventory.updated", data).await;
}

on_each_engine! {
    async fn a_number_for_all_locations_replaces_what_was_known(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = store(&merchant).await;
        let named = json!({ "productId": "7", "variantId": "70" });
        product(&shop, json!([{ "variantId": "70", "stock": 5 }])).await;
        left(&shop, &named, Some(4)).await;
        assert_eq!(stock(&shop, "7").await, 4);
        product(&shop, json!([{ "variantId": "70", "stock": 8 }])).await;
        assert_eq!(stock(&shop, "7").await, 8);
        product(&shop, json!([{ "variantId": "70" }])).await;
        assert_eq!(stock(&shop, "7").await, 8);
        left(&shop, &named, Some(0)).await;
        assert_eq!(stock(&shop, "7").await, 0);
        left(&shop, &named, None).await;
        assert_eq!(stock(&shop, "7").await, Value::Null);
        assert_eq!(ran_out(&shop).await, [(json!(0), json!(0))]);
    }

    async fn a_product_is_counted_as_a_whole_and_may_be_before_it_is_known(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = store(&merchant).await;
        left(&shop, &json!({ "productId": "7" }), Some(5)).await;
        product(&shop, json!([])).await;
        assert_eq!(stock(&shop, "7").await, 5);
        let whole = json!({ "productId": "7", "title": "Storm", "images": [], "collections": [], "variants": [], "stock": 0 });
        posted(&shop, "product.updated", whole).await;
        assert_eq!(stock(&shop, "7").await, 0);
        assert_eq!(ran_out(&shop).await, [(json!(0), json!(0))]);
    }

    async fn a_change_by_a_number_is_added_to_what_was_known_by_any_report(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = store(&merchant).await;
        product(&shop, json!([{ "variantId": "70", "inventoryItemId": "i70", "stock": 9 }])).await;
        let at_location = json!({ "inventoryItemId": "i70", "locationId": "1" });
        let changed = async |names: &Value, by: i64| {
            let mut data = names.clone();
            data["adjustedBy"] = json!(by);
            posted(&shop, "inventory.updated", data).await;
        };
        changed(&json!({ "variantId": "70" }), -6).await;
        assert_eq!(stock(&shop, "7").await, 3);
        left(&shop, &at_location, Some(5)).await;
        changed(&at_location, -2).await;
        assert_eq!(stock(&shop, "7").await, 3);
        changed(&json!({ "variantId": "70" }), 1).await;
        assert_eq!(stock(&shop, "7").await, 4);
    }

    async fn a_variant_is_one_by_whichever_of_its_names_its_stock_is_reported(app: &TestApp) {
        let named = [json!({ "variantId": "70" }), json!({ "inventoryItemId": "i70" }), json!({ "productId": "7" }),
            json!({ "variantId": "70", "inventoryItemId": "i70", "productId": "7" })];
        for first in 0..named.len() {
            let merchant = app.merchant().await;
            let shop = store(&merchant).await;
            product(&shop, json!([{ "variantId": "70", "inventoryItemId": "i70", "stock": 9 }])).await;
            for (index, names) in (1..).zip(named.iter().cycle().skip(first).take(named.len())) {
                left(&shop, names, Some(6 - index)).await;
                assert_eq!(stock(&shop, "7").await, 6 - index, "{names}");
                product(&shop, json!([{ "variantId": "70", "inventoryItemId": names["inventoryItemId"] }])).await;
                assert_eq!(stock(&shop, "7").await, 6 - index, "a report that says nothing of stock");
            }
            left(&shop, &named[first], Some(0)).await;
            assert_eq!(ran_out(&shop).await, [(json!(0), json!(0))]);
            assert_eq!(published(&merchant, "inventory.out_of_stock").await[0]["data"]["variantId"], "70");
        }
    }

    async fn what_was_reported_by_two_names_is_one_once_a_report_has_both(app: &TestApp) {
        let merchant = app.merchant().await;
        let (by_variant, by_item) = (json!({ "variantId": "70" }), json!({ "inventoryItemId": "i70" }));
        for [earlier, later] in [[&by_item, &by_variant], [&by_variant, &by_item]] {
            let shop = store(&merchant).await;
            left(&shop, earlier, Some(4)).await;
            left(&shop, later, Some(9)).await;
            product(&shop, json!([{ "variantId": "70", "inventoryItemId": "i70" }])).await;
            assert_eq!(stock(&shop, "7").await, 9, "the latest");
            for (names, known) in [(earlier, 3), (later, 2), (earlier, 1)] {
                left(&shop, names, Some(known)).await;
                assert_eq!(stock(&shop, "7").await, known);
            }
        }
    }

    async fn of_two_names_the_later_number_counts_by_the_stores_clock(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = store(&merchant).await;
        let at = |names: Value, at: &str| {
            let mut named = names;
            named["changedAt"] = json!(at);
            named
        };
        left(&shop, &at(json!({ "variantId": "70" }), "2026-03-10T09:02:00Z"), Some(5)).await;
        left(&shop, &at(json!({ "inventoryItemId": "i70" }), "2026-03-10T09:01:00Z"), Some(9)).await;
        product(&shop, json!([{ "variantId": "70", "inventoryItemId": "i70" }])).await;
        assert_eq!(stock(&shop, "7").await, 5);
    }

    async fn what_a_product_is_known_to_have_stays_its_own_when_a_report_names_it_otherwise(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = store(&merchant).await;
        product(&shop, json!([{ "variantId": "70", "sku": "STORM", "stock": 5 }])).await;
        left(&shop, &json!({ "inventoryItemId": "i70" }), Some(5)).await;
        for (names, known) in [(json!({ "variantId": "70", "inventoryItemId": "i70" }), 4), (json!({ "inventoryItemId": "i70" }), 3), (json!({ "variantId": "70" }), 0)] {
            left(&shop, &names, Some(known)).await;
            assert_eq!(stock(&shop, "7").await, known);
        }
        assert_eq!(ran_out(&shop).await, [(json!(0), json!(0))]);
        let events = published(&merchant, "inventory.out_of_stock").await;
        assert_eq!((&events[0]["objectId"], &events[0]["data"]["sku"]), (&json!("7"), &json!("STORM")));
    }

    async fn the_name_of_a_product_is_that_of_its_only_variant_and_else_of_the_whole(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = store(&merchant).await;
        let whole = json!({ "productId": "7" });
        product(&shop, json!([{ "variantId": "70", "stock": 5 }])).await;
        left(&shop, &whole, Some(4)).await;
        assert_eq!(stock(&shop, "7").await, 4);
        product(&shop, json!([{ "variantId": "70" }, { "variantId": "71", "stock": 2 }])).await;
        assert_eq!(stock(&shop, "7").await, 6);
        left(&shop, &whole, Some(3)).await;
        assert_eq!(stock(&shop, "7").await, 3);
        product(&shop, json!([{ "variantId": "70", "stock": 8 }])).await;
        assert_eq!(stock(&shop, "7").await, 8, "it has one again");
        left(&shop, &whole, Some(1)).await;
        assert_eq!(stock(&shop, "7").await, 1);
    }
}
