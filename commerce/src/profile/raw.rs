//! The body of a store's webhook, as a notification repeats it.

use serde::Serialize;
use serde_json::value::RawValue;

/// The body of a store's webhook, untouched: JSON as it was written, and anything else as a text.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Raw {
    Json(Box<RawValue>),
    Text(String),
}

impl Raw {
    /// Bytes that are no UTF-8 are replaced: JSON has no others.
    pub fn new(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body).into_owned();
        RawValue::from_string(text.clone()).map_or(Self::Text(text), Self::Json)
    }
}
