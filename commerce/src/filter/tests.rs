//! Which conditions there are, and what they let pass.

use domain::commerce::{CommerceEventType, Publisher};
use proptest::prelude::*;
use strum::IntoEnumIterator as _;

use super::*;
use crate::Event;

fn passes(filter: &str, event: CommerceEventType) -> bool {
    let filter = Filter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
    filter.matches(&Event::sample(event).to_value())
}

#[test]
fn a_condition_is_about_the_event_as_it_is_sent() {
    for filter in [
        r#"@.type == "order.paid""#,
        "@.type == 'order.paid'",
        " @.data.paid == true ",
        "@.data.total.amount > 3000 && @.data.total.amount <= 3998",
        r#"@.data.total.currency == "EUR" || @.data.total.currency == "USD""#,
        r#"@.data.items[?@.sku == "STORM-LEAD-V2"]"#,
        "@.data.items[*].sku",
        r#"@.data.items[0]["sku"] >= "STORM-" && @.data.items[0].sku < "STORM.""#,
        "@.data.items[?@.price[?@ > 1000]]",
        "count(@.data.items[?@.quantity > 1]) == 1",
        "length(@.data.items) < 2 && length(@.data.orderId) > 2",
        "value(@.data.items[*].quantity) == 2",
        "!@.data.refundedBy && !(@.data.cancelled == true)",
        r#"@.integrationId == "01950a2f-9a00-7f42-b0d1-6e5f4d3c2b1a" && @.provider == "shopify""#,
        r#"@.data.status != "a $..[ text (\" with ] , signs""#,
        r"@.data.status != 'it\'s ] so'",
    ] {
        assert!(passes(filter, CommerceEventType::OrderPaid), "{filter}");
        assert!(!passes(&format!("!({filter})"), CommerceEventType::OrderPaid), "{filter}");
    }
}

#[test]
fn the_filters_of_the_documents_are_filters() {
    let document = include_str!("../../../docs/endpoints.md");
    let (_, after) = document.split_once("```text\n").unwrap();
    let (filters, _) = after.split_once("```").unwrap();
    for filter in filters.lines() {
        assert!(Filter::new(filter).is_ok(), "{filter}");
    }
    assert_eq!(filters.lines().count(), 5);
}

#[test]
fn what_an_event_does_not_have_meets_no_comparison() {
    for filter in ["@.data.total.amount > 0", "@.data.total.amount < 0", "@.data.items", r#"@.data.paid == "true""#] {
        assert!(!passes(filter, CommerceEventType::ProductDeleted), "{filter}");
    }
}

#[test]
fn what_is_no_condition_is_refused_with_its_place() {
    let long = format!("@.a == '{}'", "x".repeat(MAX_FILTER_CHARS));
    for (filter, refusal) in [
        ("", InvalidFilter::Empty),
        (" \t", InvalidFilter::Empty),
        (long.as_str(), InvalidFilter::TooLong),
        ("@.a == 'x", InvalidFilter::OpenText { at: 8 }),
        (r"@.a == 'x\'", InvalidFilter::OpenText { at: 8 }),
        ("@.a]", InvalidFilter::Bracket { at: 4 }),
        ("@.a[0", InvalidFilter::Bracket { at: 4 }),
        ("(@.a == 1]", InvalidFilter::Bracket { at: 10 }),
        ("@.a], $[?@.b", InvalidFilter::Bracket { at: 4 }),
        ("@.a, ?@.b", InvalidFilter::Several { at: 4 }),
        ("@.data['a', 'b']", InvalidFilter::Several { at: 11 }),
        ("@..amount > 5", InvalidFilter::Descendants { at: 2 }),
        ("@.ä..amount > 5", InvalidFilter::Descendants { at: 4 }),
        ("$.a == 1", InvalidFilter::Root { at: 1 }),
        ("@.a[?$.b == @.c]", InvalidFilter::Root { at: 6 }),
        ("@.a[?@.b[?@.c[?@.d]]]", InvalidFilter::TooManyConditions { at: 15 }),
        ("((((((((((((@.a))))))))))))", InvalidFilter::TooDeep { at: 11 }),
        ("?@.a", InvalidFilter::Syntax { at: 1 }),
        ("*", InvalidFilter::Syntax { at: 1 }),
        ("data.total > 5", InvalidFilter::Syntax { at: 5 }),
        ("@.ä = 5", InvalidFilter::Syntax { at: 5 }),
        ("@.a == 1 and @.b == 2", InvalidFilter::Syntax { at: 10 }),
        ("@.data.items[*].sku == 'A'", InvalidFilter::Syntax { at: 21 }),
        ("length(@.a)", InvalidFilter::Syntax { at: 1 }),
        ("search(@.a, 'x')", InvalidFilter::Syntax { at: 1 }),
    ] {
        assert_eq!(Filter::parse(filter), Err(refusal), "{filter}");
    }
}

#[test]
fn a_filter_sees_no_person() {
    for of in CommerceEventType::iter() {
        let event = Event::sample(of);
        let seen = event.to_value();
        for personal in ["fan@example.com", "Robin Fan", "cortex_user_42", "207119551"] {
            let names_customer = matches!(of, CommerceEventType::CustomerCreated | CommerceEventType::CustomerUpdated)
                && personal == "207119551";
            assert!(names_customer || !seen.to_string().contains(personal), "{seen}");
        }
        assert_eq!(seen.get("data").is_none(), of.publisher() == Publisher::Account, "{seen}");
    }
}

#[test]
fn what_a_filter_sees_is_what_is_sent() {
    for of in CommerceEventType::iter() {
        let event = Event::sample(of);
        let sent: Value = serde_json::from_slice(&event.body()).unwrap();
        let is_in = |seen: &Value, sent: &Value| {
            seen.as_object().unwrap().iter().all(|(name, value)| name == "data" || sent.get(name) == Some(value))
        };
        let seen = event.to_value();
        assert!(is_in(&seen, &sent), "{seen} {sent}");
        if let Some(data) = seen.get("data") {
            assert!(is_in(data, &sent["data"]), "{data} {sent}");
        }
        let [seen, sent] = [&seen, &sent].map(|event| event.as_object().unwrap().keys().filter(|name| *name != "data"));
        assert!(seen.eq(sent));
    }
}

#[test]
fn of_a_delivery_a_filter_sees_how_it_ended() {
    let seen = Event::sample(CommerceEventType::DeliveryActionRequired).to_value();
    let names: Vec<_> = seen["data"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["deliveryId", "resolution", "resolutionCode", "sessionId", "status"]);
}

proptest! {
    #[test]
    fn any_text_is_a_filter_or_refused_at_a_place_in_it(text in r#"([@.?!()\[\]$*,'"\\<>=&| 0-9a-cä]|@\.data|\[\?@|count\(|length\(|value\(|&&|==){0,120}"#) {
        match Filter::parse(&text) {
            Ok(filter) => {
                filter.matches(&Event::sample(CommerceEventType::OrderPaid).to_value());
            }
            Err(InvalidFilter::Syntax { at } | InvalidFilter::Bracket { at }) => {
                prop_assert!((1..=text.chars().count() + 1).contains(&at));
            }
            Err(_) => {}
        }
    }
}
