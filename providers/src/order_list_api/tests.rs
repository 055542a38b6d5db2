//! What each platform lists of its orders, and how an order that was never sent is had as a webhook.

use domain::integration::Provider;
use domain::resource::{Content, Refunded};
use proptest::prelude::*;

use super::*;
use crate::{Parsed, Platform, StoreApi, StoreOrder, all, of};

fn api(provider: Provider) -> &'static dyn OrderListApi {
    of(provider).store_api().and_then(StoreApi::order_lists).unwrap()
}

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn since() -> DateTime<Utc> {
    moment("2026-11-30T12:00:00Z")
}

fn order(id: &str) -> ListedOrder {
    ListedOrder { order_id: id.to_owned(), changed_at: moment("2026-11-30T12:00:05Z") }
}

fn path(provider: Provider, cursor: Option<&str>) -> String {
    api(provider).list(Some("abc123"), since(), cursor).unwrap().path
}

fn webhook(provider: Provider, id: &str, responses: &[&[u8]]) -> (String, Vec<u8>) {
    match api(provider).webhook(Some("abc123"), &order(id), responses) {
        Ok(WebhookStep::Webhook { topic, body }) => (topic, body),
        other => panic!("{other:?}"),
    }
}

/// As the parser of webhooks reads it.
fn read(provider: Provider, (topic, body): &(String, Vec<u8>)) -> StoreOrder {
    match of(provider).interpret(Some(topic), body) {
        Ok(Parsed::Order(order)) => order,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_shop_at_woocommerce_lists_page_by_page_until_one_is_not_full() {
    let first = path(Provider::WooCommerce, None);
    assert!(first.starts_with("/wp-json/wc/v3/orders?modified_after=2026-11-30T11:59:59.000&dates_are_gmt=true"));
    assert!(path(Provider::WooCommerce, Some("2")).contains("&page=2&"));
    let api = api(Provider::WooCommerce);
    let body = br#"[{"id":7,"date_modified_gmt":"2026-11-30T12:00:05"}]"#;
    assert_eq!(api.listed(body, None).unwrap(), OrderPage { orders: vec![order("7")], next: None });
    let row = r#"{"id":7,"date_modified_gmt":"2026-11-30T12:00:05"}"#;
    let full = format!("[{}]", vec![row; 100].join(","));
    assert_eq!(api.listed(full.as_bytes(), Some("2")).unwrap().next.as_deref(), Some("3"));
    for body in
        [r#"{"code":"rest_no_route"}"#, r#"[{"id":7}]"#, r#"[{"date_modified_gmt":"2026-11-30T12:00:05"}]"#, "<html>"]
    {
        assert!(api.listed(body.as_bytes(), None).is_err(), "{body}");
    }
    // An order is what its webhook would have been.
    let step = api.webhook(None, &order("7"), &[]).unwrap();
    assert_eq!(step, WebhookStep::Request(ApiRequest::get("/wp-json/wc/v3/orders/7")));
    let body = br#"{"id":7,"status":"processing","line_items":[]}"#;
    assert_eq!(webhook(Provider::WooCommerce, "7", &[body]), ("order.updated".to_owned(), body.to_vec()));
}

#[test]
fn a_store_at_bigcommerce_lists_its_archive_too() {
    assert_eq!(
        path(Provider::BigCommerce, None),
        "/stores/abc123/v2/orders?min_date_modified=2026-11-30T12:00:00.000Z&sort=date_modified:asc&limit=100&page=1"
    );
    assert!(path(Provider::BigCommerce, Some("archive 2")).ends_with("&page=2&is_deleted=true"));
    let api = api(Provider::BigCommerce);
    let body = br#"[{"id":7,"date_modified":"Mon, 30 Nov 2026 12:00:05 +0000"}]"#;
    let page = |next: Option<&str>| OrderPage { orders: vec![order("7")], next: next.map(str::to_owned) };
    assert_eq!(api.listed(body, None).unwrap(), page(Some("archive 1")));
    assert_eq!(api.listed(body, Some("archive 1")).unwrap(), page(None));
    // An empty page has no body.
    assert_eq!(api.listed(b"", Some("archive 3")).unwrap(), OrderPage::default());
    let (topic, body) = webhook(Provider::BigCommerce, "7", &[]);
    let Ok(Parsed::ThinOrder(named)) = of(Provider::BigCommerce).interpret(Some(&topic), &body) else { panic!() };
    assert_eq!((named.order_id.as_str(), named.changed_at), ("7", Some(order("7").changed_at)));
}

#[test]
fn a_seller_at_square_lists_location_by_location() {
    let api = api(Provider::Square);
    assert_eq!(path(Provider::Square, None), "/v2/locations");
    let ids: Vec<String> = (0..12).map(|number| format!("L{number}")).collect();
    let locations: Vec<String> = ids.iter().map(|id| format!(r#"{{"id":"{id}"}}"#)).collect();
    let body = format!(r#"{{"locations":[{}]}}"#, locations.join(","));
    let first = api.listed(body.as_bytes(), None).unwrap().next.unwrap();
    assert_eq!(first, "L0,L1,L2,L3,L4,L5,L6,L7,L8,L9;L10,L11|");
    let search = api.list(None, since(), Some(&first)).unwrap();
    let body: serde_json::Value = serde_json::from_str(&search.body.unwrap()).unwrap();
    assert_eq!((search.path.as_str(), body["location_ids"].as_array().unwrap().len()), ("/v2/orders/search", 10));
    assert_eq!(body["query"]["filter"]["date_time_filter"]["updated_at"]["start_at"], "2026-11-30T12:00:00.000Z");
    assert!(body["cursor"].is_null());
    let found = br#"{"orders":[{"id":"7","updated_at":"2026-11-30T12:00:05.000Z"}],"cursor":"abc"}"#;
    let page = api.listed(found, Some(&first)).unwrap();
    assert_eq!(
        (page.orders, page.next.as_deref()),
        (vec![order("7")], Some("L0,L1,L2,L3,L4,L5,L6,L7,L8,L9;L10,L11|abc"))
    );
    let page = api.listed(b"{}", Some(&format!("{first}abc"))).unwrap();
    assert_eq!((page.orders, page.next.as_deref()), (vec![], Some("L10,L11|")));
    assert_eq!(api.listed(b"{}", Some("L10,L11|")).unwrap(), OrderPage::default());
    assert_eq!(api.listed(b"{}", None).unwrap(), OrderPage::default(), "without a location there are no orders");
    assert!(api.listed(br#"{"locations":[{"id":"a|b"}]}"#, None).is_err());
    let (topic, body) = webhook(Provider::Square, "7", &[]);
    let Ok(Parsed::ThinOrder(named)) = of(Provider::Square).interpret(Some(&topic), &body) else { panic!() };
    assert_eq!((named.order_id.as_str(), named.changed_at), ("7", Some(order("7").changed_at)));
}

const LINE: &str = r#"{"id":"gid://shopify/LineItem/11","sku":"STORM","title":"Storm &amp; Drive","quantity":3,"currentQuantity":2,
    "product":{"legacyResourceId":"21"},"variant":{"legacyResourceId":"31"},
    "originalUnitPriceSet":{"shopMoney":{"amount":"9.99"}},"customAttributes":[{"key":"NDSP username","value":"max"}]}"#;
/// Of something that is in no catalogue any more.
const OTHER_LINE: &str = r#"{"id":"gid://shopify/LineItem/12","sku":null,"title":"Gone","quantity":1,"currentQuantity":1,
    "product":null,"variant":null,"originalUnitPriceSet":{"shopMoney":{"amount":"1.0"}},"customAttributes":[]}"#;

fn shopify(lines: &str, page_info: &str) -> String {
    format!(
        r##"{{"data":{{"order":{{"legacyResourceId":"820982911946154508","name":"#1075","createdAt":"2026-11-30T11:00:00Z",
        "updatedAt":"2026-11-30T12:00:05Z","cancelledAt":null,"displayFinancialStatus":"PARTIALLY_REFUNDED","currencyCode":"USD",
        "email":"max@example.com","note":"thanks","test":false,"customAttributes":[{{"key":"session","value":null}}],
        "customer":{{"legacyResourceId":"41","email":null,"firstName":"Max","lastName":"Musician"}},"billingAddress":null,
        "totalPriceSet":{{"shopMoney":{{"amount":"30.97"}}}},"totalRefundedSet":{{"shopMoney":{{"amount":"9.99"}}}},
        "lineItems":{{"nodes":[{lines}],"pageInfo":{page_info}}}}}}}}}"##
    )
}

