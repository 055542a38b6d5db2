//! What no body can do to what is published of it: get past its bounds, or get something about a person into it.

use domain::commerce::{Currency, Money};
use domain::resource::Content;

use super::*;
use crate::report::MAX_REPORTS;
use crate::scalar::MAX_ADDRESS_BYTES;

/// In every field about a person.
const MARKER: &str = "PERSONAL";

/// Fields that are about a person on one of the platforms, or that a person writes.
const PERSONAL: &str = "email contact_email email_address phone phone_number first_name last_name given_name family_name address1 \
     address2 address_line_1 street_1 city zip postcode company company_name customer_name customerName customerEmail \
     display_name recipient note customer_note customer_message staff_notes shipping_note buyer_note username targetUsername \
     user_agent browser_ip ip_address customer_ip_address billing shipping billing_address shipping_address default_address";

const TOPICS: [&str; 14] = [
    "orders/create",
    "orders/updated",
    "orders/delete",
    "products/update",
    "collections/delete",
    "inventory_levels/update",
    "customers/update",
    "checkouts/update",
    "order.updated",
    "order.restored",
    "product.updated",
    "product.deleted",
    "customer.updated",
    "customer.deleted",
];

/// Whatever came in, what is published of it keeps to its bounds.
pub(super) fn check(report: &StoreReport) {
    let id = &report.resource_id;
    assert!(!id.trim().is_empty() && !id.contains('\0') && id.chars().count() <= 3 * MAX_TEXT_CHARS, "{id}");
    report.event_id.iter().for_each(|id| check_text(id));
    check_value(&serde_json::to_value(&report.content).unwrap());
}

fn check_value(value: &Value) {
    match value {
        Value::String(text) => {
            let is_address = text.starts_with("http") && text.len() <= MAX_ADDRESS_BYTES;
            assert!(is_address || text.chars().count() <= MAX_TEXT_CHARS, "{text}");
            assert!(!text.trim().is_empty() && !text.contains('\0'), "{text:?}");
        }
        Value::Array(list) => {
            assert!(list.len() <= 2_048);
            list.iter().for_each(check_value);
        }
        Value::Object(fields) => fields.values().for_each(check_value),
        Value::Number(number) => assert!(number.as_i64().is_some_and(|number| number.abs() <= Money::MAX_AMOUNT)),
        Value::Null | Value::Bool(_) => {}
    }
}

fn reports(provider: Provider, topic: Option<&str>, body: &Value) -> Vec<StoreReport> {
    let reports = of(provider).reports_priced_in(topic, body.to_string().as_bytes(), Currency::parse("EUR"));
    assert!(reports.len() <= MAX_REPORTS);
    reports.iter().for_each(check);
    reports
}

