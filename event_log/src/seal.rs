//! Sealing at the store's edge: what an event marks as private is sealed before it is stored, and opened after.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::vault::{CannotOpen, DataKey};

/// The marks of [`domain::Private`] in JSON, and the mark of what is sealed.
const PLAIN: &str = "$private";
const ERASED: &str = "$erased";
const SEALED: &str = "$sealed";

/// Whether anything in here is marked as private.
pub fn has_private(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.contains_key(PLAIN) || map.values().any(has_private),
        Value::Array(values) => values.iter().any(has_private),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Replaces every private value by its sealed form. `associated_data` binds it to its stream.
pub fn seal(value: &mut Value, key: &DataKey, associated_data: &str) {
    match value {
        Value::Object(map) => {
            if let Some(plain) = map.remove(PLAIN) {
                let sealed = STANDARD.encode(key.seal(plain.to_string().as_bytes(), associated_data.as_bytes()));
                map.insert(SEALED.to_owned(), Value::String(sealed));
            } else {
                map.values_mut().for_each(|value| seal(value, key, associated_data));
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| seal(value, key, associated_data)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Replaces every sealed value by the plain one; by the mark of erasure where its key is gone. What the key does not open
/// reads as erased too: whether somebody changed it is for the hash chain to say.
pub fn open(value: &mut Value, key: Option<&DataKey>, associated_data: &str) {
    match value {
        Value::Object(map) => {
            let Some(sealed) = map.get(SEALED) else {
                map.values_mut().for_each(|value| open(value, key, associated_data));
                return;
            };
            let plain = key.and_then(|key| opened(sealed, key, associated_data).ok());
            *value = match plain {
                Some(plain) => Value::Object(Map::from_iter([(PLAIN.to_owned(), plain)])),
                None => Value::Object(Map::from_iter([(ERASED.to_owned(), Value::Bool(true))])),
            };
        }
        Value::Array(values) => values.iter_mut().for_each(|value| open(value, key, associated_data)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// [`open`] in the text itself, as the log writes it, which saves taking it apart twice. None where something sealed is not
/// written so.
pub fn open_text(text: &str, key: Option<&DataKey>, associated_data: &str) -> Option<String> {
    // A quotation mark within a text of JSON has a backslash before it: this is never a part of one.
    const BEGIN: &str = "{\"$sealed\":\"";
    let (mut opened_text, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (sealed, after) = after.split_once("\"}")?;
        opened_text.push_str(before);
        let bytes = STANDARD.decode(sealed).ok();
        let plain = bytes.zip(key).and_then(|(bytes, key)| key.open(&bytes, associated_data.as_bytes()).ok());
        match plain.and_then(|plain| String::from_utf8(plain).ok()) {
            Some(plain) => opened_text.extend(["{\"", PLAIN, "\":", &plain, "}"]),
            None => opened_text.extend(["{\"", ERASED, "\":true}"]),
        }
        rest = after;
    }
    opened_text.push_str(rest);
    Some(opened_text).filter(|_| !rest.contains("\"$sealed\""))
}

fn opened(sealed: &Value, key: &DataKey, associated_data: &str) -> Result<Value, CannotOpen> {
    let sealed = STANDARD.decode(sealed.as_str().ok_or(CannotOpen)?).map_err(|_| CannotOpen)?;
    serde_json::from_slice(&key.open(&sealed, associated_data.as_bytes())?).map_err(|_| CannotOpen)
}

/// A raw body: compressed first, for what is sealed cannot be.
pub fn seal_body(body: &[u8], key: &DataKey, associated_data: &str) -> Vec<u8> {
    key.seal(&lz4_flex::compress_prepend_size(body), associated_data.as_bytes())
}

pub fn open_body(sealed: &[u8], key: &DataKey, associated_data: &str) -> Result<Vec<u8>, CannotOpen> {
    lz4_flex::decompress_size_prepended(&key.open(sealed, associated_data.as_bytes())?).map_err(|_| CannotOpen)
}

/// What binds the private parts of a stream to it.
pub fn associated_data(aggregate_type: &str, aggregate_id: &str) -> String {
    format!("{aggregate_type}/{aggregate_id}")
}

#[cfg(test)]
mod tests {
    use domain::Private;
    use serde_json::json;

    use super::*;
    use crate::vault::Vault;

    #[test]
    fn private_values_are_sealed_wherever_they_are_and_come_back() {
        let (key, _) = Vault::new(&[1; 32]).new_data_key("delivery/1");
        let plain = json!({
            "username": Private::from("max"),
            "list": [{"email": Private::Known("max@music.com")}],
            "none": null,
            "sku": "STORM",
        });
        assert!(has_private(&plain));
        let mut stored = plain.clone();
        seal(&mut stored, &key, "delivery/1");
        assert!(!has_private(&stored));
        assert!(!stored.to_string().contains("max"));

        let mut erased = stored.clone();
        open(&mut erased, None, "delivery/1");
        assert_eq!(erased["username"], json!(Private::<String>::Erased));
        assert_eq!(erased["sku"], "STORM");

        let mut moved = stored.clone();
        open(&mut moved, Some(&key), "delivery/2");
        assert_eq!(moved, erased, "what was sealed elsewhere, or by another key, is not opened");
        open(&mut stored, Some(&key), "delivery/1");
        assert_eq!(stored, plain);
    }

    #[test]
    fn a_text_is_opened_as_its_value_is() {
        let (key, _) = Vault::new(&[1; 32]).new_data_key("delivery/1");
        let plain = json!({
            "username": Private::from("max \"the axe\" {\"$sealed\":\"x\"}"),
            "list": [{"email": Private::Known("max@music.com")}, {"gone": Private::<String>::Erased}],
            "sku": "{\"$sealed\":\"c3Rvcm0=\"}",
        });
        let mut stored = plain.clone();
        seal(&mut stored, &key, "delivery/1");
        for (key, bound_to) in [(Some(&key), "delivery/1"), (Some(&key), "delivery/2"), (None, "delivery/1")] {
            let mut value = stored.clone();
            open(&mut value, key, bound_to);
            let text = open_text(&stored.to_string(), key, bound_to).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
        let spaced = "{\"username\": {\"$sealed\": \"c3Rvcm0=\"}}";
        assert_eq!(open_text(spaced, Some(&key), "delivery/1"), None, "as no one but a hand wrote it");
    }

    #[test]
    fn a_body_comes_back_to_the_byte() {
        let (key, _) = Vault::new(&[1; 32]).new_data_key("delivery/1");
        for body in [&b""[..], b"\0\xff\xfe", &b"{\"a\": 1.10 }".repeat(400)] {
            let sealed = seal_body(body, &key, "delivery/1");
            assert_eq!(open_body(&sealed, &key, "delivery/1").unwrap(), body);
        }
    }
}
