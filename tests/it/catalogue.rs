//! What stores sell: how it comes into the catalogue, and how programs copy it.

mod levels;
mod own_store;
mod stock;
mod variations;

use domain::integration::Provider;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{Merchant, Shop, TestApp, text};
use crate::engines::on_each_engine;
use stock::{alert, level};

const PRODUCT: &str = "632910392";

/// A product of Shopify, as `products/update` has it.
fn product(title: &str, stock: i64, at: &str) -> Value {
    json!({
        "id": 632_910_392, "admin_graphql_api_id": "gid://shopify/Product/632910392",
        "title": title, "vendor": "Storm & Söhne", "status": "active", "updated_at": at,
        "images": [{ "id": 1, "src": "https://cdn.example/storm.png" }],
        "variants": [{
            "id": 808_950_810, "title": "Default Title", "sku": "STORM", "price": "29.99", "compare_at_price": null,
            "inventory_item_id": 49_148_385, "inventory_management": "shopify", "inventory_quantity": stock,
        }],
    })
}

/// One of several products.
fn numbered(id: i64, title: &str, at: &str) -> Value {
    let mut product = product(title, 1, at);
    (product["id"], product["variants"][0]["id"], product["variants"][0]["inventory_item_id"]) =
        (json!(id), json!(id + 1_000), json!(id + 2_000));
    product["admin_graphql_api_id"] = json!(format!("gid://shopify/Product/{id}"));
    product
}

fn ids(list: &Value) -> Vec<String> {
    list["products"].as_array().expect("a list").iter().map(|product| text(&product["id"])).collect()
}

/// What changed since a list was read.
async fn changes(app: &TestApp, key: &str, since: &Value) -> (StatusCode, Value) {
    let path = format!("/api/v1/shopify/products?limit=250&changed_since={}", text(&since["complete_to"]));
    listed(app, key, &path).await
}

/// A shop that publishes and delivers nothing.
async fn shop<'a>(merchant: &Merchant<'a>) -> Shop<'a> {
    let shop = merchant.bare_shop(Provider::Shopify, &[]).await;
    shop.update(json!({ "purpose": "PUBLISHES", "currency": "eur" })).await;
    shop
}

/// What fills the catalogue, in few webhooks; the orders beside it fill what is published.
pub(crate) async fn a_day_of_publishing(app: &TestApp) {
    a_day_of_publishing_of(app, &app.merchant().await).await;
}

/// The same for a merchant.
pub(crate) async fn a_day_of_publishing_of(app: &TestApp, merchant: &Merchant<'_>) {
    alert(merchant, Some(3)).await;
    let shop = shop(merchant).await;
    shop.report("products/create", &product("Storm", 7, "2026-03-10T09:00:00Z")).await;
    shop.report("inventory_levels/update", &level(1, 2, "2026-03-10T09:03:00Z")).await;
    shop.report("products/update", &product("Storm", 2, "2026-03-10T10:00:00Z")).await;
    let order = crate::publishing::order(Provider::Shopify, 5, true, "2026-03-10T09:00:00Z");
    shop.report("orders/create", &order).await;
    app.settle().await;
}

/// A shop that posts under topics.
trait Posts {
    async fn report(&self, topic: &str, body: &Value);
}

impl Posts for Shop<'_> {
    async fn report(&self, topic: &str, body: &Value) {
        let header = if self.provider == Provider::Shopify { "x-shopify-topic" } else { "x-wc-webhook-topic" };
        let answer = self.post_bytes(body.to_string().into_bytes(), &[(header, topic)]).await;
        assert!(answer.status.is_success(), "{answer:?}");
    }
}

async fn listed(app: &TestApp, key: &str, path: &str) -> (StatusCode, Value) {
    asked(app, &[("authorization", &format!("Bearer {key}"))], path).await
}

