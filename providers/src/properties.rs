//! What no body can do, whatever is in it: make the parser panic, or get past the bounds of what is kept.

mod reports;

use proptest::prelude::*;
use serde_json::{Value, json};

use http::HeaderMap;

use super::*;
use crate::scalar::MAX_TEXT_CHARS;
use crate::shape::MAX_ITEMS;
use crate::tests::{parse, received};

const STORES: [Provider; 5] =
    [Provider::Shopify, Provider::WooCommerce, Provider::BigCommerce, Provider::Square, Provider::Generic];

/// Those whose webhooks are never refused.
const PLATFORMS: [Provider; 4] = [Provider::Shopify, Provider::WooCommerce, Provider::BigCommerce, Provider::Square];

const WANTED: OrderReference<'_> = OrderReference { store: Some("abc123"), order_id: "1" };

/// The names that the parsers look for.
const NAMES: &str = "
    id line_items sku product_id variant_id variation_id title name quantity customer current_quantity note
    note_attributes meta_data key value ndsp_username billing email first_name financial_status status cancelled_at
    code data orderId targetUsername items productId cancelled token number customer_note properties order parent_id
    total scope type object order_id order_updated status_id billing_address form_fields quantity_refunded
    product_options display_name display_value returns return_line_items uid source_line_item_uid fulfillments
    pickup_details recipient metadata tenders net_amount_due_money amount available vendor images src variants price
    compare_at_price inventory_item_id location_id inventory_quantity updated_at completed_at abandoned_checkout_url
    admin_graphql_api_id checkout_id session_id sessionId total_price currency refunds transactions kind
    refund_line_items subtotal permalink regular_price on_sale manage_stock stock_quantity categories variations
    date_paid_gmt date_modified_gmt inventory method created_at event_id inventory_counts catalog_object_id state
    calculated_at version base_price_money total_money return_amounts total_inc_tax refunded_amount price_inc_tax
    default_currency_code paid changedAt customerId checkoutId refunded
";

