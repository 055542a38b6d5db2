//! Values that are sealed wherever they are stored: personal data and secrets.
//!
//! One mechanism for personal data and for secrets, since both are sealed where they are stored, plain in the domain, and
//! erasable. A stream has one data key, so erasing an account's stream erases its login too: erase streams at their end.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A value that the store seals with the data key of its stream, and that is gone once that key was deleted.
///
/// The domain sees it plain, or erased. Its JSON form, `{"$private": …}` or `{"$erased": true}`, is the mark by which
/// the store's edge knows what to seal; what it writes is `{"$sealed": "…"}`. `Debug` shows nothing of the value.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "Marked<T>", try_from = "Marked<T>", bound(serialize = "T: Clone + Serialize"))]
pub enum Private<T> {
    Known(T),
    Erased,
}

/// The form that is stored, whatever the value is.
impl<T> JsonSchema for Private<T> {
    fn schema_name() -> Cow<'static, str> {
        "Private".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let object = |field: &str, value: Schema| json_schema!({ "type": "object", "properties": { field: value }, "required": [field], "additionalProperties": false });
        let sealed = object("$sealed", json_schema!({ "type": "string", "contentEncoding": "base64" }));
        let erased = object("$erased", json_schema!({ "const": true }));
        json_schema!({ "oneOf": [sealed, erased] })
    }
}

/// The JSON form: an object, which no text of an order can be taken for.
#[derive(Serialize, Deserialize)]
enum Marked<T> {
    #[serde(rename = "$private")]
    Private(T),
    #[serde(rename = "$erased")]
    Erased(bool),
}

impl<T> From<Private<T>> for Marked<T> {
    fn from(private: Private<T>) -> Self {
        match private {
            Private::Known(value) => Self::Private(value),
            Private::Erased => Self::Erased(true),
        }
    }
}

impl<T> TryFrom<Marked<T>> for Private<T> {
    type Error = &'static str;

    fn try_from(marked: Marked<T>) -> Result<Self, Self::Error> {
        match marked {
            Marked::Private(value) => Ok(Self::Known(value)),
            Marked::Erased(true) => Ok(Self::Erased),
            Marked::Erased(false) => Err("what is erased is marked by `true`"),
        }
    }
}

impl<T> Private<T> {
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Erased => None,
        }
    }
}

impl<T> fmt::Debug for Private<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Known(_) => "[private]",
            Self::Erased => "[erased]",
        })
    }
}

impl From<&str> for Private<String> {
    fn from(value: &str) -> Self {
        Self::Known(value.to_owned())
    }
}

/// The last four characters of a secret behind dots: enough to distinguish two, useless to anyone else.
pub fn preview(secret: &str) -> String {
    let length = secret.chars().count();
    let shown = if length >= 12 { 4 } else { 0 };
    let tail: String = secret.chars().skip(length - shown).collect();
    format!("…{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_value() {
        assert_eq!(format!("{:?}", Private::from("fan@music.com")), "[private]");
        assert_eq!(format!("{:?}", Private::<String>::Erased), "[erased]");
    }

    #[test]
    fn the_json_form_is_the_mark_that_the_store_seals_by() {
        let known = serde_json::to_string(&Private::from("max")).unwrap();
        assert_eq!(known, r#"{"$private":"max"}"#);
        assert_eq!(serde_json::to_string(&Private::<String>::Erased).unwrap(), r#"{"$erased":true}"#);
    }

    #[test]
    fn a_preview_of_a_short_secret_shows_nothing() {
        assert_eq!(preview("cb_live_0123456789"), "…6789");
        assert_eq!(preview("short"), "…");
    }
}
