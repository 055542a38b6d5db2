//! One value of a body, kept as it was written until it is known what it should be.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use chrono::{DateTime, NaiveDateTime, Utc};
use domain::commerce::{Currency, Money};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::malformed::Malformed;

/// Longest text that is kept of an order, in characters. An id may not be longer; anything else is cut.
pub(crate) const MAX_TEXT_CHARS: usize = 500;

/// Longest web address that is kept, in bytes: what every browser and proxy takes. A longer one is left out, since one that is
/// cut leads elsewhere.
pub(crate) const MAX_ADDRESS_BYTES: usize = 2_000;

/// Furthest from zero that a count or an amount may be.
const MAX_COUNT: i64 = Money::MAX_AMOUNT;

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

    /// The JSON as it was written; the empty text where there is none.
    pub(crate) fn json(self) -> &'a str {
        self.0
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
        if let Ok(quantity) = written.trim().parse() {
            return Some(quantity);
        }
        let quantity = decimal(&written)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` ends at 0 and at the most")]
        Some(quantity.ceil() as u32)
    }

    /// How many are in stock, in whole numbers: a part of one counts as one, since what is left is not sold out. Fewer than none
    /// where more were sold than there were. What is beyond all counts is as many as can be said.
    pub(crate) fn count(self) -> Option<i64> {
        let written = self.written()?;
        let count = written.trim().parse().ok().or_else(|| {
            #[expect(clippy::cast_possible_truncation, reason = "`as` ends at the least and at the most")]
            decimal(&written).map(|count| count.ceil() as i64)
        })?;
        Some(count.clamp(-MAX_COUNT, MAX_COUNT))
    }

    pub(crate) fn currency(self) -> Option<Currency> {
        Currency::parse(&self.written()?)
    }

    /// An amount in decimals, as a text or as a number.
    pub(crate) fn money(self, currency: Option<Currency>) -> Option<Money> {
        Money::parse(&self.written()?, currency?)
    }

    /// An amount in the smallest unit of its currency.
    pub(crate) fn smallest_units(self, currency: Option<Currency>) -> Option<Money> {
        let amount = exact(self.written()?.trim().parse().ok()?)?;
        Some(Money { amount, currency: currency? })
    }

    /// A web address, whole.
    pub(crate) fn address(self) -> Option<String> {
        address(&self.written()?)
    }
}

/// A person's name of its two halves, either of which may be missing.
pub(crate) fn full_name(first: Scalar<'_>, last: Scalar<'_>) -> Option<String> {
    match (first.text(), last.text()) {
        (Some(first), Some(last)) => Some(cut(format!("{first} {last}"))),
        (first, last) => first.or(last),
    }
}

/// A count, or an amount in the smallest unit, that every reader of JSON reads as it is.
pub(crate) fn exact(count: i64) -> Option<i64> {
    (-MAX_COUNT..=MAX_COUNT).contains(&count).then_some(count)
}

/// A text of another reader, kept as those of a body are.
pub(crate) fn kept(text: &str) -> Option<String> {
    cleaned(Cow::Borrowed(text)).map(cut)
}

/// A web address, whole and without white space in it. None for one that is too long to be of use.
pub(crate) fn address(text: &str) -> Option<String> {
    let text = text.trim();
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    let is_plain = text.len() <= MAX_ADDRESS_BYTES && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    (is_web && is_plain).then(|| text.to_owned())
}

/// A decimal number. Rust's own parser also knows `inf` and `nan`.
fn decimal(written: &str) -> Option<f64> {
    let number = written.trim();
    let is_decimal = number.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    if is_decimal { number.parse().ok() } else { None }
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
