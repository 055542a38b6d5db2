//! A known signature, and all that looks like one.

use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderValue;
use proptest::prelude::*;

use super::*;

const KEY: &str = "bc_client_secret";
const BODY: &[u8] = br#"{"scope":"store/order/created","data":{"type":"order","id":250}}"#;
const SIGNED_AT: &str = "1795273200";
/// Made with Python: `b64encode(hmac.new(KEY, b"msg_2LJB.1795273200." + BODY, sha256).digest())`.
const KNOWN: &str = "v1,LnfoLMKYbDJLholdYVFNncxh1yWQOBQNhREQcJitlCg=";
/// The same with another last bit.
const WRONG: &str = "v1,LnfoLMKYbDJLholdYVFNncxh1yWQOBQNhREQcJitlCk=";

fn signed_at() -> DateTime<Utc> {
    "2026-11-21T15:00:00Z".parse().unwrap()
}

fn with(headers: &[(&'static str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    map
}

fn verified_at(at: DateTime<Utc>, headers: &[(&'static str, &str)], keys: &[&str]) -> Result<(), SignatureRefusal> {
    let headers = with(headers);
    verify(&headers, BODY, at, keys)
}

fn verified(signature: &str, keys: &[&str]) -> Result<(), SignatureRefusal> {
    verified_at(signed_at(), &[(ID, "msg_2LJB"), (TIMESTAMP, SIGNED_AT), (SIGNATURE, signature)], keys)
}

#[test]
fn a_known_signature_is_made_and_verified() {
    assert_eq!(verified(KNOWN, &[KEY]), Ok(()));
    let expected = [(SIGNATURE, KNOWN), (ID, "msg_2LJB"), (TIMESTAMP, SIGNED_AT)];
    assert_eq!(sign("msg_2LJB", signed_at(), BODY, &[KEY]), expected.map(|(name, value)| (name, value.to_owned())));
}

#[test]
fn each_key_signs_and_a_receiver_that_has_one_of_them_verifies() {
    let signed = |count| sign("msg_2LJB", signed_at(), BODY, &vec!["another"; count]).swap_remove(0).1;
    let (_, both) = sign("msg_2LJB", signed_at(), BODY, &[KEY, "another"]).swap_remove(0);
    assert_eq!(both, format!("{KNOWN} {}", signed(1)));
    assert_eq!(verified(&both, &["another"]), Ok(()));
    assert_eq!(signed(17).split(' ').count(), 16, "what no receiver looks at is not sent");
}

#[test]
fn what_is_signed_is_the_id_the_time_and_the_body() {
    let content = [b"msg_2LJB.1795273200.", BODY].concat();
    let expected = Encoding::Base64.encoded(&code(KEY.as_bytes(), &[&content]));
    assert_eq!(KNOWN, format!("v1,{expected}"));
    let of = |id, timestamp| verified_at(signed_at(), &[(ID, id), (TIMESTAMP, timestamp), (SIGNATURE, KNOWN)], &[KEY]);
    assert_eq!(of("msg_2LJB", SIGNED_AT), Ok(()));
    assert_eq!(of("msg_2LJC", SIGNED_AT), Err(SignatureRefusal::Wrong));
    assert_eq!(of("msg_2LJB", "1795273201"), Err(SignatureRefusal::Wrong));
}

#[test]
fn any_of_several_signatures_and_any_of_the_keys_will_do() {
    use SignatureRefusal::{Malformed, Wrong};
    let many = |count| format!("{}{KNOWN}", format!("{WRONG} ").repeat(count));
    for (signature, expected) in [
        (format!("{WRONG} {KNOWN}"), Ok(())),
        (format!("{KNOWN} {WRONG}"), Ok(())),
        (format!("v1a,{} {KNOWN} v2,x", "A".repeat(88)), Ok(())),
        (format!("v1,short  {KNOWN}"), Ok(())),
        (WRONG.to_owned(), Err(Wrong)),
        (KNOWN.replace("v1,", "v1a,"), Err(Malformed)),
        (KNOWN.replace("v1,", ""), Err(Malformed)),
        (KNOWN.replace("v1,", "V1,"), Err(Malformed)),
        (KNOWN.replace('=', ""), Err(Malformed)),
        (String::new(), Err(Malformed)),
        ("v1,é".to_owned(), Err(Malformed)),
        (many(15), Ok(())),
        (many(16), Err(Wrong)),
    ] {
        assert_eq!(verified(&signature, &[KEY]), expected, "{signature}");
    }
    assert_eq!(verified(KNOWN, &["another", KEY]), Ok(()));
    assert_eq!(verified(KNOWN, &[KEY, "another"]), Ok(()));
    assert_eq!(verified(KNOWN, &["another"]), Err(Wrong));
    assert_eq!(verified(KNOWN, &[]), Err(Wrong));
    let (_, of_no_key) = sign("msg_2LJB", signed_at(), BODY, &[""]).swap_remove(0);
    assert_eq!(verified(&of_no_key, &[""]), Err(Wrong));
}

#[test]
fn each_header_is_there_once() {
    use SignatureRefusal::{Malformed, Missing};
    let all = [(ID, "msg_2LJB"), (TIMESTAMP, SIGNED_AT), (SIGNATURE, KNOWN)];
    for (name, value) in all {
        let without: Vec<_> = all.into_iter().filter(|(other, _)| *other != name).collect();
        let expected = if name == SIGNATURE { Missing } else { Malformed };
        assert_eq!(verified_at(signed_at(), &without, &[KEY]), Err(expected), "without {name}");
        let twice = [&all[..], &[(name, value)]].concat();
        assert_eq!(verified_at(signed_at(), &twice, &[KEY]), Err(Malformed), "{name} twice");
    }
}

#[test]
fn the_time_that_was_signed_is_at_most_five_minutes_off_either_way() {
    for (off, expected) in [
        (TimeDelta::zero(), Ok(())),
        (TimeDelta::seconds(300), Ok(())),
        (TimeDelta::seconds(-300), Ok(())),
        (TimeDelta::seconds(301), Err(SignatureRefusal::Expired)),
        (TimeDelta::seconds(-301), Err(SignatureRefusal::Expired)),
        (TimeDelta::days(400), Err(SignatureRefusal::Expired)),
    ] {
        let headers = [(ID, "msg_2LJB"), (TIMESTAMP, SIGNED_AT), (SIGNATURE, KNOWN)];
        assert_eq!(verified_at(signed_at() + off, &headers, &[KEY]), expected, "{off}");
        // A sender without the secret learns nothing of our clock.
        assert_eq!(verified_at(signed_at() + off, &headers, &["another"]), Err(SignatureRefusal::Wrong), "{off}");
    }
}

#[test]
fn no_time_overflows() {
    let least = i64::MIN.to_string();
    for (timestamp, expected) in [
        (least.as_str(), SignatureRefusal::Expired),
        (&i64::MAX.to_string(), SignatureRefusal::Expired),
        ("0", SignatureRefusal::Expired),
        ("-9223372036854775809", SignatureRefusal::Malformed),
        ("18446744073709551616", SignatureRefusal::Malformed),
        ("1795273200.0", SignatureRefusal::Malformed),
        ("2026-11-21T15:00:00Z", SignatureRefusal::Malformed),
        ("é", SignatureRefusal::Malformed),
        ("", SignatureRefusal::Malformed),
    ] {
        let code = code(KEY.as_bytes(), &content(b"msg_2LJB", timestamp.as_bytes(), BODY));
        let signature = format!("v1,{}", Encoding::Base64.encoded(&code));
        let headers = [(ID, "msg_2LJB"), (TIMESTAMP, timestamp), (SIGNATURE, signature.as_str())];
        for at in [signed_at(), DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            assert_eq!(verified_at(at, &headers, &[KEY]), Err(expected), "{timestamp}");
        }
    }
}

proptest! {
    #[test]
    fn what_is_signed_verifies_whatever_its_bytes(body in prop::collection::vec(any::<u8>(), 0..100), id in "[!-~]{1,20}") {
        let signed = sign(&id, signed_at(), &body, &[b"\xff\0key"]);
        let headers: Vec<_> = signed.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let headers = with(&headers);
        prop_assert_eq!(verify(&headers, &body, signed_at(), &[b"\xff\0key"]), Ok(()));
    }
}
