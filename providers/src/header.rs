//! What a header says.

use http::HeaderMap;

/// Longest value that is read, in characters.
const MAX_VALUE_CHARS: usize = 200;

/// The first value of a header, trimmed, and cut where it is too long. None for a blank one.
pub fn value(headers: &HeaderMap, name: &str) -> Option<String> {
    kept(headers.get(name)?.to_str().ok()?)
}

/// What is kept of a text that stands for a header where a platform says the same in the body.
pub(crate) fn kept(value: &str) -> Option<String> {
    let value = value.trim();
    (!value.is_empty()).then(|| value.chars().take(MAX_VALUE_CHARS).collect())
}

/// The value of the first of these headers that has one.
pub(crate) fn first(headers: &HeaderMap, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| value(headers, name))
}
