//! What a condition names that could never be as its author means it. Only who sets a filter is refused it: one that was stored goes
//! on to decide as it did.

use super::InvalidFilter;

/// Fields of `data` that events have and no filter sees, as `seen.rs` says.
const HIDDEN: [&str; 18] = [
    "changes",
    "customer",
    "editor",
    "email",
    "entityId",
    "entityType",
    "failed",
    "faqId",
    "fields",
    "finishedAt",
    "locale",
    "name",
    "platform",
    "question",
    "startedAt",
    "succeeded",
    "success",
    "version",
];

/// Checks a condition that parses.
pub(super) fn check(text: &str) -> Result<(), InvalidFilter> {
    let characters: Vec<char> = text.chars().collect();
    let mut brackets: Vec<Bracket> = vec![];
    let mut is_after_event = false;
    let mut rest = &characters[..];
    while let [character, after @ ..] = rest {
        let at = characters.len() - after.len();
        rest = match character {
            '"' | '\'' => quoted(rest).map_or(after, |(_, after)| after),
            '[' if is_negative_index(after) => return Err(InvalidFilter::NegativeIndex { at }),
            _ => after,
        };
        let conditions = || brackets.iter().filter(|bracket| bracket.holds_condition);
        let is_event = *character == '@' && conditions().count() == 0;
        match character {
            '[' => brackets.push(Bracket { is_of_event: is_after_event, holds_condition: false }),
            ']' => drop(brackets.pop()),
            '?' => brackets.iter_mut().last().into_iter().for_each(|bracket| bracket.holds_condition = true),
            '@' if is_event => check_path(after, at)?,
            // What has parts in the event is `data` alone.
            '@' if conditions().all(|bracket| bracket.is_of_event) => check_field(after, at)?,
            _ => {}
        }
        is_after_event = is_event || is_after_event && character.is_whitespace();
    }
    Ok(())
}

/// A bracket that is open.
struct Bracket {
    /// It selects of the event itself.
    is_of_event: bool,
    /// It holds a condition, in which `@` is a part of what it selects of.
    holds_condition: bool,
}

