//! What is sent, to the byte. Signatures were made with Python's `hmac`.

use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use strum::IntoEnumIterator as _;

use super::cloud_elements::{ObjectEventType, object};
use super::*;
use crate::CommerceEventType;

const BODY: &str = concat!(
    r#"{"id":"01959494-2c00-7d33-a1f0-5b6c7d8e9f01","type":"product.synced","time":"2026-03-14T12:00:00Z","#,
    r#""integrationId":"01950a2f-9a00-7f42-b0d1-6e5f4d3c2b1a","provider":"shopify","#,
    r#""accountId":"01950a11-5c00-7e10-8c4d-1a2b3c4d5e6f","data":{"productId":"632910392","title":"Storm Lead"}}"#
);
const ID: &str = "01959494-3000-7abc-8def-0123456789ab";
const RAW: &str = "{\"id\": 632910392,\n \"title\": \"Storm Lead\"}";
/// Of `id.timestamp.BODY`, with 32 bytes of 7, and of 8.
const SIGNATURE: &str = "v1,8k5v0qOQzRPw5Y9TXNLPyvbbG+bgN53qHDgKY2kzyhA=";
const OF_PREVIOUS: &str = "v1,PUaVtGoDpUVMB0ttRmi489Np3P5K4hMlrTfRoFOeux4=";
/// Of `timestamp_ms.BODY`, with `whsec_BwcH…`.
const OF_CLIONE: &str = "e5a61f1cea7797fdfc849457657ea7eed86d311fb7d843ba96157fed0a31092a";

fn event() -> Event {
    Event::sample(CommerceEventType::ProductSynced)
}

fn attempt() -> Attempt {
    Attempt { id: ID.parse().unwrap(), at: "2026-03-14T12:01:00.25Z".parse().unwrap() }
}

fn endpoint(profile: Profile) -> Endpoint {
    let secrets = Secrets { current: Secret::new([7; 32]), previous: vec![] };
    Endpoint { profile, secrets, headers: CustomHeaders::default() }
}

fn cloud_elements(key: Option<&str>) -> Endpoint {
    endpoint(Profile::CloudElements { element: None, key: key.map(|key| SignatureKey::parse(key).unwrap()) })
}

fn request(endpoint: &Endpoint, raw: Option<&Raw>) -> Request {
    endpoint.message(&event(), raw).request(attempt())
}

