//! What is printed: lines, aligned tables and JSON, none of which lets a store's text command the terminal.

mod table;

use std::io::{self, Write as _};
use std::sync::OnceLock;

use chrono::{DateTime, Utc};
use console::Term;
use domain::invisible::is_invisible;
use serde::Serialize;

pub(crate) use table::{Cell, cell, keep_whole, list, may_shorten, rendered, table};

/// Writes a line to standard output. Unlike `println!` it does not panic when the reader is gone.
pub(crate) fn print(line: impl std::fmt::Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Writes a value as indented JSON.
pub(crate) fn print_json(value: &impl Serialize) -> io::Result<()> {
    print(escaped(&serde_json::to_string_pretty(value)?))
}

/// Writes a value as one line of JSON, for lists that go on.
pub(crate) fn print_json_line(value: &impl Serialize) -> io::Result<()> {
    print(json_line(value)?)
}

/// A value as one line of JSON, for who writes many of them.
pub(crate) fn json_line(value: &impl Serialize) -> io::Result<String> {
    Ok(escaped(&serde_json::to_string(value)?))
}

/// JSON in which what serde leaves as it is, and some terminals obey, is escaped too. It stands inside strings only.
fn escaped(json: &str) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if character != '\n' && is_command(character) {
            write!(escaped, "\\u{:04x}", u32::from(character)).expect("writing to a string cannot fail");
        } else {
            escaped.push(character);
        }
    }
    escaped
}

/// Text from a store, a customer or another machine, without what a terminal would obey or draw the other way round. What
/// is not seen is shown as an escape: two names that look alike may differ by it.
pub(crate) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut before = ' ';
    for character in text.chars() {
        match character {
            variation if is_variation(variation) && !has_variations(before) => {
                clean.extend(variation.escape_unicode());
            }
            '\n' | '\r' | '\t' => clean.push(' '),
            other if is_command(other) => {}
            hidden if is_invisible(hidden) => clean.extend(hidden.escape_unicode()),
            other => clean.push(other),
        }
        before = character;
    }
    clean
}