/// In a comparison, and as what a function is of, the parser's crate finds nothing by one.
fn is_negative_index(after_bracket: &[char]) -> bool {
    let index: String = after_bracket.iter().take_while(|character| **character != ']').collect();
    index.trim().strip_prefix('-').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn check_path(after_event: &[char], at: usize) -> Result<(), InvalidFilter> {
    match segment(after_event) {
        // Any part of the event is `data` as well.
        Some((first, rest)) if first == "data" || first == "*" => check_field(rest, at),
        Some(_) | None => Ok(()),
    }
}

fn check_field(after_data: &[char], at: usize) -> Result<(), InvalidFilter> {
    match segment(after_data) {
        Some((name, _)) if HIDDEN.contains(&name.as_str()) => Err(InvalidFilter::Hidden { name, at }),
        Some(_) | None => Ok(()),
    }
}

/// The name that a path goes on with, as `.name` or `['name']`, and what is after it. Of a wildcard it is `*`.
fn segment(path: &[char]) -> Option<(String, &[char])> {
    match trimmed(path) {
        ['.', '*', rest @ ..] => Some(("*".to_owned(), rest)),
        ['.', rest @ ..] => {
            let is_part = |character: &char| character.is_alphanumeric() || *character == '_';
            let end = rest.iter().position(|character| !is_part(character)).unwrap_or(rest.len());
            Some((rest[..end].iter().collect(), &rest[end..]))
        }
        ['[', rest @ ..] => {
            let (name, rest) = match trimmed(rest) {
                ['*', rest @ ..] => ("*".to_owned(), rest),
                rest => quoted(rest)?,
            };
            Some((name, trimmed(rest).strip_prefix(&[']'])?))
        }
        _ => None,
    }
}

fn trimmed(text: &[char]) -> &[char] {
    let start = text.iter().position(|character| !character.is_whitespace()).unwrap_or(text.len());
    &text[start..]
}

/// A text in quotation marks, as it is spelled, and what is after it.
fn quoted(text: &[char]) -> Option<(String, &[char])> {
    let (quote, rest) = text.split_first().filter(|(quote, _)| matches!(quote, '"' | '\''))?;
    let mut is_escaped = false;
    let end = rest.iter().position(|character| {
        let is_end = character == quote && !is_escaped;
        is_escaped = *character == '\\' && !is_escaped;
        is_end
    })?;
    Some((rest[..end].iter().collect(), &rest[end + 1..]))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::commerce::CommerceEventType;
    use serde_json::Value;
    use strum::IntoEnumIterator as _;

    use super::*;
    use crate::{Event, Filter};

    #[test]
    fn a_negative_index_is_refused_when_a_filter_is_set() {
        for (filter, at) in [
            (r#"@.data.items[-1].sku == "A""#, 13),
            ("@.data.items[ -12 ].sku == 'A'", 13),
            ("@.data.paid && length(@.data.items[-1].sku) > 2", 35),
            ("@.data.items[?@.a[-1] == 1]", 18),
        ] {
            assert_eq!(Filter::new(filter), Err(InvalidFilter::NegativeIndex { at }), "{filter}");
            assert!(Filter::parse(filter).is_ok(), "one that is stored goes on: {filter}");
        }
        let order = Event::sample(CommerceEventType::OrderPaid).to_value();
        let instead = Filter::new(r#"value(@.data.items[-1:].sku) == "STORM-LEAD-V2""#).unwrap();
        assert!(instead.matches(&order), "what the refusal says to write instead");
        for filter in ["@.data.total.amount > -1", "@.data.items[-2:-1]", "@.data.title != '[-1]'", "@['[-1]'] == 1"] {
            assert!(Filter::new(filter).is_ok(), "{filter}");
        }
    }

    #[test]
    fn a_field_that_no_filter_sees_is_refused_when_a_filter_is_set() {
        for (filter, name, at) in [
            (r#"@.data.customer.email == "fan@example.com""#, "customer", 1),
            ("!@.data.customer", "customer", 2),
            ("@.data.paid && @['data'] [ \"email\" ] == 'x'", "email", 16),
            ("length(@.data.question) > 5", "question", 8),
            ("@.*.customer", "customer", 1),
            ("@.* ['email']", "email", 1),
            ("count(@[*].customer.email) > 0", "customer", 7),
            ("@[ * ].customer", "customer", 1),
            ("@[?@.customer.email == 'fan@example.com']", "customer", 4),
            ("@.data.paid && @ [ ?(@['email'] == 'x')]", "email", 22),
        ] {
            let refusal = InvalidFilter::Hidden { name: name.to_owned(), at };
            assert_eq!(Filter::new(filter), Err(refusal), "{filter}");
            assert!(Filter::parse(filter).is_ok(), "one that is stored goes on: {filter}");
        }
        for filter in [
            "@.data.title != '@.data.customer'",
            "@.data.items[?@.data.customer == 1]",
            "@.data.items[?@.name == 'A']",
            "@.*.total",
            "@[?@.total.amount > 5]",
            "@.data[?@.name == 'A']",
            "@[?@.items[?@.name == 'A']]",
            "@.data.customerId == '1'",
            "@.data.unknown == 1",
            "@.data[0].email == 1",
            "@.name == 1",
        ] {
            assert!(Filter::new(filter).is_ok(), "{filter}");
        }
    }

    #[test]
    fn what_is_hidden_is_what_events_have_and_no_filter_sees() {
        let names = |value: Value| -> Vec<String> {
            value["data"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect()
        };
        let (mut sent, mut seen) = (BTreeSet::new(), BTreeSet::new());
        for event in CommerceEventType::iter().map(Event::sample) {
            sent.extend(names(serde_json::from_slice(&event.body()).unwrap()));
            seen.extend(names(event.to_value()));
        }
        assert_eq!(sent.difference(&seen).map(String::as_str).collect::<Vec<_>>(), HIDDEN);
    }
}