#[test]
fn an_order_of_shopify_is_read_page_by_page_and_is_what_its_webhook_would_have_been() {
    let api = api(Provider::Shopify);
    let list = api.list(None, since(), Some("abc")).unwrap().body.unwrap();
    assert!(list.contains("updated_at:>='2026-11-30T12:00:00.000Z'") && list.contains("UPDATED_AT"), "{list}");
    let body = br#"{"data":{"orders":{"nodes":[{"legacyResourceId":"7","updatedAt":"2026-11-30T12:00:05Z"}],
        "pageInfo":{"hasNextPage":true,"endCursor":"def"}}}}"#;
    assert_eq!(api.listed(body, None).unwrap(), OrderPage { orders: vec![order("7")], next: Some("def".to_owned()) });

    let id = "820982911946154508";
    let more = shopify(LINE, r#"{"hasNextPage":true,"endCursor":"abc"}"#);
    let Ok(WebhookStep::Request(next)) = api.webhook(None, &order(id), &[more.as_bytes()]) else { panic!() };
    assert!(next.body.unwrap().contains(r#""after":"abc""#));
    let last = shopify(OTHER_LINE, r#"{"hasNextPage":false,"endCursor":"def"}"#);
    let webhook = webhook(Provider::Shopify, id, &[more.as_bytes(), last.as_bytes()]);
    let read = read(Provider::Shopify, &webhook);
    assert_eq!((read.order_id.as_str(), read.order_number.as_deref()), (id, Some("#1075")));
    assert_eq!(
        (read.order_status.as_deref(), read.changed_at),
        (Some("partially_refunded"), Some(order(id).changed_at))
    );
    assert_eq!((read.username.as_deref(), read.email.as_deref()), (Some("max"), Some("max@example.com")));
    assert_eq!((read.customer_id.as_deref(), read.customer_name.as_deref()), (Some("41"), Some("Max Musician")));
    let [storm, gone] = &read.items[..] else { panic!("{read:?}") };
    assert_eq!((storm.quantity, storm.product_id.as_deref(), storm.variant_id.as_deref()), (2, Some("21"), Some("31")));
    assert_eq!((gone.quantity, gone.product_id.as_deref(), gone.sku.as_deref()), (1, None, None));
    let reports = of(Provider::Shopify).reports_priced_in(Some(&webhook.0), &webhook.1, None);
    let Content::Order(order) = &reports[0].content else { panic!() };
    assert_eq!((order.refunded, order.paid), (Refunded::Partial, true));
    assert_eq!(order.total.map(|total| total.amount), Some(3_097));
    assert_eq!(order.refunded_amount.map(|amount| amount.amount), Some(999));
}

#[test]
fn an_order_that_is_gone_or_another_one_is_not_taken() {
    let api = api(Provider::Shopify);
    assert_eq!(api.webhook(None, &order("7"), &[br#"{"data":{"order":null}}"#]), Ok(WebhookStep::Gone));
    let another = shopify(LINE, r#"{"hasNextPage":false,"endCursor":null}"#);
    assert!(api.webhook(None, &order("7"), &[another.as_bytes()]).is_err());
}

fn apis() -> impl Iterator<Item = &'static dyn OrderListApi> {
    all().filter_map(<dyn Platform>::store_api).filter_map(StoreApi::order_lists)
}

proptest! {
    #[test]
    fn no_id_and_no_cursor_changes_the_path(id in ".{1,20}", cursor in ".{0,20}") {
        let is_plain = |path: &str| path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        for api in apis() {
            if let Ok(request) = api.list(Some("abc123"), since(), Some(&cursor)) {
                prop_assert!(is_plain(&request.path), "{}", request.path);
            }
            if let Ok(WebhookStep::Request(request)) = api.webhook(Some("abc123"), &order(&id), &[]) {
                prop_assert!(is_plain(&request.path) && !request.path.contains('?'), "{}", request.path);
            }
        }
    }

    #[test]
    fn any_bytes_are_a_page_or_malformed(body in prop::collection::vec(any::<u8>(), 0..80), cursor in "[a-z0-9,;|]{0,12}") {
        for api in apis() {
            drop((api.listed(&body, None), api.listed(&body, Some(&cursor))));
            drop(api.webhook(Some("abc123"), &order("7"), &[&body]));
        }
    }
}
