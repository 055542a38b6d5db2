//! Mappings as JSON, in the form of the documents on store integrations.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::Path;

use anyhow::{Context as _, bail};
use domain::asset::MAX_REFERENCE_CHARS;
use domain::integration::MAX_MAPPINGS;
use serde_json::{Map, Value, json};

use crate::cli::output::clean;

/// Mappings that are sent to the server at a time.
pub(super) const AT_ONCE: usize = 100;
/// Longest file that is read, in bytes: that of as many mappings as an integration can have, each as long as it can be.
const MAX_BYTES: u64 = 16 * 1_024 * 1_024;

/// Kinds of match and of assets: as they are written, and as the API has them.
const MATCH_TYPES: [(&str, &str); 4] =
    [("sku", "SKU"), ("productId", "PRODUCT_ID"), ("variantId", "VARIANT_ID"), ("title", "TITLE")];
const RESOURCE_TYPES: [(&str, &str); 2] = [("preset", "PRESET"), ("capture", "CAPTURE")];

/// The fields of a mapping. One of a list has an id as well: the mapping gets another.
const FIELDS: [&str; 4] = ["matchType", "externalRef", "resourceType", "resourceId"];
const IGNORED: &str = "id";

/// A mapping as it is written, from the words of the API.
pub(super) fn object(match_type: &str, external_ref: &str, resource_type: &str, resource_id: &str) -> Value {
    json!({
        "matchType": written(&MATCH_TYPES, match_type),
        "externalRef": external_ref,
        "resourceType": written(&RESOURCE_TYPES, resource_type),
        "resourceId": resource_id,
    })
}

/// A kind of match as it is written, from the word of the API.
pub(super) fn match_type(word: &str) -> String {
    written(&MATCH_TYPES, word)
}

fn written(words: &[(&'static str, &str)], word: &str) -> String {
    let found = words.iter().find(|(_, api)| *api == word);
    found.map_or_else(|| word.to_lowercase(), |(written, _)| (*written).to_owned())
}

/// Reads a file, or standard input, into what the server is given.
pub(super) fn read(file: Option<&Path>) -> anyhow::Result<Vec<Value>> {
    let text = match file.filter(|path| *path != Path::new("-")) {
        Some(path) => {
            let file = File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
            bounded(file).with_context(|| format!("{} cannot be read", path.display()))?
        }
        None if io::stdin().is_terminal() => bail!("name a file, or send one to standard input"),
        None => bounded(io::stdin().lock()).context("standard input cannot be read")?,
    };
    parsed(&text)
}

fn bounded(from: impl Read) -> anyhow::Result<String> {
    let mut text = String::new();
    from.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        bail!("it has more than 16 MiB");
    }
    Ok(text)
}

fn parsed(text: &str) -> anyhow::Result<Vec<Value>> {
    let entries = match serde_json::from_str(text).context("this is no JSON")? {
        Value::Array(entries) => entries,
        // The documents on store integrations show a single one.
        Value::Object(entry) => vec![Value::Object(entry)],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => bail!("this is no JSON list of mappings"),
    };
    if entries.len() > MAX_MAPPINGS {
        bail!("an integration can have {MAX_MAPPINGS} mappings, and these are {}", entries.len());
    }
    let read = |(index, entry)| sent(entry).with_context(|| format!("mapping {} cannot be used", index + 1));
    entries.into_iter().enumerate().map(read).collect()
}

fn sent(entry: Value) -> anyhow::Result<Value> {
    let Value::Object(entry) = entry else { bail!("it is no object with {}", FIELDS.join(", ")) };
    if let Some(other) = entry.keys().find(|name| *name != IGNORED && !FIELDS.contains(&name.as_str())) {
        bail!("{} is no field of a mapping: these are {}", clean(other), FIELDS.join(", "));
    }
    let [match_type, external_ref, resource_type, resource_id] = FIELDS.map(|name| field(&entry, name));
    let (external_ref, resource_id) = (external_ref?, resource_id?);
    for (field, text) in [("externalRef", &external_ref), ("resourceId", &resource_id)] {
        let length = text.trim().chars().count();
        if length == 0 || length > MAX_REFERENCE_CHARS {
            bail!("{field} must have 1 to {MAX_REFERENCE_CHARS} characters");
        }
    }
    Ok(json!({
        "matchType": word("matchType", &MATCH_TYPES, &match_type?)?,
        "externalRef": external_ref,
        "resourceType": word("resourceType", &RESOURCE_TYPES, &resource_type?)?,
        "resourceId": resource_id,
    }))
}

/// The text of a field. A whole number is one too: stores write the ids of products so.
fn field(entry: &Map<String, Value>, name: &str) -> anyhow::Result<String> {
    match entry.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) if number.is_u64() || number.is_i64() => Ok(number.to_string()),
        None => bail!("{name} is missing"),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            bail!("{name} must be a text, or a whole number")
        }
    }
}

