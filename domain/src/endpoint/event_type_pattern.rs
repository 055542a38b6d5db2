//! Which types of events an endpoint gets.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::IntoEnumIterator as _;

use super::EndpointRefusal;
use crate::commerce::CommerceEventType;

const EVERY: &str = "*";
/// How much of an unknown type is repeated to who named it.
const MAX_SHOWN_CHARS: usize = 100;

/// A type of event by name, those of a group (`order.*`), or every one (`*`), those that come later included. Stored as that
/// text: a pattern with a type that this version does not know is read, and matches nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct EventTypePattern(String);

impl EventTypePattern {
    /// Reads a pattern that matches a type there is.
    pub fn parse(text: &str) -> Result<Self, EndpointRefusal> {
        let pattern = Self(text.trim().to_owned());
        if CommerceEventType::iter().any(|event_type| pattern.matches(event_type)) {
            return Ok(pattern);
        }
        Err(EndpointRefusal::UnknownEventType { pattern: pattern.0.chars().take(MAX_SHOWN_CHARS).collect() })
    }

    /// The patterns that match a type.
    pub fn matching(event_type: CommerceEventType) -> [Self; 3] {
        let name = event_type.as_str();
        let group = name.split_once('.').map_or(name, |(group, _)| group);
        [Self(EVERY.to_owned()), Self(format!("{group}.*")), Self(name.to_owned())]
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn matches(&self, event_type: CommerceEventType) -> bool {
        let name = event_type.as_str();
        let is_of_group = || {
            let group = self.0.strip_suffix(".*");
            group.is_some_and(|group| name.split_once('.').is_some_and(|(of, _)| of == group))
        };
        self.0 == EVERY || self.0 == name || is_of_group()
    }
}

impl fmt::Display for EventTypePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(pattern: &str) -> Vec<&'static str> {
        let pattern = EventTypePattern::parse(pattern).unwrap();
        CommerceEventType::iter().filter(|of| pattern.matches(*of)).map(CommerceEventType::as_str).collect()
    }

    #[test]
    fn a_pattern_is_a_name_a_group_or_everything() {
        assert_eq!(matched("order.paid"), ["order.paid"]);
        assert_eq!(matched(" faq.* "), ["faq.submitted", "faq.approved", "faq.rejected"]);
        assert_eq!(matched("*").len(), CommerceEventType::iter().count());
        for of in CommerceEventType::iter() {
            assert_eq!(matched(of.as_str()), [of.as_str()]);
            assert!(EventTypePattern::matching(of).iter().all(|pattern| pattern.matches(of)), "{of:?}");
        }
    }

    #[test]
    fn what_matches_no_type_there_is_is_refused() {
        for text in ["", "order", "order.", "order.shipped", "ord*", "*.paid", "order.*.paid", ".*", "Order.paid", "**"]
        {
            let refused = Err(EndpointRefusal::UnknownEventType { pattern: text.to_owned() });
            assert_eq!(EventTypePattern::parse(text), refused);
        }
        let Err(EndpointRefusal::UnknownEventType { pattern }) = EventTypePattern::parse(&"x".repeat(5_000)) else {
            panic!("it is refused")
        };
        assert_eq!(pattern.len(), MAX_SHOWN_CHARS);
    }

    #[test]
    fn a_pattern_of_a_later_version_is_read_and_matches_nothing() {
        let pattern: EventTypePattern = serde_json::from_str(r#""order.shipped""#).unwrap();
        assert!(CommerceEventType::iter().all(|of| !pattern.matches(of)));
    }
}