fn headers(request: &Request) -> Vec<(&str, &str)> {
    request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn text(request: Request) -> String {
    String::from_utf8(request.body).unwrap()
}

fn standard(signature: &'static str) -> Vec<(&'static str, &'static str)> {
    vec![
        ("Content-Type", "application/json"),
        ("webhook-signature", signature),
        ("webhook-id", ID),
        ("webhook-timestamp", "1773489660"),
    ]
}

#[test]
fn every_endpoint_gets_the_headers_of_standard_webhooks() {
    let mut endpoint = endpoint(Profile::Standard);
    let sent = request(&endpoint, None);
    assert_eq!(headers(&sent), standard(SIGNATURE));
    assert_eq!(text(sent), BODY);
    endpoint.secrets.previous.push(Secret::new([8; 32]));
    let (_, signatures) = &request(&endpoint, None).headers[1];
    assert_eq!(*signatures, format!("{SIGNATURE} {OF_PREVIOUS}"));
}

#[test]
fn clione_adds_its_headers_under_the_word_that_was_chosen() {
    for (word, names) in [
        ("Clione", ["X-Clione-Signature", "X-Clione-Event", "X-Clione-Timestamp"]),
        ("Acme-2", ["X-Acme-2-Signature", "X-Acme-2-Event", "X-Acme-2-Timestamp"]),
    ] {
        let mut endpoint = endpoint(Profile::Clione { word: HeaderWord::parse(word).unwrap() });
        endpoint.secrets.previous.push(Secret::new([8; 32]));
        let sent = request(&endpoint, None);
        let added = [OF_CLIONE, "product.synced", "1773489660250"];
        assert_eq!(headers(&sent)[4..], [0, 1, 2].map(|index| (names[index], added[index])));
        assert_eq!(text(sent), BODY);
    }
    assert_eq!(HeaderWord::default().as_str(), "Clione");
}

#[test]
fn the_word_in_a_header_begins_no_other_header() {
    assert!(HeaderWord::parse(&"x".repeat(40)).is_ok());
    for word in ["", "Cli one", "Clione\r\nHost: x", "Clione:", "Cliöne", "a_b", &"x".repeat(41)] {
        assert_eq!(HeaderWord::parse(word), Err(InvalidHeaderWord), "{word:?}");
    }
}

#[test]
fn cloud_elements_names_the_object_and_repeats_the_stores_own_body() {
    let raw = Raw::new(RAW.as_bytes());
    let sent = request(&cloud_elements(Some("elements key")), Some(&raw));
    let mut expected = standard("v1,B/AG0z+vDM12QxhdtXNV6ztSbx6oEgsk7gSlrfEJbGI=");
    expected.push(("Elements-Webhook-Id", ID));
    expected.push(("Elements-Webhook-Signature", "sha256=eBsuHp08M/AxBvR6vAfqNg8HhlV4dC6RtnJrs//+32U="));
    assert_eq!(headers(&sent), expected);
    let events = concat!(
        r#"[{"date":"2026-03-14T12:00:00Z","elementKey":"shopify","eventType":"UPDATED","#,
        r#""objectId":"632910392","objectType":"products"}]"#
    );
    let message = format!(r#"{{"elementKey":"shopify","eventId":"{ID}","events":{events},"raw":{RAW}}}"#);
    assert_eq!(text(sent), format!(r#"{{"message":{message}}}"#));
    let unsigned = request(&cloud_elements(None), Some(&raw));
    assert_eq!(headers(&unsigned).last(), Some(&("Elements-Webhook-Id", ID)));
}

#[test]
fn a_signature_key_is_some_text_that_no_log_shows() {
    for (key, is_valid) in [("", false), ("k", true), (&"é".repeat(500), true), (&"é".repeat(501), false)] {
        assert_eq!(SignatureKey::parse(key).is_ok(), is_valid, "{key}");
    }
    assert_eq!(format!("{:?}", SignatureKey::parse("abc")), "Ok([key])");
}

#[test]
fn a_raw_body_is_json_or_a_text_and_without_one_the_event_itself() {
    let endpoint = cloud_elements(None);
    let raw = |raw: Option<&Raw>| -> Value {
        serde_json::from_slice::<Value>(&request(&endpoint, raw).body).unwrap()["message"]["raw"].take()
    };
    assert_eq!(raw(Some(&Raw::new(b"a=1&b=\"2\""))), json!("a=1&b=\"2\""));
    assert_eq!(raw(Some(&Raw::new(b"\xff"))), json!("\u{fffd}"));
    assert_eq!(raw(Some(&Raw::new(b"{} {}"))), json!("{} {}"));
    assert_eq!(raw(None), serde_json::from_str::<Value>(BODY).unwrap());
    let in_no_store = Event::sample(CommerceEventType::EnrichmentBulkCompleted);
    let sent: Value = serde_json::from_slice(&endpoint.message(&in_no_store, None).request(attempt()).body).unwrap();
    assert_eq!(sent["message"]["elementKey"], "cloudbridge");
    assert_eq!(sent["message"]["events"][0]["objectId"], json!(in_no_store.id), "it is about no object");
    assert_eq!(sent["message"]["events"][0]["eventType"], "UNKNOWN");
}

#[test]
fn what_is_created_or_deleted_is_said_by_the_types_name() {
    for of in CommerceEventType::iter() {
        let (object_type, event_type) = object(of);
        let name = of.as_str();
        assert_eq!(
            event_type == ObjectEventType::Created,
            name.ends_with("created") || name == "faq.submitted",
            "{name}"
        );
        assert_eq!(event_type == ObjectEventType::Deleted, name.ends_with("deleted"), "{name}");
        let (subject, _) = name.split_once('.').unwrap();
        assert!(object_type.starts_with(&subject[..3]), "{name} is about {object_type}");
    }
    assert_eq!(object(CommerceEventType::OrderPaid), ("orders", ObjectEventType::Updated));
}

#[test]
fn every_event_but_one_is_about_an_object() {
    for of in CommerceEventType::iter() {
        let id = Event::sample(of).payload.object_id();
        assert_eq!(id.is_none(), of == CommerceEventType::EnrichmentBulkCompleted, "{of:?}");
    }
    let stock = |data| crate::Payload::parse(CommerceEventType::InventoryUpdated, data).unwrap().object_id();
    assert_eq!(stock(r#"{"productId":"1","variantId":"2","inventoryItemId":"3"}"#).as_deref(), Some("3"));
    assert_eq!(stock(r#"{"productId":"1","variantId":"2"}"#).as_deref(), Some("2"));
    assert_eq!(stock(r#"{"productId":"1"}"#).as_deref(), Some("1"));
    let out = |data| crate::Payload::parse(CommerceEventType::InventoryOutOfStock, data).unwrap().object_id();
    assert_eq!(out(r#"{"productId":"1","variantId":"2","available":0,"threshold":0}"#).as_deref(), Some("2"));
    assert_eq!(out(r#"{"productId":"1","available":0,"threshold":0}"#).as_deref(), Some("1"));
    assert_eq!(out(r#"{"inventoryItemId":"3","available":0,"threshold":0}"#).as_deref(), Some("3"));
}

#[test]
fn headers_of_an_endpoints_own_are_sent_and_no_value_is_logged() {
    let mut endpoint = endpoint(Profile::Standard);
    endpoint.headers = CustomHeaders::new(vec![("Authorization".to_owned(), "Bearer abc".to_owned())]).unwrap();
    let sent = request(&endpoint, None);
    assert_eq!(headers(&sent).last(), Some(&("Authorization", "Bearer abc")));
    let shown = format!("{sent:?} {endpoint:?}");
    assert!(shown.contains("Authorization") && !shown.contains("abc") && !shown.contains("v1,"), "{shown}");
}

/// The vector of the libraries of standard-webhooks/standard-webhooks.
#[test]
fn a_known_notification_of_standard_webhooks_verifies_within_five_minutes() {
    let known = [
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ];
    let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let verified = |body: &[u8], secrets: &[&Secret], seconds: i64| {
        let now = DateTime::from_timestamp(1_614_265_330 + seconds, 0).unwrap();
        let secrets: Vec<_> = secrets.iter().copied().cloned().collect();
        verify(&header_map(&known), body, &secrets, now)
    };
    let body = br#"{"test": 2432232314}"#;
    let other = Secret::new([7; 32]);
    assert_eq!(verified(body, &[&other, &secret], 300), Ok(()));
    assert_eq!(verified(body, &[&secret], 301), Err(SignatureRefusal::Expired));
    assert_eq!(verified(body, &[&other], 0), Err(SignatureRefusal::Wrong));
    assert_eq!(verified(b"{}", &[&secret], 0), Err(SignatureRefusal::Wrong));
}

#[test]
fn what_is_sent_verifies_with_any_of_the_secrets_whatever_the_profile() {
    for profile in [
        Profile::Standard,
        Profile::Clione { word: HeaderWord::default() },
        Profile::CloudElements { element: None, key: None },
    ] {
        let mut endpoint = endpoint(profile);
        endpoint.secrets.previous.push(Secret::new([8; 32]));
        for of in CommerceEventType::iter() {
            let sent = endpoint.message(&Event::sample(of), None).request(attempt());
            let map = header_map(&headers(&sent));
            for secret in [[7; 32], [8; 32]].map(Secret::new) {
                assert_eq!(verify(&map, &sent.body, &[secret], attempt().at), Ok(()));
            }
        }
    }
}

fn header_map(headers: &[(&str, &str)]) -> HeaderMap {
    let pair =
        |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
    headers.iter().map(pair).collect()
}