/// The body with the marker in every field about a person, wherever it is.
fn marked(value: Value) -> Value {
    match value {
        Value::Array(list) => Value::Array(list.into_iter().map(marked).collect()),
        Value::Object(fields) => {
            let is_personal = |name: &str| PERSONAL.split_whitespace().any(|personal| personal == name);
            let mark = |(name, value): (String, Value)| {
                if is_personal(&name) { (name, json!(MARKER)) } else { (name, marked(value)) }
            };
            let mut fields: serde_json::Map<String, Value> = fields.into_iter().map(mark).collect();
            for name in PERSONAL.split_whitespace() {
                fields.entry(name).or_insert_with(|| json!(MARKER));
            }
            Value::Object(fields)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

fn shows_nobody(reports: &[StoreReport]) -> bool {
    reports.iter().all(|report| {
        let content = serde_json::to_string(&report.content).unwrap();
        !content.contains(MARKER) && !report.resource_id.contains(MARKER)
    })
}

/// A person as each platform writes one, in the objects that it has for people.
fn person() -> Value {
    json!({ "id": 7, "first_name": MARKER, "last_name": MARKER, "email": MARKER, "phone": MARKER, "address1": MARKER })
}

/// A whole body of each kind, with what it has about people.
fn bodies() -> Vec<(Provider, &'static str, Value)> {
    let attributes = json!([{ "name": "ndsp_username", "key": "ndsp_username", "value": MARKER },
                            { "name": "gift message", "key": "_billing_wooccm", "value": MARKER }]);
    let line = json!({ "id": 1, "sku": "STORM", "quantity": 1, "properties": attributes, "meta_data": attributes });
    let order = json!({
        "id": 1, "email": MARKER, "contact_email": MARKER, "phone": MARKER, "customer": person(), "note": MARKER,
        "billing_address": person(), "shipping_address": person(), "note_attributes": attributes, "line_items": [line],
        "browser_ip": MARKER, "client_details": { "user_agent": MARKER }, "billing": person(), "shipping": person(),
        "customer_note": MARKER, "meta_data": attributes, "customer_ip_address": MARKER, "tags": MARKER,
    });
    let customer = json!({ "id": 7, "email": MARKER, "first_name": MARKER, "last_name": MARKER, "note": MARKER,
        "username": MARKER, "addresses": [person()], "default_address": person(), "billing": person(), "tags": MARKER });
    let checkout = json!({ "id": 7, "token": "t", "email": MARKER, "abandoned_checkout_url": "https://a.b", "note": MARKER,
        "customer": person(), "billing_address": person(), "note_attributes": attributes, "completed_at": "2026-11-21" });
    let square =
        |event_type: &str, object: Value| json!({ "type": event_type, "data": { "id": "7", "object": object } });
    let squares = json!({ "customer": { "id": "7", "given_name": MARKER, "family_name": MARKER, "email_address": MARKER,
        "phone_number": MARKER, "note": MARKER, "address": { "address_line_1": MARKER } } });
    let generic = json!({ "orderId": "1", "targetUsername": MARKER, "customerEmail": MARKER, "customerName": MARKER,
        "items": [{ "sku": "a" }] });
    let event = |event_type: &str, data: Value| json!({ "type": event_type, "data": data });
    let buyer = json!({ "id": "7", "email": MARKER, "name": MARKER, "username": MARKER });
    let order_event =
        json!({ "orderId": "1", "paid": true, "cancelled": false, "refunded": "none", "items": [], "customer": buyer });
    vec![
        (Provider::Shopify, "orders/create", order.clone()),
        (Provider::Shopify, "customers/update", customer.clone()),
        (Provider::Shopify, "checkouts/update", checkout),
        (Provider::WooCommerce, "order.updated", order),
        (Provider::WooCommerce, "customer.updated", customer),
        (Provider::Square, "", square("customer.updated", squares)),
        (Provider::Generic, "", generic),
        (Provider::Generic, "", event("order.paid", order_event)),
        (
            Provider::Generic,
            "",
            event("customer.updated", json!({ "customerId": "7", "email": MARKER, "name": MARKER })),
        ),
        (Provider::Generic, "", event("checkout.completed", json!({ "checkoutId": "c", "customer": buyer }))),
    ]
}

#[test]
fn nothing_about_a_person_is_in_a_report_and_who_it_is_about_is_known_apart() {
    for (provider, topic, body) in bodies() {
        let reports = reports(provider, Some(topic), &body);
        assert_eq!(reports.len(), 1, "{provider:?} {topic} {body}");
        assert!(shows_nobody(&reports), "{reports:?}");
        let customer = of(provider).customer_in(Some(topic), body.to_string().as_bytes()).expect("it is about one");
        assert_eq!(customer.email.as_deref(), Some(MARKER), "{provider:?} {topic}");
    }
}

#[test]
fn nothing_about_a_person_is_in_the_report_of_an_order_that_was_read() {
    for api in all().filter_map(<dyn Platform>::order_api) {
        let responses: Vec<String> =
            valid_responses(api).into_iter().map(|response| marked(response).to_string()).collect();
        let responses: Vec<&[u8]> = responses.iter().map(String::as_bytes).collect();
        let report = api.report(&WANTED, &responses).unwrap().expect("it is whole");
        assert!(shows_nobody(&[report]));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_reported_within_bounds(body in prop::collection::vec(any::<u8>(), 0..200), topic in prop::option::of(".{0,20}")) {
        for provider in STORES {
            let reports = of(provider).reports_in(topic.as_deref(), &body);
            prop_assert!(reports.is_empty());
            prop_assert!(of(provider).customer_in(topic.as_deref(), &body).is_none());
        }
    }

    #[test]
    fn any_json_is_reported_within_bounds_and_shows_nobody(value in arbitrary_json(), topic in prop::sample::select(&TOPICS[..])) {
        for provider in STORES {
            for topic in [Some(topic), None] {
                reports(provider, topic, &value);
                prop_assert!(shows_nobody(&reports(provider, topic, &marked(value.clone()))));
            }
        }
    }

    #[test]
    fn a_body_with_one_field_changed_is_reported_within_bounds(
        field in any::<prop::sample::Index>(),
        value in arbitrary_json(),
        other in prop::sample::select(&TOPICS[..]),
    ) {
        for (provider, topic, mut body) in bodies() {
            let fields = body.as_object_mut().unwrap();
            let name = fields.keys().nth(field.index(fields.len())).unwrap().clone();
            fields.insert(name, value.clone());
            reports(provider, Some(topic), &body);
            reports(provider, Some(other), &body);
        }
    }

    /// Few platforms sign the topic: it may make less of a body, never more.
    #[test]
    fn no_topic_pays_cancels_or_deletes_an_order(topic in prop::sample::select(&TOPICS[..]), paid in any::<bool>()) {
        let body = json!({ "id": 1, "currency": "EUR", "line_items": [{ "sku": "a", "quantity": 1 }],
            "financial_status": if paid { "paid" } else { "pending" }, "status": if paid { "completed" } else { "on-hold" } });
        for provider in [Provider::Shopify, Provider::WooCommerce] {
            for report in reports(provider, Some(topic), &body) {
                let Content::Order(order) = report.content else { panic!("{topic} makes another thing of it") };
                prop_assert_eq!((order.paid, order.cancelled), (paid, false));
                prop_assert_ne!(report.happened, domain::resource::Happened::Deleted);
            }
        }
    }
}
