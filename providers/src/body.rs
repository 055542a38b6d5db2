//! A webhook's body as text and JSON, within bounds, and what the bodies of platforms have in common.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::error::Category;

use crate::malformed::{Malformed, NOT_JSON, NOT_UTF8};
use crate::scalar::Scalar;
use crate::shape::{List, Shape};

/// How deep lists and objects may lie within each other: as deep as `serde_json` follows them, also in the parts of
/// a body that it skips without following.
const MAX_DEPTH: usize = 127;

/// Whether a body begins as XML does, which Shopify sends where a merchant chose so, and no JSON does.
pub(crate) fn is_xml(body: &[u8]) -> bool {
    without_mark(body).trim_ascii_start().first() == Some(&b'<')
}

/// Without the byte order mark that senders on Windows like to write.
pub(crate) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body)
}

/// The body as text that is not nested too deeply. A byte order mark is no part of it.
pub(crate) fn text(body: &[u8]) -> Result<&str, Malformed> {
    let body = without_mark(body);
    let text = std::str::from_utf8(body).map_err(|error| not_json(NOT_UTF8, body, error.valid_up_to()))?;
    match too_deep_at(body) {
        Some(at) => Err(not_json("is nested too deeply", body, at)),
        None => Ok(text),
    }
}

fn too_deep_at(json: &[u8]) -> Option<usize> {
    // Counted before they are followed, which is far cheaper: a usual body has fewer brackets. Pieces of 255 bytes let
    // the count fit a byte, and the compiler count many at once. Only the two that open become `{` when 0x20 is set.
    let openings = |piece: &[u8]| piece.iter().map(|byte| u8::from(byte | 0x20 == b'{')).sum::<u8>();
    if json.chunks(255).map(|piece| usize::from(openings(piece))).sum::<usize>() <= MAX_DEPTH {
        return None;
    }
    let mut depth = 0_usize;
    let mut bytes = json.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'[' | b'{' if depth == MAX_DEPTH => return Some(at),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

fn skip_string<'b>(bytes: &mut impl Iterator<Item = (usize, &'b u8)>) {
    while let Some((_, byte)) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => _ = bytes.next(),
            _ => {}
        }
    }
}

fn not_json(reason: &'static str, body: &[u8], at: usize) -> Malformed {
    let before = &body[..at];
    let line = before.split(|byte| *byte == b'\n').count();
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    Malformed::NotJson { reason, line, column }
}

pub(crate) fn read<'de, T: Deserialize<'de>>(json: &'de str) -> Result<T, Malformed> {
    serde_json::from_str(json).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        // The error's own text may quote the body; only the name of a field that comes twice is one of ours.
        let reason = match error.classify() {
            Category::Eof => "ends before its JSON does",
            Category::Syntax | Category::Io => NOT_JSON,
            Category::Data => {
                let text = error.to_string();
                let field = text.strip_prefix("duplicate field `").and_then(|rest| rest.split('`').next());
                // Every field takes JSON of any kind, so nothing else is of this category.
                return Malformed::FieldTwice { field: field.unwrap_or("a field").to_owned(), line, column };
            }
        };
        Malformed::NotJson { reason, line, column }
    })
}

/// Whether a body that came without a topic is an order by its looks: then it should be readable as one, too.
pub(crate) fn looks_like_order<T>(lines: &List<T>, id: Scalar<'_>) -> bool {
    matches!(lines, Shape::List(_)) && id.written().is_some()
}

pub(crate) fn order_id(id: Scalar<'_>) -> Result<String, Malformed> {
    id.order_id("id")?.ok_or_else(|| id.no_text("id"))
}

pub(crate) fn lines<T>(lines: List<T>, may_be_absent: bool) -> Result<Vec<T>, Malformed> {
    match lines {
        Shape::List(lines) => lines.bounded("line_items"),
        Shape::Absent if may_be_absent => Ok(vec![]),
        Shape::Absent => Err(Malformed::missing("line_items")),
        Shape::Null => Err(Malformed::invalid("line_items", "must not be null")),
        Shape::Scalar | Shape::Object(_) => Err(Malformed::invalid("line_items", "must be a list")),
    }
}

/// Whether the body says nothing but an id, as both platforms' webhooks on a deleted order do.
pub(crate) fn is_only_an_id(json: &str) -> bool {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct OnlyAnId {
        #[serde(rename = "id")]
        _id: IgnoredAny,
    }
    read::<OnlyAnId>(json).is_ok()
}