async fn asked(app: &TestApp, headers: &[(&str, &str)], path: &str) -> (StatusCode, Value) {
    let mut request = app.http.get(format!("{}{path}", app.node.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.expect("the service answers");
    let status = response.status();
    (status, response.json().await.expect("JSON"))
}

async fn published(merchant: &Merchant<'_>, of: &str) -> Vec<Value> {
    let document = "query ($types: [String!]) { commerceEvents(first: 50, filter: { types: $types }) {
        nodes { id type objectKind objectId data } } }";
    let mut nodes = merchant.ask(document, json!({ "types": [of] })).await["commerceEvents"]["nodes"].take();
    let nodes = nodes.as_array_mut().expect("a list");
    nodes.reverse();
    std::mem::take(nodes)
}

on_each_engine! {
    async fn a_product_is_listed_as_its_store_reported_it_last(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = shop(&merchant).await;
        shop.report("products/create", &product("Storm", 7, "2026-03-10T09:00:00Z")).await;
        shop.report("products/update", &product("Storm <b>&</b> Drive", 5, "2026-03-10T10:00:00Z")).await;
        // Older than what is known.
        shop.report("products/update", &product("Old", 9, "2026-03-10T09:30:00Z")).await;
        app.settle().await;
        let (status, answer) = listed(app, &merchant.key, "/api/v1/shopify/products").await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!((&answer["total"], &answer["pagination"]["has_more"]), (&json!(1), &json!(false)));
        let listed_product = &answer["products"][0];
        assert_eq!(listed_product["id"], PRODUCT);
        assert_eq!(listed_product["title"], "Storm <b>&</b> Drive");
        assert_eq!(listed_product["vendor"], "Storm & Söhne");
        assert_eq!((&listed_product["price"], &listed_product["currency"]), (&json!(29.99), &json!("EUR")));
        assert_eq!(listed_product["stock"], 5);
        assert_eq!(listed_product["source_updated_at"], "2026-03-10T10:00:00.000Z");
        assert_eq!(listed_product["variants"][0]["sku"], "STORM");
        let (_, one) = listed(app, &merchant.key, &text(&listed_product["url"])).await;
        assert_eq!(&one, listed_product);
        let query = "{ products(first: 1) { nodes { productId title status variants { stock } integration { id } } } }";
        let found = merchant.ask(query, json!({})).await["products"]["nodes"][0].clone();
        assert_eq!((&found["productId"], &found["integration"]["id"]), (&json!(PRODUCT), &json!(shop.id)));
        assert_eq!(found["variants"][0]["stock"], 5.0);
    }

    async fn a_deletion_stays_as_a_tombstone_for_who_copies_the_catalogue(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = shop(&merchant).await;
        shop.report("products/create", &product("Storm", 7, "2026-03-10T09:00:00Z")).await;
        shop.report("products/delete", &json!({ "id": 632_910_392 })).await;
        app.settle().await;
        let (_, shown) = listed(app, &merchant.key, "/api/v1/shopify/products").await;
        assert_eq!((&shown["total"], &shown["products"]), (&json!(0), &json!([])));
        let (_, copied) = listed(app, &merchant.key, "/api/v1/shopify/products?updated_since=2000-01-01T00:00:00Z").await;
        assert_eq!((&copied["products"][0]["deleted"], &copied["products"][0]["title"]), (&json!(true), &json!("Storm")));
        assert_eq!(published(&merchant, "product.*").await.len(), 2);
    }

    async fn a_cursor_neither_skips_nor_repeats_while_products_change(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = shop(&merchant).await;
        for id in 1..=5 {
            shop.report("products/create", &numbered(id, "new", "2026-03-10T09:00:00Z")).await;
        }
        app.settle().await;
        let (mut seen, mut cursor) = (vec![], String::new());
        loop {
            let (_, page) = listed(app, &merchant.key, &format!("/api/v1/shopify/products?limit=2{cursor}")).await;
            seen.extend(page["products"].as_array().expect("a list").iter().map(|product| text(&product["id"])));
            // What was seen changes, and so does what comes.
            for id in [1, 3] {
                let at = format!("2026-03-10T1{}:00:00Z", seen.len());
                shop.report("products/update", &numbered(id, "changed", &at)).await;
            }
            app.settle().await;
            cursor = format!("&cursor={}", text(&page["pagination"]["next_cursor"]));
            if page["pagination"]["has_more"] == json!(false) {
                break;
            }
        }
        assert_eq!(seen, ["1", "2", "3", "4", "5"]);
        // What is new later is behind the last page.
        shop.report("products/create", &numbered(6, "new", "2026-03-10T19:00:00Z")).await;
        app.settle().await;
        let (_, page) = listed(app, &merchant.key, &format!("/api/v1/shopify/products?limit=2{cursor}")).await;
        assert_eq!(page["products"][0]["id"], "6");
    }

    async fn a_copy_that_follows_the_changes_misses_nothing_that_comes_while_it_reads(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = shop(&merchant).await;
        for id in 1..=20 {
            shop.report("products/create", &numbered(id, "new", "2026-03-10T09:00:00Z")).await;
            // The view may show it already, or not yet.
            let (_, copy) = listed(app, &merchant.key, "/api/v1/shopify/products?limit=250").await;
            app.settle().await;
            let (_, changes) = changes(app, &merchant.key, &copy).await;
            let seen = [ids(&copy), ids(&changes)].concat();
            assert!(seen.contains(&id.to_string()), "{id} is in neither of {copy} and {changes}");
        }
    }

    async fn every_page_of_a_copy_says_where_its_first_one_began_to_be_complete(app: &TestApp) {
        let merchant = app.merchant().await;
        let shop = shop(&merchant).await;
        for id in 1..=4 {
            shop.report("products/create", &numbered(id, "new", "2026-03-10T09:00:00Z")).await;
        }
        app.settle().await;
        let (_, first) = listed(app, &merchant.key, "/api/v1/shopify/products?limit=2").await;
        // Of what was read already, one changes, one is gone, and of one there is more in stock.
        shop.report("products/update", &numbered(1, "changed", "2026-03-10T10:00:00Z")).await;
        shop.report("products/delete", &json!({ "id": 2 })).await;
        let level = json!({ "inventory_item_id": 2_003, "location_id": 1, "available": 5, "updated_at": "2026-03-10T10:00:00Z",
                           "admin_graphql_api_id": "gid://shopify/InventoryLevel/1?inventory_item_id=2003" });
        app.settle().await;
        let cursor = text(&first["pagination"]["next_cursor"]);
        let (_, second) = listed(app, &merchant.key, &format!("/api/v1/shopify/products?limit=2&cursor={cursor}")).await;
        assert_eq!((ids(&second), &second["complete_to"]), (vec!["3".to_owned(), "4".to_owned()], &first["complete_to"]));
        shop.report("inventory_levels/update", &level).await;
        app.settle().await;
        let (_, news) = changes(app, &merchant.key, &second).await;
        assert_eq!(ids(&news), ["1", "2", "3"]);
        assert_eq!((&news["products"][1]["deleted"], &news["products"][2]["stock"]), (&json!(true), &json!(5)));
        let (_, none) = changes(app, &merchant.key, &news).await;
        assert_eq!((ids(&none), &none["complete_to"]), (vec![], &news["complete_to"]));
        // The same over GraphQL.
        let document = "query ($since: String) { products(first: 9, filter: { changedSince: $since, withDeleted: true }) {
            completeTo nodes { productId } } }";
        let found = merchant.ask(document, json!({ "since": first["complete_to"] })).await["products"].take();
        let of_products = [json!({ "productId": "1" }), json!({ "productId": "2" }), json!({ "productId": "3" })];
        assert_eq!((&found["nodes"], &found["completeTo"]), (&json!(of_products), &news["complete_to"]));
    }

    async fn each_account_sees_its_own_products_with_a_key_of_its_own(app: &TestApp) {
        let (merchant, other) = (app.merchant().await, app.merchant().await);
        let (first, second) = (shop(&merchant).await, shop(&merchant).await);
        for shop in [&first, &second] {
            shop.report("products/create", &product("Storm", 7, "2026-03-10T09:00:00Z")).await;
        }
        app.settle().await;
        let path = format!("/api/v1/shopify/products/{PRODUCT}");
        // Two shops have products with one id.
        let (status, refused) = listed(app, &merchant.key, &path).await;
        assert_eq!((status, &refused["error"]["field"]), (StatusCode::BAD_REQUEST, &json!("storeId")));
        let (status, found) = listed(app, &merchant.key, &format!("{path}?storeId={}", second.id)).await;
        assert_eq!((status, &found["store_id"]), (StatusCode::OK, &json!(second.id)));
        for path in [path.as_str(), "/api/v1/shopify/products"] {
            let (status, refused) = listed(app, &other.key, &format!("{path}?storeId={}", second.id)).await;
            assert_eq!((status, &refused["error"]["field"]), (StatusCode::BAD_REQUEST, &json!("storeId")), "another's");
        }
        let (_, none) = listed(app, &other.key, "/api/v1/shopify/products").await;
        assert_eq!(none["total"], 0);
        let (_, none) = listed(app, &merchant.key, "/api/v1/woocommerce/products").await;
        assert_eq!(none["total"], 0);
        let of = |tenant: &str| [("x-api-key", merchant.key.clone()), ("x-tenant-id", tenant.to_owned())];
        let loud = merchant.id.to_uppercase();
        for (tenant, expected) in
            [(&merchant.id, StatusCode::OK), (&loud, StatusCode::OK), (&other.id, StatusCode::FORBIDDEN)]
        {
            let headers = of(tenant);
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert_eq!(asked(app, &headers, "/api/v1/shopify/products").await.0, expected);
        }
        let both = [("x-api-key", &merchant.key), ("x-tenant-id", &merchant.id), ("x-tenant-id", &other.id)];
        let both = both.map(|(name, value)| (name, value.as_str()));
        assert_eq!(asked(app, &both, "/api/v1/shopify/products").await.0, StatusCode::FORBIDDEN);
    }

    async fn a_list_of_products_refuses_what_it_cannot_read_and_whom_it_does_not_know(app: &TestApp) {
        let merchant = app.merchant().await;
        let foreign = format!("storeId={}", app.merchant().await.bare_shop(Provider::Shopify, &[]).await.id);
        let of_other_platform = format!("storeId={}", merchant.bare_shop(Provider::WooCommerce, &[]).await.id);
        for (query, field) in [
            ("limit=0", "limit"),
            ("offset=10001", "offset"),
            ("updated_since=today", "updated_since"),
            ("updatedSince=2026-11-29", "updatedSince"),
            ("LIMIT=3", "LIMIT"),
            ("limit=1&limit=2", "limit"),
            ("storeId=zzz", "storeId"),
            ("storeId=", "storeId"),
            (foreign.as_str(), "storeId"),
            (of_other_platform.as_str(), "storeId"),
            ("changed_since=999999999", "changed_since"),
        ] {
            let (status, refused) = listed(app, &merchant.key, &format!("/api/v1/shopify/products?{query}")).await;
            assert_eq!((status, &refused["error"]["field"]), (StatusCode::BAD_REQUEST, &json!(field)), "{query}");
        }
        let (status, _) = listed(app, &merchant.key, "/api/v1/shopify/products/7?limit=3").await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        let shop = shop(&merchant).await;
        for query in ["updated_since=2026-11-29", &format!("storeId={}", shop.id.to_uppercase())] {
            let (status, found) = listed(app, &merchant.key, &format!("/api/v1/shopify/products?{query}")).await;
            assert_eq!((status, &found["total"]), (StatusCode::OK, &json!(0)), "{query}");
        }
        let (status, refused) = listed(app, &merchant.key, "/api/v1/etsy/products").await;
        assert_eq!((status, &refused["error"]["code"]), (StatusCode::NOT_FOUND, &json!("NOT_FOUND")));
        let (status, refused) = asked(app, &[], "/api/v1/shopify/products").await;
        assert_eq!((status, &refused["error"]["code"]), (StatusCode::UNAUTHORIZED, &json!("UNAUTHENTICATED")));
        let (status, _) = listed(app, "cb_nobodys", "/api/v1/shopify/products").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
    }
}
