//! Texts and lists that an account's programs send, with their bounds in the type: what deserialises is within them, and the
//! schema says them.

use std::borrow::Cow;
use std::fmt;

use domain::invisible::is_blank;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, de};

/// A text that says something, of at most so many characters. `Debug` shows nothing of it: what a program sends may be about
/// a person.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Text<const MAX_CHARS: usize>(String);

impl<const MAX_CHARS: usize> Text<MAX_CHARS> {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A text of a sample.
    pub(crate) fn sample(text: &'static str) -> Self {
        Self(text.to_owned())
    }
}

impl<'de, const MAX_CHARS: usize> Deserialize<'de> for Text<MAX_CHARS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.chars().count() > MAX_CHARS {
            return Err(de::Error::custom(format_args!("is longer than {MAX_CHARS} characters")));
        }
        if is_blank(&text) {
            return Err(de::Error::custom("is blank: leave the field out, or give it a text"));
        }
        Ok(Self(text))
    }
}

impl<const MAX_CHARS: usize> JsonSchema for Text<MAX_CHARS> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("TextOfAtMost{MAX_CHARS}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1, "maxLength": MAX_CHARS })
    }
}

impl<const MAX_CHARS: usize> fmt::Debug for Text<MAX_CHARS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[text]")
    }
}

/// A list of at most so many texts of at most so many characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct TextList<const MAX_TEXTS: usize, const MAX_CHARS: usize>(Vec<Text<MAX_CHARS>>);

impl<const MAX_TEXTS: usize, const MAX_CHARS: usize> TextList<MAX_TEXTS, MAX_CHARS> {
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(Text::as_str)
    }

    /// A list of a sample.
    pub(crate) fn sample(texts: &[&'static str]) -> Self {
        Self(texts.iter().copied().map(Text::sample).collect())
    }
}

impl<'de, const MAX_TEXTS: usize, const MAX_CHARS: usize> Deserialize<'de> for TextList<MAX_TEXTS, MAX_CHARS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::deserialize(deserializer)?;
        if texts.len() > MAX_TEXTS {
            return Err(de::Error::custom(format_args!("has more than {MAX_TEXTS} entries")));
        }
        Ok(Self(texts))
    }
}

impl<const MAX_TEXTS: usize, const MAX_CHARS: usize> JsonSchema for TextList<MAX_TEXTS, MAX_CHARS> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("ListOfAtMost{MAX_TEXTS}TextsOfAtMost{MAX_CHARS}").into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let text = generator.subschema_for::<Text<MAX_CHARS>>();
        json_schema!({ "type": "array", "maxItems": MAX_TEXTS, "items": text })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_says_something_and_is_bounded_in_characters() {
        let parse = |text: &str| serde_json::from_value::<Text<3>>(json!(text)).map_err(|error| error.to_string());
        assert_eq!(parse("äöü").unwrap().as_str(), "äöü");
        assert_eq!(parse("abcd").unwrap_err(), "is longer than 3 characters");
        for blank in ["", " \t", "\u{200b}"] {
            assert!(parse(blank).unwrap_err().starts_with("is blank"), "{blank:?}");
        }
        assert_eq!(format!("{:?}", parse("abc").unwrap()), "[text]");
    }

    #[test]
    fn a_list_is_bounded_and_so_are_its_texts() {
        let parse = |list| serde_json::from_value::<TextList<2, 3>>(list).map_err(|error| error.to_string());
        assert_eq!(parse(json!(["a", "b"])).unwrap().iter().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(parse(json!(["a", "b", "c"])).unwrap_err(), "has more than 2 entries");
        assert_eq!(parse(json!(["abcd"])).unwrap_err(), "is longer than 3 characters");
    }
}
