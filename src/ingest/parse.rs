//! Reads what a webhook's body says about an order. The body was verified before; nothing unsigned decides here.

mod generic;
mod malformed;
#[cfg(test)]
mod properties;
mod scalar;
mod shape;
pub mod shopify;
#[cfg(test)]
mod tests;
pub mod username;
mod woocommerce;

use std::collections::BTreeMap;
use std::fmt;

use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use chrono::{DateTime, Utc};
use domain::delivery::{ApiKeyUse, Intent, Webhook};
use domain::integration::{Link, Provider};
use domain::notice::NoticeKind;
use domain::{IntegrationId, LineItem, Private};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::error::Category;

pub use malformed::Malformed;
use malformed::{NOT_JSON, NOT_UTF8};
use scalar::Scalar;
use shape::{List, Shape};

/// Longest text that is kept of an order, in characters. An id may not be longer; anything else is cut.
const MAX_TEXT_CHARS: usize = 500;
const MAX_ITEMS: usize = 1_000;
/// How deep lists and objects may lie within each other: as deep as `serde_json` follows them, also in the parts of
/// a body that it skips without following.
const MAX_DEPTH: usize = 127;

/// What a webhook says about an order, whichever store it is from.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreOrder {
    pub order_id: String,
    /// The number that people see.
    pub order_number: Option<String>,
    pub order_status: Option<String>,
    /// When the store last changed the order.
    pub changed_at: Option<DateTime<Utc>>,
    /// The store cancelled, refunded or deleted the order.
    pub called_off: bool,
    pub username: Option<String>,
    pub email: Option<String>,
    pub customer_name: Option<String>,
    /// The store's own id of the customer.
    pub customer_id: Option<String>,
    pub items: Vec<LineItem>,
}

/// What the headers say of a webhook. No store signs them: they are shown, and never decided on.
pub struct Unsigned {
    pub topic: Option<String>,
    pub webhook_id: Option<String>,
    /// Those that are kept, by their names in lower case.
    pub headers: Option<Private<BTreeMap<String, String>>>,
}

/// What is known of a webhook beside its body.
pub struct Aside {
    pub unsigned: Unsigned,
    pub api_key: ApiKeyUse,
    pub body_bytes: u32,
    /// Stands in for the date of a cancellation that names none.
    pub received_at: DateTime<Utc>,
}

impl StoreOrder {
    /// The webhook as it is recorded, with what the integration's filter wants of it.
    pub fn into_webhook(self, integration_id: IntegrationId, link: &Link, aside: Aside) -> Webhook {
        let intent = if self.called_off {
            Intent::Cancel
        } else if link.delivers(self.order_status.as_deref()) {
            Intent::Deliver
        } else {
            Intent::Filtered
        };
        let private = |value: Option<String>| value.map(Private::Known);
        Webhook {
            account_id: link.account_id,
            integration_id,
            provider: link.provider,
            order_id: self.order_id,
            order_number: self.order_number,
            order_status: self.order_status,
            intent,
            changed_at: self.changed_at,
            received_at: Some(aside.received_at),
            username: private(self.username),
            email: private(self.email),
            customer_name: private(self.customer_name),
            customer_id: private(self.customer_id),
            items: self.items,
            api_key: aside.api_key,
            topic: aside.unsigned.topic,
            webhook_id: aside.unsigned.webhook_id,
            headers: aside.unsigned.headers,
            body_bytes: aside.body_bytes,
            body_digest: None,
        }
    }
}

/// Shows nothing of the customer.
impl fmt::Debug for StoreOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreOrder")
            .field("order_id", &self.order_id)
            .field("order_status", &self.order_status)
            .field("called_off", &self.called_off)
            .field("items", &self.items)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    Order(StoreOrder),
    Notice(NoticeKind),
    /// A store's webhook that should be an order and cannot be read as one.
    Unusable(Malformed),
}

/// Parses a body whose signature was verified. `topic` is from a header that no store signs: it can make less of a body
/// (no order, an order called off), never more.
///
/// A field that is read and comes twice in one object makes the body malformed: which of the two the store meant, nobody
/// can tell. Who builds the generic format can mend what is malformed, and learns it best from a refusal. A store cannot:
/// `WooCommerce` would never send the order again, and both would stop sending at all, so everything that they sign is taken.
pub fn parse(provider: Provider, topic: Option<&str>, body: &[u8]) -> Result<Parsed, Malformed> {
    let topic = topic.map(str::trim).filter(|topic| !topic.is_empty());
    let parsed = match provider {
        Provider::Shopify => text(body).and_then(|json| shopify::parse(topic, json)),
        Provider::WooCommerce => text(body).and_then(|json| woocommerce::parse(topic, json)),
        Provider::Generic => return generic::parse(text(body)?),
        Provider::BigCommerce | Provider::Square => {
            return read::<IgnoredAny>(text(body)?).map(|_| Parsed::Notice(NoticeKind::NotAnOrder));
        }
    };
    Ok(parsed.unwrap_or_else(|malformed| Parsed::Unusable(if is_xml(body) { Malformed::Xml } else { malformed })))
}

/// Whether a body begins as XML does, which Shopify sends where a merchant chose so, and no JSON does.
fn is_xml(body: &[u8]) -> bool {
    without_mark(body).trim_ascii_start().first() == Some(&b'<')
}

/// Without the byte order mark that senders on Windows like to write.
fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body)
}

/// WooCommerce's unsigned ping on saving a webhook (`WC_Webhook::deliver_ping`): the form `webhook_id=7`.
pub fn is_woocommerce_ping(headers: &HeaderMap, body: &[u8]) -> bool {
    let is_form = headers.get(CONTENT_TYPE).is_none_or(|value| {
        let media_type = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        media_type.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
    });
    let webhook_id = body.strip_prefix(b"webhook_id=").unwrap_or_default();
    is_form
        && !headers.contains_key("x-wc-webhook-signature")
        && (1..=20).contains(&webhook_id.len())
        && webhook_id.iter().all(u8::is_ascii_digit)
}

/// The body as text that is not nested too deeply. A byte order mark is no part of it.
fn text(body: &[u8]) -> Result<&str, Malformed> {
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

fn read<'de, T: Deserialize<'de>>(json: &'de str) -> Result<T, Malformed> {
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
fn looks_like_order<T>(lines: &List<T>, id: Scalar<'_>) -> bool {
    matches!(lines, Shape::List(_)) && id.written().is_some()
}

fn order_id(id: Scalar<'_>) -> Result<String, Malformed> {
    id.order_id("id")?.ok_or_else(|| id.no_text("id"))
}

fn lines<T>(lines: List<T>, may_be_absent: bool) -> Result<Vec<T>, Malformed> {
    match lines {
        Shape::List(lines) => lines.bounded("line_items"),
        Shape::Absent if may_be_absent => Ok(vec![]),
        Shape::Absent => Err(Malformed::missing("line_items")),
        Shape::Null => Err(Malformed::invalid("line_items", "must not be null")),
        Shape::Scalar | Shape::Object(_) => Err(Malformed::invalid("line_items", "must be a list")),
    }
}

/// Whether the body says nothing but an id, as both platforms' webhooks on a deleted order do.
fn is_only_an_id(json: &str) -> bool {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct OnlyAnId {
        #[serde(rename = "id")]
        _id: IgnoredAny,
    }
    read::<OnlyAnId>(json).is_ok()
}
