//! Products of WooCommerce with variations: counted together with the product, or each by itself.

use domain::integration::Provider;
use serde_json::{Value, json};

use super::Posts as _;
use super::levels::{ran_out, stock};
use super::stock::alert;
use crate::app::{Merchant, Shop, TestApp};
use crate::engines::on_each_engine;

async fn store<'a>(merchant: &Merchant<'a>) -> Shop<'a> {
    alert(merchant, Some(0)).await;
    let shop = merchant.bare_shop(Provider::WooCommerce, &[]).await;
    shop.update(json!({ "purpose": "PUBLISHES", "currency": "eur" })).await;
    shop
}

/// The product, which counts so many of all its variations, if it does.
fn parent(variations: &[i64], quantity: i64, managed: bool, at: &str) -> Value {
    json!({ "id": 11, "name": "Storm", "type": "variable", "status": "publish", "variations": variations, "manage_stock": managed,
            "stock_quantity": quantity, "date_modified_gmt": at })
}

/// A variation that is counted with its product, or so many by itself.
fn variation(id: i64, by_itself: Option<i64>, at: &str) -> Value {
    let managed = by_itself.map_or(json!("parent"), |_| json!(true));
    json!({ "id": id, "name": "Storm", "type": "variation", "parent_id": 11, "status": "publish", "variations": [],
            "manage_stock": managed, "stock_quantity": by_itself.unwrap_or(9), "date_modified_gmt": at })
}

on_each_engine! {
    async fn variations_that_are_counted_together_run_out_together(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = store(&merchant).await;
        let posted = async |body: Value| shop.report("product.updated", &body).await;
        posted(parent(&[111, 112], 9, true, "2026-03-10T09:00:00")).await;
        posted(variation(111, None, "2026-03-10T09:00:00")).await;
        assert_eq!(stock(&shop, "11").await, 9);
        posted(parent(&[111, 112], 0, true, "2026-03-10T09:01:00")).await;
        assert_eq!(stock(&shop, "11").await, 0);
        assert_eq!(ran_out(&shop).await, [(json!(0), json!(0))]);
        // Each of them counts by itself now, and the product follows them.
        posted(parent(&[111, 112], 0, false, "2026-03-10T09:02:00")).await;
        posted(variation(111, Some(2), "2026-03-10T09:03:00")).await;
        posted(variation(112, Some(3), "2026-03-10T09:03:00")).await;
        assert_eq!((stock(&shop, "11").await, stock(&shop, "112").await), (json!(5), json!(3)));
        posted(variation(112, Some(0), "2026-03-10T09:04:00")).await;
        assert_eq!((stock(&shop, "11").await, stock(&shop, "112").await), (json!(2), json!(0)));
        assert_eq!(ran_out(&shop).await.last(), Some(&(json!(0), json!(2))));
        // And together again: they have no number of their own then.
        posted(parent(&[111, 112], 50, true, "2026-03-10T09:05:00")).await;
        posted(variation(111, None, "2026-03-10T09:05:00")).await;
        assert_eq!((stock(&shop, "11").await, stock(&shop, "111").await), (json!(50), Value::Null));
        // At last it has no variations, and is not counted.
        let mut simple = parent(&[111, 112], 0, false, "2026-03-10T09:06:00");
        simple["variations"] = json!([]);
        posted(simple).await;
        assert_eq!(stock(&shop, "11").await, Value::Null);
        assert_eq!(ran_out(&shop).await.len(), 2);
    }

    async fn an_only_variation_is_not_the_product_that_it_is_counted_with(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = store(&merchant).await;
        for (by_itself, at) in [(None, "2026-03-10T09:00:00"), (Some(4), "2026-03-10T09:01:00")] {
            shop.report("product.updated", &parent(&[111], 5, by_itself.is_none(), at)).await;
            shop.report("product.updated", &variation(111, by_itself, at)).await;
            let expected = (json!(by_itself.unwrap_or(5)), json!(by_itself));
            assert_eq!((stock(&shop, "11").await, stock(&shop, "111").await), expected);
        }
    }
}