/// What chooses between the forms of the character before it, and is not seen itself.
fn is_variation(character: char) -> bool {
    matches!(character, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Signs and letters of other alphabets have forms to choose from. After anything else, and one after the other, such
/// selectors are there to hide something.
fn has_variations(character: char) -> bool {
    !is_variation(character)
        && !character.is_ascii_alphabetic()
        && !character.is_whitespace()
        && !is_invisible(character)
}

fn is_command(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Takes how wide what is printed may be: what `COLUMNS` or `--columns` says, else the width of the terminal, else, where
/// it goes to a file or another program, as wide as it is. Once, before anything is printed.
pub(super) fn set_width(columns: Option<&str>) {
    let said = columns.and_then(|columns| columns.trim().parse::<usize>().ok()).filter(|columns| *columns > 0);
    let out = Term::stdout();
    let terminal =
        || out.is_term().then(|| out.size_checked().map_or(UNKNOWN_WIDTH, |(_, columns)| usize::from(columns)));
    // Set already: in the tests, which run several commands in one process.
    WIDTH.set(said.or_else(terminal)).ok();
}

/// How wide what is printed may be. None where it is read by a program: then ids and sentences are left whole.
pub(crate) fn width() -> Option<usize> {
    WIDTH.get().copied().flatten()
}

/// Of a terminal that does not say how wide it is.
const UNKNOWN_WIDTH: usize = 80;

static WIDTH: OnceLock<Option<usize>> = OnceLock::new();

/// A sentence in lines that fit into so many columns, all but the first indented.
pub(super) fn wrapped(sentence: &str, width: usize, indent: usize) -> String {
    let room = width.saturating_sub(indent).max(20);
    let (mut lines, mut line) = (vec![], String::new());
    for word in sentence.split(' ') {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines.join(&format!("\n{}", " ".repeat(indent)))
}

/// A sentence in lines that fit where it is printed, all but the first indented. It begins at the indent.
pub(super) fn fitted(sentence: &str, indent: usize) -> String {
    width().map_or_else(|| sentence.to_owned(), |width| wrapped(sentence, width, indent))
}

/// Prints sentences, in lines that fit where they are printed.
pub(super) fn say(sentences: &str) -> io::Result<()> {
    print(sentences.split('\n').map(|line| fitted(line, 0)).collect::<Vec<_>>().join("\n"))
}

/// A sentence in which ids are shortened where a person reads it. They say which is which, and need not be typed.
pub(super) fn with_short_ids(sentence: &str) -> String {
    if width().is_some() { shortened(sentence) } else { sentence.to_owned() }
}

fn shortened(sentence: &str) -> String {
    let is_of_id = |character: char| character.is_ascii_hexdigit() || character == '-';
    let pieces = sentence.split_inclusive(|character| !is_of_id(character));
    let short = pieces.map(|piece| {
        let id = piece.trim_end_matches(|character| !is_of_id(character));
        if id.len() == WHOLE_ID && uuid::Uuid::parse_str(id).is_ok() {
            format!("{}…{}", &id[..SHORT_ID], &piece[WHOLE_ID..])
        } else {
            piece.to_owned()
        }
    });
    short.collect()
}

/// Characters of an id, and those of them that distinguish it from most others.
const WHOLE_ID: usize = 36;
const SHORT_ID: usize = 13;

/// A line of shell that sets a variable for the commands that follow.
pub(crate) fn export_line(name: &str, value: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./:@%+=,".contains(character);
    let value = clean(value);
    if !value.is_empty() && value.chars().all(is_plain) {
        return format!("export {name}={value}");
    }
    format!("export {name}='{}'", value.replace('\'', r"'\''"))
}

/// A moment as people read it.
pub(crate) fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// A name of GraphQL as people read it: `ACTION_REQUIRED` is `action_required`.
pub(crate) fn word(name: &str) -> String {
    name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stores_text_cannot_command_the_terminal() {
        for (text, shown) in [
            ("Störm \u{1b}[31mDrive", "Störm [31mDrive"),
            ("a\u{9b}2Jb\u{7f}", "a2Jb"),
            ("line\none\ttab", "line one tab"),
            ("abc\u{202e}def\u{2066}", "abcdef"),
            ("ma\u{200b}x\u{ad}\u{feff}\u{e0041}", r"ma\u{200b}x\u{ad}\u{feff}\u{e0041}"),
            // The forms of a sign and of a letter stay; what hides behind a letter without any, or in a row, is shown.
            ("❤\u{fe0f} 葛\u{e0100}", "❤\u{fe0f} 葛\u{e0100}"),
            ("a\u{fe0f}\u{e0101} ❤\u{fe0f}\u{fe01}", "a\\u{fe0f}\\u{e0101} ❤\u{fe0f}\\u{fe01}"),
        ] {
            assert_eq!(clean(text), shown);
        }
    }

    #[test]
    fn json_stays_the_same_value_and_carries_no_command() {
        let value = serde_json::json!({ "title": "a\u{1b}[2J\u{9b}2J\u{7f}\u{202e}é" });
        let json = escaped(&serde_json::to_string_pretty(&value).unwrap());
        assert!(json.chars().all(|character| character == '\n' || !is_command(character)), "{json}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), value);
    }

    #[test]
    fn a_long_sentence_goes_on_below() {
        let sentence = "one two three four five six seven";
        assert_eq!(wrapped(sentence, 24, 4), "one two three four\n    five six seven");
    }

    #[test]
    fn ids_in_a_sentence_are_shortened_and_nothing_else() {
        for (sentence, shown) in [
            ("The key 01a2225c-ef7b-721f-969c-8463b19c63f7 was used.", "The key 01a2225c-ef7b… was used."),
            ("01a2225c-ef7b-721f-969c-8463b19c63f7", "01a2225c-ef7b…"),
            ("“01a2225c-ef7b-721f-969c-8463b19c63f7”, cafe", "“01a2225c-ef7b…”, cafe"),
            ("sent from 2026-11-28 to an added façade", "sent from 2026-11-28 to an added façade"),
        ] {
            assert_eq!(shortened(sentence), shown);
        }
    }

    #[test]
    fn a_line_for_the_shell_sets_what_it_says() {
        assert_eq!(export_line("URL", "http://127.0.0.1:8080/a"), "export URL=http://127.0.0.1:8080/a");
        assert_eq!(export_line("SECRET", "it's $5"), r"export SECRET='it'\''s $5'");
    }
}