/// JSON in which the names and values that the parsers look for are likely.
fn arbitrary_json() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(NAMES.split_whitespace().collect::<Vec<_>>());
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        prop::sample::select(vec![
            "ndsp_username",
            "username: max",
            "refunded",
            "store/order/created",
            "order.updated",
            "inventory.count.updated",
            "store/product/updated",
            "order.paid",
            "IN_STOCK",
            "EUR",
            "19.99",
            "gid://shopify/Product/1",
            "\0",
            ""
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(names.clone().prop_map(str::to_owned), inner, 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn valid_order(provider: Provider) -> Value {
    let item = json!({ "sku": "STORM", "product_id": 7, "variant_id": 70, "title": "Storm Drive 🎸", "quantity": 1 });
    let attribute = json!({ "name": "ndsp_username", "key": "ndsp_username", "value": "max" });
    match provider {
        Provider::Generic => json!({ "orderId": "1", "targetUsername": "max", "items": [item] }),
        Provider::BigCommerce => json!({ "scope": "store/order/created", "data": { "id": 1 }, "created_at": 7 }),
        Provider::Square => json!({
            "type": "order.updated", "created_at": "2026-11-21T15:00:00Z",
            "data": { "id": "1", "object": { "order_updated": { "order_id": "1", "state": "OPEN" } } }
        }),
        Provider::Shopify | Provider::WooCommerce => json!({
            "id": 1, "line_items": [item], "note": "NDSP username: max", "customer_note": "é username: max\n",
            "note_attributes": [attribute], "meta_data": [attribute], "customer": { "first_name": "Max" },
            "billing": { "email": "a@b.c" }, "status": "completed", "cancelled_at": null
        }),
    }
}

/// Whatever came in, what comes out keeps to its bounds.
fn check(provider: Provider, topic: Option<&str>, body: &[u8]) {
    match parse(provider, topic, body) {
        Ok(Parsed::Order(order)) => check_order(&order),
        Ok(Parsed::ThinOrder(order)) => {
            check_text(&order.order_id);
            order.order_status.iter().for_each(|status| check_text(status));
        }
        Ok(Parsed::Notice(_) | Parsed::Unusable(_)) | Err(_) => {}
    }
}

fn check_text(text: &str) {
    assert!(!text.trim().is_empty() && !text.contains('\0') && text.chars().count() <= MAX_TEXT_CHARS);
}

fn check_order(order: &StoreOrder) {
    assert!(!order.order_id.is_empty() && order.items.len() <= MAX_ITEMS);
    let of_items = order.items.iter().flat_map(|item| [&item.sku, &item.product_id, &item.variant_id, &item.title]);
    let of_order =
        [&order.order_number, &order.order_status, &order.username, &order.email, &order.customer_name].into_iter();
    of_items.chain(of_order).flatten().chain([&order.order_id]).for_each(|text| check_text(text));
}

/// The responses by which an API gives an order.
fn valid_responses(api: &dyn OrderApi) -> Vec<Value> {
    let storm = Product { sku: "STORM", title: "Storm Drive" };
    let purchase = Purchase { username: Some("max"), products: &[storm], status: "paid", happened: Happened::Paid };
    let responses = api.sample_responses(&WANTED, &purchase);
    responses.iter().map(|response| serde_json::from_slice(response).unwrap()).collect()
}

/// Whatever the responses are, what is read of them keeps to its bounds.
fn check_responses(api: &dyn OrderApi, responses: &[String]) {
    let responses: Vec<&[u8]> = responses.iter().map(String::as_bytes).collect();
    match api.next(&WANTED, &responses) {
        Ok(OrderStep::Order(order)) => {
            check_order(&order);
            let report = api.report(&WANTED, &responses).unwrap().expect("what is an order is reported");
            assert_eq!(report.resource_id, order.order_id);
            reports::check(&report);
        }
        Ok(OrderStep::Request { path }) => {
            assert!(path.starts_with('/'));
            assert_eq!(api.report(&WANTED, &responses), Ok(None));
        }
        Err(malformed) => assert_eq!(api.report(&WANTED, &responses), Err(malformed)),
    }
}

proptest! {
    #[test]
    fn any_bytes_are_answered(body in prop::collection::vec(any::<u8>(), 0..200), topic in prop::option::of(".{0,20}")) {
        for provider in Provider::iter() {
            check(provider, topic.as_deref(), &body);
        }
        for provider in PLATFORMS {
            prop_assert!(parse(provider, topic.as_deref(), &body).is_ok());
        }
        let headers = HeaderMap::new();
        prop_assert!(all().filter(|platform| platform.is_ping(&received(&headers, &body))).count() <= 1);
    }

    #[test]
    fn any_json_is_answered_and_never_refused_of_a_platform(value in arbitrary_json()) {
        let body = value.to_string();
        for provider in STORES {
            check(provider, Some("orders/delete"), body.as_bytes());
            check(provider, Some("order.deleted"), body.as_bytes());
            check(provider, None, body.as_bytes());
        }
        for provider in PLATFORMS {
            prop_assert!(parse(provider, None, body.as_bytes()).is_ok());
            prop_assert!(parse(provider, Some("orders/paid"), body.as_bytes()).is_ok());
        }
    }

    #[test]
    fn an_order_with_one_byte_changed_or_cut_off_is_answered(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        for provider in STORES {
            let mut body = valid_order(provider).to_string().into_bytes();
            check(provider, None, &body);
            let at = at.index(body.len());
            body[at] = byte;
            check(provider, None, &body);
            body.truncate(at);
            let parsed = parse(provider, None, &body);
            prop_assert!(matches!(parsed, Err(_) | Ok(Parsed::Unusable(_))), "{:?}", parsed);
        }
    }

    #[test]
    fn an_order_with_one_field_changed_is_answered(field in any::<prop::sample::Index>(), value in arbitrary_json()) {
        for provider in STORES {
            let mut order = valid_order(provider);
            let fields = order.as_object_mut().unwrap();
            let name = fields.keys().nth(field.index(fields.len())).unwrap().clone();
            fields.insert(name, value.clone());
            check(provider, None, order.to_string().as_bytes());
        }
    }

    #[test]
    fn any_response_and_an_order_with_one_field_changed_are_answered(
        field in any::<prop::sample::Index>(),
        value in arbitrary_json(),
    ) {
        for api in all().filter_map(<dyn Platform>::order_api) {
            let valid = valid_responses(api);
            check_responses(api, &[value.to_string()]);
            for at in 0..valid.len() {
                let mut responses = valid.clone();
                // The order, which Square has in an object, or the first of a page of products.
                let changed = ["/order", "/0", ""].into_iter().find(|path| responses[at].pointer(path).is_some()).unwrap();
                let changed = responses[at].pointer_mut(changed).unwrap();
                let fields = changed.as_object_mut().unwrap();
                let name = fields.keys().nth(field.index(fields.len())).unwrap().clone();
                fields.insert(name, value.clone());
                check_responses(api, &responses.iter().map(Value::to_string).collect::<Vec<_>>());
            }
        }
    }
}
