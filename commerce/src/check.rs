//! Whether what an account's program publishes is what the type of event says, and which field is not.

use domain::commerce::{CommerceEventType, Publisher};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Payload;

/// Longest payload that a program may publish, in bytes: room for every field at its longest.
pub const MAX_DATA_BYTES: usize = 64 * 1024;

/// Why a payload is refused, for the program that sent it. For the program alone, not for a log: the reason may repeat what the
/// field says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct Invalid {
    /// The field that is wrong, such as `fields[2]`; `data` for the payload in all, and `type` for its type.
    pub field: String,
    pub reason: String,
}

impl Invalid {
    pub(crate) fn new(field: &str, reason: impl Into<String>) -> Self {
        Self { field: field.to_owned(), reason: reason.into() }
    }
}

/// Reads what a program of an account publishes as an event of this type.
///
/// # Errors
/// Where the type is not published by programs, or the payload is not as its schema says.
pub fn check(of: CommerceEventType, data: &str) -> Result<Payload, Invalid> {
    let publisher = match of.publisher() {
        Publisher::Account => return Payload::parse(of, data),
        Publisher::Store => "stores",
        Publisher::Service => "the service itself",
    };
    Err(Invalid::new(
        "type",
        format!("events of type {} are published by {publisher}, not through the API", of.as_str()),
    ))
}

pub(crate) fn parse<T: DeserializeOwned>(data: &str) -> Result<T, Invalid> {
    if data.len() > MAX_DATA_BYTES {
        return Err(Invalid::new("data", format!("is longer than {MAX_DATA_BYTES} bytes")));
    }
    read("data", data)
}

/// Reads one JSON object, of any length. `whole` is its name where no field of it is wrong.
pub(crate) fn read<'de, T: Deserialize<'de>>(whole: &str, json: &'de str) -> Result<T, Invalid> {
    // An array would be taken for the fields in their order.
    if !json.trim_start().starts_with('{') {
        return Err(Invalid::new(whole, "is no JSON object"));
    }
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let parsed = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let reason = error.into_inner().to_string();
        // Of a program's values, which were written again on the way, a line and a column say nothing.
        let reason = reason.rsplit_once(" at line ").map_or(reason.as_str(), |(reason, _)| reason);
        // What ends too early or is no JSON has no field: its path is one of these.
        let path = if [".", "?"].contains(&path.as_str()) { whole } else { &path };
        let field = field_in_words(reason).unwrap_or(path);
        Invalid::new(field, reason)
    })?;
    deserializer.end().map_err(|error| Invalid::new(whole, error.to_string()))?;
    Ok(parsed)
}

/// The field that is not there, or there twice: it has no path of its own, so its name is taken from serde's words for it.
fn field_in_words(reason: &str) -> Option<&str> {
    let rest = reason.strip_prefix("missing field `").or_else(|| reason.strip_prefix("duplicate field `"))?;
    rest.split_once('`').map(|(field, _)| field)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use strum::IntoEnumIterator as _;

    use super::*;

    fn account_types() -> impl Iterator<Item = CommerceEventType> {
        CommerceEventType::iter().filter(|of| of.publisher() == Publisher::Account)
    }

    fn sample(of: CommerceEventType) -> Value {
        serde_json::to_value(Payload::sample(of)).unwrap()
    }

    fn checked(of: CommerceEventType, data: &Value) -> Result<(), String> {
        check(of, &data.to_string()).map(drop).map_err(|invalid| invalid.field)
    }

    #[test]
    fn what_an_account_publishes_is_taken_and_what_others_publish_is_not() {
        for of in CommerceEventType::iter() {
            let expected = if of.publisher() == Publisher::Account { Ok(()) } else { Err("type".to_owned()) };
            assert_eq!(checked(of, &sample(of)), expected, "{of:?}");
        }
        let refusal = check(CommerceEventType::OrderPaid, "{}").unwrap_err().to_string();
        assert_eq!(refusal, "type: events of type order.paid are published by stores, not through the API");
    }

    #[test]
    fn the_field_that_is_missing_unknown_or_of_another_kind_is_named() {
        for of in account_types() {
            let sample = sample(of);
            let wrong = |field: &str, value: Value| {
                let mut data = sample.clone();
                data[field] = value;
                checked(of, &data)
            };
            assert_eq!(wrong("extra", json!(1)), Err("extra".to_owned()), "{of:?}");
            for field in sample.as_object().unwrap().keys() {
                assert_eq!(wrong(field, json!({})), Err(field.clone()), "{of:?}");
                let mut data = sample.clone();
                data.as_object_mut().unwrap().remove(field);
                let is_optional = ["reason", "editor", "entityId", "locale", "email"].contains(&field.as_str());
                assert_eq!(checked(of, &data), if is_optional { Ok(()) } else { Err(field.clone()) }, "{of:?}");
            }
        }
    }

    #[test]
    fn texts_and_lists_are_bounded() {
        for (of, field, value, named) in [
            (CommerceEventType::ProductEnriched, "productId", json!("x".repeat(201)), "productId"),
            (CommerceEventType::ProductEnriched, "platform", json!(" "), "platform"),
            (CommerceEventType::ProductManuallyEdited, "fields", json!(vec!["x"; 101]), "fields"),
            (CommerceEventType::ProductManuallyEdited, "fields", json!(["x", ""]), "fields[1]"),
            (CommerceEventType::FaqSubmitted, "question", json!("x".repeat(2001)), "question"),
            (CommerceEventType::FaqSubmitted, "entityType", json!("shop"), "entityType"),
            (CommerceEventType::EnrichmentBulkCompleted, "total", json!(-1), "total"),
            (CommerceEventType::EnrichmentBulkCompleted, "startedAt", json!("yesterday"), "startedAt"),
        ] {
            let mut data = sample(of);
            data[field] = value;
            assert_eq!(checked(of, &data), Err(named.to_owned()));
        }
    }

    #[test]
    fn a_payload_is_one_short_json_object() {
        let of = CommerceEventType::ProductRolledBack;
        let fits = r#"{"platform":"shopify","productId":"1","version":"3"}"#;
        assert!(check(of, fits).is_ok());
        let blank = " ".repeat(MAX_DATA_BYTES + 1 - fits.len());
        for (data, field) in [
            (format!("{fits}{blank}"), "data"),
            (r#"["shopify","1","3"]"#.to_owned(), "data"),
            (format!("{fits}{{}}"), "data"),
            ("null".to_owned(), "data"),
            (String::new(), "data"),
            ("{".to_owned(), "data"),
            (fits.replace(r#""version""#, r#""productId":"2","version""#), "productId"),
            (r#"{"platform":"#.repeat(5000), "platform"),
        ] {
            let invalid = check(of, &data).unwrap_err();
            assert_eq!(invalid.field, field, "{invalid}");
        }
    }
}
