//! What shoppers, themes and plugins attach to an order: the customer's Cortex Cloud username, and the shopping conversation
//! that led to the order.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::scalar::Scalar;
use crate::shape::Object;
use crate::{session, username};

/// What is read of the pairs of name and value that are attached to an order.
///
/// Read from a list of `{"name", "value"}` (Shopify), `{"key", "value"}` (WooCommerce) or `{"display_name", "display_value"}`
/// (BigCommerce), or from an object: one such pair, or the names with their values (Square). Names count whatever their case
/// and whatever separates their words, with or without the underscore by which both platforms hide an attribute from the
/// shopper. `billing_` before the name of a username is what `WooCommerce` puts before fields of the billing form; of one
/// name, that without either counts first.
#[derive(Default)]
pub(crate) struct Attributes {
    username: Option<Found>,
    session_id: Option<Found>,
}

struct Found {
    rank: usize,
    value: String,
}

/// The letters and digits of a name, in lower case. None of a name that is longer than any that is read: nothing is copied
/// for it.
pub(crate) fn letters(name: &str) -> Option<String> {
    let letters = || name.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect();
    (name.len() <= 100).then(letters)
}

impl Attributes {
    pub(crate) fn username(self) -> Option<String> {
        self.username.map(|found| found.value)
    }

    /// The username and the id of the conversation.
    pub(crate) fn both(self) -> (Option<String>, Option<String>) {
        (self.username.map(|found| found.value), self.session_id.map(|found| found.value))
    }

    fn consider(&mut self, name: &str, value: Scalar<'_>) {
        let written = || value.written();
        keep(&mut self.username, username::rank(name), || username::normalised(&written()?));
        keep(&mut self.session_id, session::rank(name), || session::id(&written()?));
    }

    fn consider_pair(&mut self, pair: &Pair<'_>) {
        if let Some(name) = pair.display_name.written() {
            // Of a field with choices, `value` is the number of the one that was made.
            let value = if pair.display_value.written().is_some() { pair.display_value } else { pair.value };
            self.consider(&name, value);
        }
        if let Some(name) = pair.name.written().or_else(|| pair.key.written()) {
            self.consider(&name, pair.value);
        }
    }
}

/// Keeps what has the smallest rank; of two with the same, the first.
fn keep(kept: &mut Option<Found>, rank: Option<usize>, value: impl FnOnce() -> Option<String>) {
    let Some(rank) = rank else { return };
    if kept.as_ref().is_none_or(|found| rank < found.rank)
        && let Some(value) = value()
    {
        *kept = Some(Found { rank, value });
    }
}

#[derive(Default, serde::Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Pair<'a> {
    name: Scalar<'a>,
    key: Scalar<'a>,
    value: Scalar<'a>,
    display_name: Scalar<'a>,
    display_value: Scalar<'a>,
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AttributesVisitor)
    }
}

struct AttributesVisitor;

impl<'de> Visitor<'de> for AttributesVisitor {
    type Value = Attributes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut attributes = Attributes::default();
        while let Some(entry) = seq.next_element::<Object<Pair<'de>>>()? {
            if let Some(pair) = entry.object() {
                attributes.consider_pair(&pair);
            }
        }
        Ok(attributes)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut attributes = Attributes::default();
        let mut pair = Pair::default();
        while let Some((name, value)) = map.next_entry::<Cow<'de, str>, Scalar<'de>>()? {
            match name.as_ref() {
                "name" => pair.name = value,
                "key" => pair.key = value,
                "value" => pair.value = value,
                "display_name" => pair.display_name = value,
                "display_value" => pair.display_value = value,
                name => attributes.consider(name, value),
            }
        }
        attributes.consider_pair(&pair);
        Ok(attributes)
    }
}
