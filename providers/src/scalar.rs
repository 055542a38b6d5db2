//! One value of a body, kept as it was written until it is known what it should be.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::malformed::Malformed;

/// Longest text that is kept of an order, in characters. An id may not be longer; anything else is cut.
pub(crate) const MAX_TEXT_CHARS: usize = 500;

/// JSON of any kind, of which only text and numbers say something. Absent is the empty text, which no JSON is.
///
/// An id is never read as a number: real ones are beyond 2^53, where a float loses digits, and nothing keeps a store from
/// going beyond 64 bits.
#[derive(Clone, Copy, Default)]
pub(crate) struct Scalar<'a>(&'a str);

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <&RawValue>::deserialize(deserializer).map(|value| Self(value.get()))
    }
}

impl<'a> Scalar<'a> {
    /// Whether the field is there, be it null.
    pub(crate) fn is_present(self) -> bool {
        !self.0.is_empty()
    }

    pub(crate) fn is_null(self) -> bool {
        matches!(self.0, "" | "null")
    }

    pub(crate) fn bool(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// The text, or the number in the digits that it was written in.
    pub(crate) fn written(self) -> Option<Cow<'a, str>> {
        match self.0.as_bytes() {
            [b'"', .., b'"'] if self.0.contains('\\') => {
                // Fails on half a surrogate pair only, which no text can hold: that is as if nothing were there.
                serde_json::from_str(self.0).ok().map(Cow::Owned)
            }
            [b'"', .., b'"'] => Some(Cow::Borrowed(&self.0[1..self.0.len() - 1])),
            [b'-' | b'0'..=b'9', ..] => Some(Cow::Borrowed(self.0)),
            _ => None,
        }
    }

    /// What is worth keeping of the text: trimmed, not longer than allowed, and nothing if it is blank.
    pub(crate) fn text(self) -> Option<String> {
        cleaned(self.written()?).map(cut)
    }

    /// Why `text` finds nothing in a field that must have some.
    pub(crate) fn no_text(self, field: &str) -> Malformed {
        let field = field.to_owned();
        let reason = match self.0.as_bytes() {
            [] => return Malformed::MissingField { field },
            b"null" => "must not be null",
            [b'"', ..] if self.written().is_none() => "has half of a surrogate pair, which is no text",
            [b'"', ..] => "must not be empty",
            _ => "must be a text",
        };
        Malformed::InvalidField { field, reason }
    }

