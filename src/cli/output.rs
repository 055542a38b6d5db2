//! What is printed: lines, aligned tables and JSON, none of which lets a store's text command the terminal.

use std::io::{self, Write as _};

use chrono::{DateTime, Utc};
use comfy_table::{Cell, ColumnConstraint, ContentArrangement, Table};
use serde::Serialize;

/// Writes a line to standard output. Unlike `println!` it does not panic when nobody reads any more.
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

/// Text from a store, a customer or another machine, without what a terminal would obey or draw the other way round.
pub(crate) fn clean(text: &str) -> String {
    text.chars()
        .filter_map(|character| match character {
            '\n' | '\r' | '\t' => Some(' '),
            other if is_command(other) => None,
            other => Some(other),
        })
        .collect()
}

fn is_command(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A table without lines. Cells are cleaned by [`cell`].
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.iter().map(|title| Cell::new(title).add_attribute(comfy_table::Attribute::Bold)));
    table
}

/// Keeps a column, an id for instance, from being broken into several lines.
pub(crate) fn keep_whole(table: &mut Table, column: usize) {
    if let Some(column) = table.column_mut(column) {
        column.set_constraint(ColumnConstraint::ContentWidth);
    }
}

pub(crate) fn cell(text: impl AsRef<str>) -> Cell {
    Cell::new(clean(text.as_ref()))
}

/// A table as text, without the white space that fills up its lines.
pub(crate) fn rendered(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
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
}
