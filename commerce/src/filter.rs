//! A filter of an endpoint: a condition that an event must meet to be sent to it.
//!
//! It is the condition of a filter selector of `JSONPath` (RFC 9535, section 2.3.5), in which `@` is the event (see
//! [`Event::to_value`](crate::Event::to_value)): `@.data.total.amount > 5000 && @.data.items[?@.sku == "A"]`. Filters are
//! evaluated for every event that is recorded, so what could take more than a few passes over the event is refused: see
//! `shape.rs`. For the same reason there are no regular expressions (the functions `match` and `search`).

mod meant;
mod seen;
mod shape;
#[cfg(test)]
mod tests;

use std::fmt;

use domain::endpoint::MAX_FILTER_CHARS;
use serde_json::Value;
use serde_json_path::JsonPath;

/// The condition becomes the one selector of a path over a list of one event.
const BEFORE: &str = "$[?";
const AFTER: &str = "]";

/// A condition that events meet or do not. `Display` is its text.
#[derive(Clone)]
pub struct Filter {
    text: String,
    path: JsonPath,
}

/// Why a text is no filter, for its author.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFilter {
    #[error("the filter is empty: leave it out to let every event pass")]
    Empty,
    #[error("the filter has more than {MAX_FILTER_CHARS} characters")]
    TooLong,
    #[error("the text that begins at character {at} of the filter does not end: it lacks a quotation mark")]
    OpenText { at: usize },
    #[error("the bracket at character {at} of the filter has no partner")]
    Bracket { at: usize },
    #[error("the bracket at character {at} of the filter is nested too deep: {max} levels are allowed", max = shape::MAX_DEPTH)]
    TooDeep { at: usize },
    #[error("the `?` at character {at} is in a condition that is in a condition: one within the other is allowed")]
    TooManyConditions { at: usize },
    #[error("`..` at character {at} of the filter is not allowed: name the fields on the way, such as @.data.items")]
    Descendants { at: usize },
    #[error("`$` at character {at} of the filter is not allowed: the event is `@`")]
    Root { at: usize },
    #[error(
        "the comma at character {at} of the filter selects more than one thing: write two conditions with || between"
    )]
    Several { at: usize },
    #[error(
        "the negative index at character {at} of the filter would find nothing: for the last of a list write \
         value(@.data.items[-1:].sku) == \"A\""
    )]
    NegativeIndex { at: usize },
    #[error(
        "filters see nothing of data.{name}, which the filter names at character {at}: what may be about people is hidden from \
         them, so that they decide the same after an erasure"
    )]
    Hidden { name: String, at: usize },
    #[error("the filter cannot be understood at character {at}: write a condition such as @.data.total.amount > 5000")]
    Syntax { at: usize },
}

impl Filter {
    /// Reads a condition that somebody sets: refuses, beside what [`Self::parse`] does, what could not be as it is meant.
    pub fn new(text: &str) -> Result<Self, InvalidFilter> {
        let filter = Self::parse(text)?;
        meant::check(&filter.text)?;
        Ok(filter)
    }

    /// Reads a condition. White space around it makes no difference.
    pub fn parse(text: &str) -> Result<Self, InvalidFilter> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidFilter::Empty);
        }
        if text.chars().nth(MAX_FILTER_CHARS).is_some() {
            return Err(InvalidFilter::TooLong);
        }
        shape::check(text)?;
        let path = JsonPath::parse(&format!("{BEFORE}{text}{AFTER}"))
            .map_err(|error| InvalidFilter::Syntax { at: character_at(text, error.position()) })?;
        Ok(Self { text: text.to_owned(), path })
    }

    /// Whether an event meets the condition, where `event` is what [`Event::to_value`](crate::Event::to_value) has of it. What
    /// an event does not have is equal to nothing, greater and smaller than nothing.
    pub fn matches(&self, event: &Value) -> bool {
        let one = Value::Array(vec![event.clone()]);
        !self.path.query(&one).is_empty()
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Which character of the condition, from 1, the parser stopped at: it counts bytes, of the path.
fn character_at(text: &str, position: usize) -> usize {
    let end = position.saturating_sub(BEFORE.len()).min(text.len());
    text.char_indices().take_while(|(at, _)| *at < end).count() + 1
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Filter {}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Filter").field(&self.text).finish()
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
