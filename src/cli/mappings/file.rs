//! Mappings as JSON, in the form of the documents on store integrations.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::Path;

use anyhow::{Context as _, bail};
use domain::asset::MAX_REFERENCE_CHARS;
use domain::integration::MAX_MAPPINGS;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::output::clean;

/// Mappings that are sent to the server at a time.
pub(super) const AT_ONCE: usize = 100;
/// Longest file that is read, in bytes: that of as many mappings as an integration can have, each as long as it can be.
const MAX_BYTES: u64 = 16 * 1_024 * 1_024;

/// Kinds of match and of assets: as they are written, and as the API has them.
const MATCH_TYPES: [(&str, &str); 4] =
    [("sku", "SKU"), ("productId", "PRODUCT_ID"), ("variantId", "VARIANT_ID"), ("title", "TITLE")];
const RESOURCE_TYPES: [(&str, &str); 2] = [("preset", "PRESET"), ("capture", "CAPTURE")];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    match_type: String,
    external_ref: String,
    resource_type: String,
    resource_id: String,
    /// Of a list with ids: the mapping gets another.
    #[serde(default)]
    #[expect(dead_code, reason = "read, so that the list of one integration can be given to another")]
    id: Option<String>,
}

/// A mapping as it is written, from the words of the API.
pub(super) fn object(match_type: &str, external_ref: &str, resource_type: &str, resource_id: &str) -> Value {
    let written = |words: &[(&'static str, &str)], word: &str| {
        words
            .iter()
            .find(|(_, api)| *api == word)
            .map_or_else(|| word.to_lowercase(), |(written, _)| (*written).to_owned())
    };
    json!({
        "matchType": written(&MATCH_TYPES, match_type),
        "externalRef": external_ref,
        "resourceType": written(&RESOURCE_TYPES, resource_type),
        "resourceId": resource_id,
    })
}

/// Reads a file, or standard input, into what the server is given.
pub(super) fn read(file: Option<&Path>) -> anyhow::Result<Vec<Value>> {
    let text = match file {
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
    let entries: Vec<Value> = serde_json::from_str(text).context("this is no JSON list of mappings")?;
    if entries.len() > MAX_MAPPINGS {
        bail!("an integration can have {MAX_MAPPINGS} mappings, and these are {}", entries.len());
    }
    let read = |(index, entry)| sent(entry).with_context(|| format!("mapping {} cannot be used", index + 1));
    entries.into_iter().enumerate().map(read).collect()
}

fn sent(entry: Value) -> anyhow::Result<Value> {
    let entry: Entry = serde_json::from_value(entry)?;
    for (field, text) in [("externalRef", &entry.external_ref), ("resourceId", &entry.resource_id)] {
        let length = text.trim().chars().count();
        if length == 0 || length > MAX_REFERENCE_CHARS {
            bail!("{field} must have 1 to {MAX_REFERENCE_CHARS} characters");
        }
    }
    Ok(json!({
        "matchType": word("matchType", &MATCH_TYPES, &entry.match_type)?,
        "externalRef": entry.external_ref,
        "resourceType": word("resourceType", &RESOURCE_TYPES, &entry.resource_type)?,
        "resourceId": entry.resource_id,
    }))
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
            ("resourceId", json!(null), "expected a string"),
            ("price", json!(1), "price"),
        ] {
            let mut bad = good.clone();
            bad[field] = value;
            let error = format!("{:#}", parsed(&json!([good, bad]).to_string()).unwrap_err());
            assert!(error.contains("mapping 2") && error.contains(said), "{error}");
        }
        assert!(parsed("{}").is_err() && parsed("[").is_err());
    }
}
