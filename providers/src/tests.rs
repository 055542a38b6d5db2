//! What holds for the bodies of every provider, and for bytes that are no body at all.

use chrono::DateTime;
use domain::LineItem;
use domain::commerce::{Currency, Money};
use domain::notice::NoticeKind;
use domain::resource::{self, Content};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};

use super::*;

pub(crate) fn order_of(parsed: Result<Parsed, Malformed>) -> StoreOrder {
    match parsed {
        Ok(Parsed::Order(order)) => order,
        Ok(Parsed::ThinOrder(_) | Parsed::Notice(_) | Parsed::Unusable(_)) | Err(_) => {
            panic!("expected an order, found {parsed:?}")
        }
    }
}

pub(crate) fn item(
    sku: Option<&str>,
    product_id: Option<&str>,
    variant_id: Option<&str>,
    title: Option<&str>,
    quantity: u32,
) -> LineItem {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    LineItem {
        sku: owned(sku),
        product_id: owned(product_id),
        variant_id: owned(variant_id),
        title: owned(title),
        quantity,
    }
}

/// The one report of a webhook.
pub(crate) fn one(mut reports: Vec<StoreReport>) -> StoreReport {
    assert_eq!(reports.len(), 1, "{reports:?}");
    reports.remove(0)
}

/// What is published of an order.
pub(crate) fn published(report: StoreReport) -> resource::Order {
    match report.content {
        Content::Order(order) => order,
        Content::Product(_)
        | Content::Collection(_)
        | Content::Stock(_)
        | Content::Customer {}
        | Content::Checkout(_) => panic!("expected an order, found {report:?}"),
    }
}

pub(crate) fn money(amount: i64, currency: &str) -> Money {
    Money { amount, currency: Currency::parse(currency).expect("it is a code") }
}

/// The order that an API's responses give.
pub(crate) fn order_in(
    api: &dyn OrderApi,
    order: &OrderReference<'_>,
    responses: &[&[u8]],
) -> Result<StoreOrder, Malformed> {
    match api.next(order, responses)? {
        OrderStep::Order(order) => Ok(*order),
        OrderStep::Request { path } => panic!("{path} is not among the responses"),
    }
}

pub(crate) fn parse(provider: Provider, topic: Option<&str>, body: &[u8]) -> Result<Parsed, Malformed> {
    of(provider).interpret(topic, body)
}

pub(crate) fn received<'a>(headers: &'a HeaderMap, body: &'a [u8]) -> Received<'a> {
    Received { address: "https://bridge.example.com/hook", headers, body, at: DateTime::UNIX_EPOCH }
}

fn refused(provider: Provider, body: &[u8]) -> String {
    parse(provider, None, body).unwrap_err().to_string()
}

fn unusable(provider: Provider, body: &[u8]) -> String {
    match parse(provider, None, body) {
        Ok(Parsed::Unusable(why)) => why.to_string(),
        parsed => panic!("expected something unusable, found {parsed:?}"),
    }
}

#[test]
fn what_is_not_json_is_malformed_and_its_message_quotes_nothing() {
    for (body, message) in [
        (&b""[..], "the body ends before its JSON does (line 1, column 0)"),
        (b" \n ", "the body ends before its JSON does (line 2, column 1)"),
        (b"{\"id\":1,\n\"line_items\":[", "the body ends before its JSON does (line 2, column 14)"),
        (b"max@music.com", "the body is not JSON (line 1, column 1)"),
        (b"webhook_id=7", "the body is not JSON (line 1, column 1)"),
        (b"{} {}", "the body is not JSON (line 1, column 4)"),
        (b"{'id':1}", "the body is not JSON (line 1, column 2)"),
        (b"{\"a\":NaN}", "the body is not JSON (line 1, column 6)"),
        (b"{\"a\":\n\"\xff\"}", "the body is not UTF-8 (line 2, column 2)"),
        (b"\xff\xfe{\0}\0", "the body is not UTF-8 (line 1, column 1)"),
        (b"\xef\xbb\xbf\xef\xbb\xbf{}", "the body is not JSON (line 1, column 1)"),
    ] {
        assert_eq!(refused(Provider::Generic, body), message);
        for provider in Provider::iter().filter(|provider| *provider != Provider::Generic) {
            assert_eq!(unusable(provider, body), message);
        }
    }
}

