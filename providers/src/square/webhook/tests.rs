//! Square's webhooks in their odd shapes.

use domain::integration::Provider;
use domain::notice::NoticeKind;
use http::HeaderMap;

use crate::tests::received;
use crate::{Malformed, Parsed, ThinOrder};

/// From Square's documents.
const WEBHOOK: &str = r#"{"merchant_id":"5S9MXCS9Y99KK","type":"order.updated","event_id":"bc316346-6691-4243-88ed-6d651a0d0c47",
    "created_at":"2020-04-16T23:14:26.129Z","data":{"type":"order_updated","id":"eA3vssLHKJrv9H0IdJCM3gNqfdcZY",
    "object":{"order_updated":{"created_at":"2020-04-16T23:14:26.129Z","location_id":"FPYCBCHYMXFK1",
    "order_id":"eA3vssLHKJrv9H0IdJCM3gNqfdcZY","state":"OPEN","updated_at":"2020-04-16T23:14:26.359Z","version":2}}}}"#;

fn parsed(json: &str) -> Result<Parsed, Malformed> {
    crate::of(Provider::Square).interpret(Some("order.created"), json.as_bytes())
}

#[test]
fn the_documented_webhook_names_an_order() {
    let expected = ThinOrder {
        order_id: "eA3vssLHKJrv9H0IdJCM3gNqfdcZY".to_owned(),
        order_status: None,
        changed_at: "2020-04-16T23:14:26.359Z".parse().ok(),
    };
    assert_eq!(parsed(WEBHOOK), Ok(Parsed::ThinOrder(expected)));
}

#[test]
fn each_type_has_its_object_and_what_is_missing_there_is_beside_it() {
    for (event_type, data, order_status, changed_at) in [
        (
            "order.created",
            r#"{"id":"D","object":{"order_created":{"order_id":"O1","state":"DRAFT","created_at":"2020-04-16T23:14:26.129Z"}}}"#,
            Some("draft"),
            "2020-04-16T23:14:26.129Z",
        ),
        (
            "order.fulfillment.updated",
            r#"{"id":"D","object":{"order_fulfillment_updated":{"order_id":"O1","state":"COMPLETED",
               "created_at":"2020-04-16T23:14:26Z","updated_at":"2020-04-17T23:14:26Z"}}}"#,
            Some("completed"),
            "2020-04-17T23:14:26Z",
        ),
        (
            "order.updated",
            r#"{"object":{"order_updated":{"order_id":"O1","state":"CANCELED"}}}"#,
            Some("canceled"),
            "2026-11-21T15:00:00.123456789Z",
        ),
        (
            "order.updated",
            r#"{"id":"O1","object":{"order_updated":{"state":"OPEN"}}}"#,
            None,
            "2026-11-21T15:00:00.123456789Z",
        ),
        (
            "order.updated",
            r#"{"id":"O1","object":{"order_created":{"order_id":"O2"}}}"#,
            None,
            "2026-11-21T15:00:00.123456789Z",
        ),
        ("order.created", r#"{"id":"O1","object":[]}"#, None, "2026-11-21T15:00:00.123456789Z"),
    ] {
        let json = format!(r#"{{"type":"{event_type}","created_at":"2026-11-21T15:00:00.123456789Z","data":{data}}}"#);
        let expected = ThinOrder {
            order_id: "O1".to_owned(),
            order_status: order_status.map(str::to_owned),
            changed_at: changed_at.parse().ok(),
        };
        assert_eq!(parsed(&json), Ok(Parsed::ThinOrder(expected)), "{json}");
    }
}

#[test]
fn what_is_not_about_an_order_is_a_notice_whatever_the_header_says() {
    for json in [
        r#"{"type":"webhooks.test_notification","event_id":"e","data":{"type":"webhooks","id":"O1"}}"#,
        r#"{"type":"payment.updated","event_id":"e","data":{"type":"payment","id":"P1","object":{"payment":{"order_id":"O1"}}}}"#,
        r#"{"type":"order.custom_attribute.owned.updated","data":{"id":"O1"}}"#,
        // Of the first version of the API.
        r#"{"location_id":"L","merchant_id":"M","event_type":"PAYMENT_UPDATED","entity_id":"O1"}"#,
        r#"{"type":null,"data":{"id":"O1"}}"#,
        "{}",
        "[]",
        "7",
        "null",
    ] {
        assert_eq!(parsed(json), Ok(Parsed::Notice(NoticeKind::NotAnOrder)), "{json}");
    }
}

#[test]
fn an_order_without_an_id_is_unusable_and_says_why() {
    let field = "data.object.order_updated.order_id";
    for (data, reason) in [
        ("null", format!("`{field}` is missing")),
        ("{}", format!("`{field}` is missing")),
        (r#"{"object":{"order_updated":{"order_id":null}}}"#, format!("`{field}` must not be null")),
        (r#"{"object":{"order_updated":{"order_id":"a\u0000"}}}"#, format!("`{field}` must not contain U+0000")),
        (r#"{"id":1.5}"#, "`data.id` must be a text or a whole number".to_owned()),
        (r#"{"id":"a","id":"b"}"#, "`id` is there twice in one object (line 1, column 45)".to_owned()),
    ] {
        let json = format!(r#"{{"type":"order.updated","data":{data}}}"#);
        let Ok(Parsed::Unusable(why)) = parsed(&json) else { panic!("{json} is usable") };
        assert_eq!(why.to_string(), reason, "{json}");
    }
}

#[test]
fn topic_and_id_are_of_the_signed_body() {
    let platform = crate::of(Provider::Square);
    let headers = HeaderMap::new();
    let webhook = received(&headers, WEBHOOK.as_bytes());
    assert_eq!(platform.topic(&webhook).as_deref(), Some("order.updated"));
    assert_eq!(platform.webhook_id(&webhook).as_deref(), Some("bc316346-6691-4243-88ed-6d651a0d0c47"));
    for body in ["", "<html>", "[]", r#"{"type":7.5,"event_id":{}}"#] {
        let odd = received(&headers, body.as_bytes());
        assert_eq!(platform.webhook_id(&odd), None, "{body}");
    }
}