/// In the words of the API, whatever the case, with or without the underscore.
fn word(field: &str, words: &[(&str, &'static str)], text: &str) -> anyhow::Result<&'static str> {
    let plain = |text: &str| text.trim().replace(['_', '-'], "").to_lowercase();
    let found = words.iter().find(|(written, _)| plain(written) == plain(text));
    found.map(|(_, api)| *api).with_context(|| {
        let all: Vec<&str> = words.iter().map(|(written, _)| *written).collect();
        format!("{field} is one of {}, and not {:?}", all.join(", "), clean(text))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for (match_type, resource_type) in [("SKU", "PRESET"), ("PRODUCT_ID", "CAPTURE"), ("TITLE", "PRESET")] {
            let written = object(match_type, "STORM", resource_type, "storm");
            let read = parsed(&json!([written]).to_string()).unwrap();
            let expected = json!({ "matchType": match_type, "externalRef": "STORM",
                "resourceType": resource_type, "resourceId": "storm" });
            assert_eq!(read, [expected]);
        }
        assert_eq!(object("PRODUCT_ID", "7", "CAPTURE", "c")["matchType"], "productId");
    }

    #[test]
    fn kinds_are_understood_in_any_case() {
        for text in ["variantId", "VARIANT_ID", "variant_id", " VariantId "] {
            assert_eq!(word("matchType", &MATCH_TYPES, text).unwrap(), "VARIANT_ID");
        }
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_place() {
        let good = json!({ "matchType": "sku", "externalRef": "A", "resourceType": "preset", "resourceId": "a" });
        for (field, value, said) in [
            ("matchType", json!("colour"), "sku, productId, variantId, title"),
            ("resourceType", json!("song"), "preset, capture"),
            ("externalRef", json!(" "), "externalRef"),
            ("resourceId", json!(null), "resourceId must be a text"),
            ("externalRef", json!(1.5), "externalRef must be a text"),
            ("price", json!(1), "price"),
        ] {
            let mut bad = good.clone();
            bad[field] = value;
            let error = format!("{:#}", parsed(&json!([good, bad]).to_string()).unwrap_err());
            assert!(error.contains("mapping 2") && error.contains(said), "{error}");
        }
        let mut without = good.clone();
        without.as_object_mut().unwrap().remove("externalRef");
        for (text, said) in [
            (without.to_string(), "externalRef is missing"),
            ("{}".to_owned(), "is missing"),
            ("[".to_owned(), "this is no JSON"),
            ("7".to_owned(), "no JSON list of mappings"),
            ("[7]".to_owned(), "it is no object"),
        ] {
            let error = format!("{:#}", parsed(&text).unwrap_err());
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn one_mapping_may_stand_alone_and_an_id_may_be_a_number() {
        let one = json!({ "matchType": "productId", "externalRef": 7_891_234_567_890_u64, "resourceType": "preset",
            "resourceId": "storm" });
        let read = parsed(&one.to_string()).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!((&read[0]["matchType"], &read[0]["externalRef"]), (&json!("PRODUCT_ID"), &json!("7891234567890")));
    }
}