/// The developer of a generic sender sees a refusal at once; a store would never send the order again.
#[test]
fn what_a_store_signs_is_never_refused_and_the_reason_says_to_choose_json() {
    let xml = "\u{feff}\n<?xml version=\"1.0\" encoding=\"UTF-8\"?><order><id type=\"integer\">820982911946154508</id></order>";
    let choose = "choose the format JSON for this webhook in the store's settings";
    for (body, message, is_mended_by_format) in [
        (xml.as_bytes(), "the body is XML and not JSON", true),
        (b"id=820982911946154508&number=1042", "the body is not JSON (line 1, column 1)", true),
        (b"\xff\xfe<\0", "the body is not UTF-8 (line 1, column 1)", true),
        (b"{\"id\":82098", "the body ends before its JSON does (line 1, column 11)", false),
    ] {
        for (provider, topic) in [(Provider::Shopify, "orders/paid"), (Provider::WooCommerce, "order.updated")] {
            let Ok(Parsed::Unusable(why)) = parse(provider, Some(topic), body) else {
                panic!("{provider:?} refuses it")
            };
            let reason = of(provider).explain(&why);
            assert!(reason.starts_with(message), "{reason}");
            // WooCommerce has no such setting.
            assert_eq!(reason.contains(choose), is_mended_by_format && provider == Provider::Shopify, "{reason}");
        }
        assert!(parse(Provider::Generic, None, body).is_err());
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_body() {
    let body = "\u{feff}{\"id\":7,\"line_items\":[]}";
    assert_eq!(order_of(parse(Provider::Shopify, None, body.as_bytes())).order_id, "7");
}

#[test]
fn a_field_that_comes_twice_is_named() {
    let message = |field, column| format!("`{field}` is there twice in one object (line 1, column {column})");
    assert_eq!(unusable(Provider::Shopify, br#"{"id":1,"id":2,"line_items":[]}"#), message("id", 12));
    let lines = br#"{"id":1,"line_items":[{"sku":"a","sku":"b"}]}"#;
    assert_eq!(unusable(Provider::WooCommerce, lines), message("sku", 38));
    assert_eq!(refused(Provider::Generic, br#"{"orderId":"1","orderId":"1"}"#), message("orderId", 24));
    assert!(parse(Provider::Shopify, None, br#"{"id":1,"line_items":[],"unread":1,"unread":2}"#).is_ok());
}

#[test]
fn an_id_that_is_none_makes_an_order_unusable() {
    for provider in [Provider::Shopify, Provider::WooCommerce] {
        for (id, reason) in [
            ("1.0", "`id` must be a text or a whole number"),
            ("1e400", "`id` must be a text or a whole number"),
            (r#""1\u0000""#, "`id` must not contain U+0000"),
        ] {
            assert_eq!(unusable(provider, format!(r#"{{"id":{id},"line_items":[]}}"#).as_bytes()), reason);
        }
    }
}

#[test]
fn deep_nesting_is_malformed_wherever_it_is() {
    let too_deep =
        |line, column| Ok(Parsed::Unusable(Malformed::NotJson { reason: "is nested too deeply", line, column }));
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for (body, answer) in [
        (nested(127), Ok(Parsed::Notice(NoticeKind::NotAnOrder))),
        (nested(128), too_deep(1, 128)),
        (nested(1_000_000), too_deep(1, 128)),
        (format!("{{\n\"unread\":{}}}", nested(127)), too_deep(2, 136)),
        (
            format!(r#"{{"unread":"{}\"{}"}}"#, "[".repeat(500), "{".repeat(500)),
            Ok(Parsed::Notice(NoticeKind::NotAnOrder)),
        ),
        (format!("[{}[]]", "[],".repeat(500)), Ok(Parsed::Notice(NoticeKind::NotAnOrder))),
    ] {
        assert_eq!(parse(Provider::Shopify, None, body.as_bytes()), answer);
    }
}

#[test]
fn an_order_has_at_most_a_thousand_items() {
    for (provider, field, rest) in [
        (Provider::Shopify, "line_items", r#""id":1"#),
        (Provider::WooCommerce, "line_items", r#""id":1"#),
        (Provider::Generic, "items", r#""orderId":"1","targetUsername":"max""#),
    ] {
        let body =
            |items: usize| format!(r#"{{{rest},"{field}":[{}{{"sku":"a"}}]}}"#, r#"{"sku":"a"},"#.repeat(items - 1));
        assert_eq!(order_of(parse(provider, None, body(1_000).as_bytes())).items.len(), 1_000);
        let message = format!("`{field}` must not have more than 1,000 entries");
        let why = if provider == Provider::Generic { refused } else { unusable };
        assert_eq!(why(provider, body(1_001).as_bytes()), message);
        assert_eq!(why(provider, body(50_000).as_bytes()), message);
    }
}

#[test]
fn an_order_shows_nothing_of_the_customer() {
    let body = br#"{"orderId":"1","targetUsername":"max","customerEmail":"a@b.c","customerName":"Max Power","items":[{"sku":"a"}]}"#;
    let shown = format!("{:?}", order_of(parse(Provider::Generic, None, body)));
    assert!(!shown.contains("max") && !shown.contains("a@b.c") && !shown.contains("Power"), "{shown}");
}

#[test]
fn only_an_unsigned_form_with_a_webhook_id_is_a_ping() {
    const FORM: &str = "application/x-www-form-urlencoded";
    for (content_type, signature, body, answer) in [
        (Some(FORM), None, &b"webhook_id=7"[..], true),
        (Some("Application/X-WWW-Form-Urlencoded; charset=UTF-8"), None, b"webhook_id=18446744073709551615", true),
        (None, None, b"webhook_id=7", true),
        (Some("application/json"), None, b"webhook_id=7", false),
        (Some(""), None, b"webhook_id=7", false),
        (Some(FORM), Some("x"), b"webhook_id=7", false),
        (Some(FORM), None, b"webhook_id=", false),
        (Some(FORM), None, b"webhook_id=7&a=b", false),
        (Some(FORM), None, b"webhook_id=-7", false),
        (Some(FORM), None, b"webhook_id=123456789012345678901", false),
        (Some(FORM), None, b"7", false),
        (Some(FORM), None, b"", false),
    ] {
        let mut headers = HeaderMap::new();
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if let Some(signature) = signature {
            headers.insert("x-wc-webhook-signature", HeaderValue::from_static(signature));
        }
        let received = received(&headers, body);
        assert_eq!(of(Provider::WooCommerce).is_ping(&received), answer, "{content_type:?} {body:?}");
        assert!(!of(Provider::Shopify).is_ping(&received) && !of(Provider::Generic).is_ping(&received));
    }
}

#[test]
fn a_webhook_names_its_store_where_its_platform_does() {
    let headers = HeaderMap::from_iter([
        ("x-shopify-shop-domain".parse().unwrap(), HeaderValue::from_static("storm-audio.myshopify.com")),
        ("x-wc-webhook-source".parse().unwrap(), HeaderValue::from_static("https://storm.example.com/")),
    ]);
    for (provider, body, store) in [
        (Provider::Shopify, "{}", Some("storm-audio.myshopify.com")),
        (Provider::Square, r#"{"merchant_id":"5S9MXCS9Y99KK"}"#, Some("5S9MXCS9Y99KK")),
        (Provider::Square, "{}", None),
        (Provider::WooCommerce, "{}", None),
    ] {
        assert_eq!(of(provider).store(&received(&headers, body.as_bytes())).as_deref(), store, "{provider:?} {body}");
    }
}

#[test]
fn what_cannot_be_read_reports_nothing_or_is_refused_as_the_caller_chooses() {
    let shopify = of(Provider::Shopify);
    for (body, malformed) in [("<order/>", Malformed::Xml), ("{}", Malformed::missing("id"))] {
        assert_eq!(shopify.reports_in(Some("products/update"), body.as_bytes()), []);
        assert_eq!(shopify.read_reports(Some("products/update"), body.as_bytes(), None), Err(malformed));
    }
}
