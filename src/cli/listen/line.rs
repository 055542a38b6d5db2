//! An event as one line that a person reads.

use chrono::{DateTime, Utc};
use commerce::{Event, Money};
use serde::Deserialize as _;
use serde_json::Value;

use super::forward::Response;
use crate::cli::output::clean;

/// When, which type, about what, and what it says first.
pub(super) fn of(body: &Value, forwarded: Option<&Result<Response, String>>) -> String {
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    let at = text("time").parse::<DateTime<Utc>>().map(|at| at.format("%H:%M:%S").to_string()).unwrap_or_default();
    let event_type = text("type");
    let about = format!("{} {}", event_type.split('.').next().unwrap_or_default(), object(body));
    let passed_on = match forwarded {
        None => String::new(),
        Some(Ok(response)) => format!("  → {}", response.status.as_u16()),
        Some(Err(reason)) => format!("  → {reason}"),
    };
    let says = gist(&body["data"]);
    clean(format!("{at}  {event_type:<26} {about:<24} {says}{passed_on}").trim_end())
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

    #[test]
    fn every_type_of_event_is_one_line_with_what_it_is_about() {
        for of in CommerceEventType::iter() {
            let body: Value = serde_json::from_str(commerce::sample(of)).unwrap();
            let line = super::of(&body, None);
            assert!(line.contains(of.as_str()) && !line.contains('\n'), "{line}");
            let object =
                Event::sample(of).payload.object_id().unwrap_or_else(|| body["id"].as_str().unwrap().to_owned());
            assert!(line.contains(&object), "{line}");
            assert_eq!(line.contains("39.98 EUR"), body["data"]["total"].is_object(), "{line}");
        }
    }

    #[test]
    fn an_event_cannot_command_the_terminal() {
        let line = of(&serde_json::json!({ "type": "later.type", "data": { "title": "a\u{1b}[2Jb\nc" } }), None);
        assert!(line.contains("later.type") && line.contains("a[2Jb c"), "{line}");
    }

    #[test]
    fn what_it_was_passed_on_to_responded_is_at_the_end() {
        let lost = Err("no response".to_owned());
        assert!(of(&serde_json::json!({}), Some(&lost)).ends_with("→ no response"));
    }
}