    /// The id of an order, which must be whole: an id that is cut, or that lost a character, would make one order of two.
    /// None if there is nothing that could be one.
    pub(crate) fn order_id(self, field: &str) -> Result<Option<String>, Malformed> {
        let invalid = |reason| Err(Malformed::InvalidField { field: field.to_owned(), reason });
        let is_text = self.0.starts_with('"');
        let Some(written) = self.written() else {
            return Ok(None);
        };
        if written.contains('\0') {
            return invalid("must not contain U+0000");
        }
        let Some(id) = cleaned(written) else {
            return Ok(None);
        };
        if !is_text && !id.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit()) {
            return invalid("must be a text or a whole number");
        }
        if id.len() > MAX_TEXT_CHARS && id.chars().count() > MAX_TEXT_CHARS {
            return invalid("must not be longer than 500 characters");
        }
        Ok(Some(id))
    }

    /// A moment as stores write one: with its offset from UTC, as the header of an e-mail does (BigCommerce's orders), or,
    /// as WooCommerce's `…_gmt`, without and in UTC.
    pub(crate) fn moment(self) -> Option<DateTime<Utc>> {
        let text = self.text()?;
        let with_offset = DateTime::parse_from_rfc3339(&text).or_else(|_| DateTime::parse_from_rfc2822(&text));
        let in_utc = || text.parse().map(|moment: NaiveDateTime| moment.and_utc()).ok();
        with_offset.map(|moment| moment.to_utc()).ok().or_else(in_utc)
    }

    /// A moment in seconds since 1970.
    pub(crate) fn unix_seconds(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(self.written()?.parse().ok()?, 0)
    }

    /// Whether it is a number below zero.
    pub(crate) fn is_negative(self) -> bool {
        self.written().is_some_and(|written| {
            written.trim().strip_prefix('-').is_some_and(|rest| rest.bytes().any(|byte| (b'1'..=b'9').contains(&byte)))
        })
    }

    /// The id of a product, a variant or a customer; both platforms write 0 for none.
    pub(crate) fn id_or_zero(self) -> Option<String> {
        self.text().filter(|id| id != "0")
    }

    /// How many, with parts of one counted as one and less than none as none. None if the field says nothing of the kind.
    pub(crate) fn quantity(self) -> Option<u32> {
        let written = self.written()?;
        let number = written.trim();
        if let Ok(quantity) = number.parse() {
            return Some(quantity);
        }
        // Rust's own parser also knows `inf` and `nan`.
        let is_decimal = number.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        let quantity: f64 = if is_decimal { number.parse().ok()? } else { return None };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` ends at 0 and at the most")]
        Some(quantity.ceil() as u32)
    }
}

/// A person's name of its two halves, either of which may be missing.
pub(crate) fn full_name(first: Scalar<'_>, last: Scalar<'_>) -> Option<String> {
    match (first.text(), last.text()) {
        (Some(first), Some(last)) => Some(cut(format!("{first} {last}"))),
        (first, last) => first.or(last),
    }
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT_CHARS
        && let Some((end, _)) = text.char_indices().nth(MAX_TEXT_CHARS)
    {
        text.truncate(end);
    }
    text
}

/// Without white space around it and without U+0000, which a text column of PostgreSQL cannot hold.
fn cleaned(written: Cow<'_, str>) -> Option<String> {
    let whole = if written.contains('\0') { Cow::Owned(written.replace('\0', "")) } else { written };
    let trimmed = whole.trim();
    if trimmed.is_empty() {
        None
    } else if trimmed.len() == whole.len() {
        Some(whole.into_owned())
    } else {
        Some(trimmed.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(json: &str) -> Scalar<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn text_is_kept_trimmed_whole_and_without_nul() {
        for (json, text) in [
            (r#""STORM-LEAD-V2""#, Some("STORM-LEAD-V2")),
            (r#""  a\tb \n""#, Some("a\tb")),
            (r#""a\u0000b\u0000""#, Some("ab")),
            (r#""\u0000 \u0000""#, None),
            (r#""\ud83c\udfb8""#, Some("🎸")),
            (r#""half a pair: \ud83c""#, None),
            (r#""""#, None),
            ("12", Some("12")),
            ("-1.50", Some("-1.50")),
            ("1e400", Some("1e400")),
            ("null", None),
            ("true", None),
            (r#"["a"]"#, None),
            (r#"{"a":"b"}"#, None),
        ] {
            assert_eq!(scalar(json).text().as_deref(), text, "{json}");
        }
        assert_eq!(Scalar::default().text(), None);
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        let long = format!(r#""{}""#, "é".repeat(600));
        assert_eq!(scalar(&long).text(), Some("é".repeat(500)));
    }

    #[test]
    fn an_order_id_keeps_every_digit() {
        for id in [
            "820982911946154508",
            "9007199254740993",
            "18446744073709551616",
            "123456789012345678901234567890123456789012",
        ] {
            assert_eq!(scalar(id).order_id("id"), Ok(Some(id.to_owned())));
            assert_eq!(scalar(&format!(r#"" {id} ""#)).order_id("id"), Ok(Some(id.to_owned())));
        }
    }

    #[test]
    fn an_order_id_that_is_not_whole_is_refused() {
        for json in ["1.5", "1.0", "1e400", "1E5"] {
            let error = scalar(json).order_id("id").unwrap_err();
            assert_eq!(error.to_string(), "`id` must be a text or a whole number", "{json}");
        }
        let longest = format!(r#""{}""#, "é".repeat(500));
        assert!(scalar(&longest).order_id("id").is_ok_and(|id| id.is_some()));
        for json in [format!(r#""{}""#, "é".repeat(501)), "1".repeat(501)] {
            let error = scalar(&json).order_id("id").unwrap_err();
            assert_eq!(error.to_string(), "`id` must not be longer than 500 characters");
        }
        for json in [r#""1\u0000""#, r#""\u0000""#] {
            let error = scalar(json).order_id("id").unwrap_err();
            assert_eq!(error.to_string(), "`id` must not contain U+0000");
        }
        for json in ["null", "false", r#""""#, r#"" ""#, "[1]", "{}"] {
            assert_eq!(scalar(json).order_id("id"), Ok(None), "{json}");
        }
    }

    #[test]
    fn a_moment_has_an_offset_or_is_in_utc() {
        let expected = "2026-11-21T15:00:00Z".parse().ok();
        for json in [
            r#""2026-11-21T10:00:00-05:00""#,
            r#""2026-11-21T15:00:00""#,
            r#""2026-11-21T15:00:00.000Z""#,
            r#""2026-11-21T15:00:00-00:00""#,
            r#""Sat, 21 Nov 2026 15:00:00 +0000""#,
            r#""Sat, 21 Nov 2026 10:00:00 -0500""#,
        ] {
            assert_eq!(scalar(json).moment(), expected, "{json}");
        }
        for json in ["null", "1700000000", r#""soon""#, r#""2026-11-21""#, r#"" ""#] {
            assert_eq!(scalar(json).moment(), None, "{json}");
        }
        for json in ["1795273200", r#""1795273200""#] {
            assert_eq!(scalar(json).unix_seconds(), expected, "{json}");
        }
        for json in ["null", "1.5", "-9223372036854775808", "9223372036854775808", r#""soon""#] {
            assert_eq!(scalar(json).unix_seconds(), None, "{json}");
        }
    }

    #[test]
    fn parts_of_one_count_as_one_and_less_than_none_as_none() {
        for (json, quantity) in [
            ("1", Some(1)),
            ("1.5", Some(2)),
            ("0.001", Some(1)),
            ("0", Some(0)),
            ("-0", Some(0)),
            ("-2", Some(0)),
            ("-0.5", Some(0)),
            ("2.0", Some(2)),
            ("1e2", Some(100)),
            ("1e400", Some(u32::MAX)),
            ("-1e400", Some(0)),
            ("4294967296", Some(u32::MAX)),
            (r#""3""#, Some(3)),
            (r#"" 1.5 ""#, Some(2)),
            (r#""inf""#, None),
            (r#""two""#, None),
            (r#""""#, None),
            ("null", None),
            ("true", None),
            ("[2]", None),
        ] {
            assert_eq!(scalar(json).quantity(), quantity, "{json}");
        }
    }
}
