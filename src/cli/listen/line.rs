//! An event as one line that a person reads.

use chrono::{DateTime, Utc};
use commerce::{Event, Money};
use serde::Deserialize as _;
use serde_json::Value;

use super::forward::Response;
use crate::cli::output::clean;

/// What fits into the column that says what an event is about: more of an id than tells it from others (a UUID's first 18
/// characters), and every store's id of its own.
const ABOUT_CHARS: usize = 30;

/// When it came, which type, about what, and what it says first.
pub(super) fn of(at: DateTime<Utc>, body: &Value, forwarded: Option<&Result<Response, String>>) -> String {
    let at = at.format("%H:%M:%S");
    let event_type = body["type"].as_str().unwrap_or_default();
    let about = cut(format!("{} {}", event_type.split('.').next().unwrap_or_default(), object(body)));
    let passed_on = match forwarded {
        None => String::new(),
        Some(Ok(response)) => format!("  → {}", response.status.as_u16()),
        Some(Err(reason)) => format!("  → {reason}"),
    };
    let says = gist(&body["data"]);
    clean(format!("{at}  {event_type:<26} {about:<ABOUT_CHARS$} {says}{passed_on}").trim_end())
}

fn cut(about: String) -> String {
    match about.char_indices().nth(ABOUT_CHARS) {
        None => about,
        Some(_) => about.chars().take(ABOUT_CHARS - 1).chain(['…']).collect(),
    }
}

/// The id of what it is about, where it has one; else its own.
fn object(body: &Value) -> String {
    let event = Event::read(body.to_string().as_bytes()).ok().flatten();
    let own = || body["id"].as_str().unwrap_or_default().to_owned();
    event.and_then(|event| event.payload.object_id()).unwrap_or_else(own)
}

/// What says most of an event in a few words.
fn gist(data: &Value) -> String {
    let parts = [
        ["title", "resolution", "question", "reason"].iter().find_map(|name| data[*name].as_str().map(str::to_owned)),
        data["orderNumber"].as_str().map(str::to_owned),
        data["status"].as_str().map(str::to_owned),
        data["available"].as_f64().map(|available| format!("{available} left")),
        Money::deserialize(&data["total"]).ok().map(|total| total.to_string()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use commerce::CommerceEventType;
    use strum::IntoEnumIterator as _;

    use super::*;

    fn at() -> DateTime<Utc> {
        DateTime::from_timestamp(1_773_489_600, 0).unwrap()
    }

    #[test]
    fn every_type_of_event_is_one_line_of_columns_with_what_it_is_about() {
        for of in CommerceEventType::iter() {
            let body: Value = serde_json::from_str(commerce::sample(of)).unwrap();
            let line = super::of(at(), &body, None);
            assert!(line.starts_with("12:00:00  ") && line.contains(of.as_str()) && !line.contains('\n'), "{line}");
            let object =
                Event::sample(of).payload.object_id().unwrap_or_else(|| body["id"].as_str().unwrap().to_owned());
            let columns: Vec<char> = line.chars().collect();
            let about: String = columns[37..].iter().take(ABOUT_CHARS).collect();
            let (_, id) = about.split_once(' ').unwrap();
            let beginning = id.trim_end().trim_end_matches('…');
            assert!(object.starts_with(beginning) && beginning.len() >= object.len().min(18), "{line}");
            assert_eq!(columns[36], ' ', "{line}");
            assert!(columns.get(37 + ABOUT_CHARS).is_none_or(|after| *after == ' '), "{line}");
            assert_eq!(line.contains("39.98 EUR"), body["data"]["total"].is_object(), "{line}");
        }
    }

    /// An event that is sent again is as old as at first.
    #[test]
    fn the_time_is_when_it_came() {
        let body = serde_json::json!({ "type": "order.paid", "time": "2020-01-01T00:00:01Z" });
        assert!(of(at(), &body, None).starts_with("12:00:00  order.paid"));
    }

    #[test]
    fn an_event_cannot_command_the_terminal() {
        let line = of(at(), &serde_json::json!({ "type": "later.type", "data": { "title": "a\u{1b}[2Jb\nc" } }), None);
        assert!(line.contains("later.type") && line.contains("a[2Jb c"), "{line}");
    }

    #[test]
    fn what_it_was_passed_on_to_responded_is_at_the_end() {
        let lost = Err("no response".to_owned());
        assert!(of(at(), &serde_json::json!({}), Some(&lost)).ends_with("→ no response"));
    }
}
