//! The storage format.

use super::fixtures::*;
use crate::Private;
use crate::dispatch::{DispatchEvent, Message, RedriveCause, ResponseBody, SkipCause};
use crate::event::tests::stored;

/// Lines are added, never changed or removed.
#[test]
fn the_stored_form_of_every_event_is_pinned() {
    let with_response = |response: ResponseBody| {
        with(failed(2, 5), |attempted| {
            attempted.address = Some("203.0.113.7:443".to_owned());
            attempted.response = Some(Private::Known(response.clone()));
        })
    };
    let of_no_store = with(dead_lettered(8), |attempted| {
        attempted.message = Message { integration_id: None, object: None, ..message() };
        attempted.status = None;
        attempted.reason = Some("timed out".to_owned());
    });
    let events = [
        failed(1, 1),
        with_response(ResponseBody::Text("no".to_owned())),
        with_response(ResponseBody::Base64("//4=".to_owned())),
        DispatchEvent::Redriven { cause: RedriveCause::Operator, retry_at: noon() },
        DispatchEvent::Redriven { cause: RedriveCause::Resumed, retry_at: noon() },
        DispatchEvent::Redriven { cause: RedriveCause::Recovered, retry_at: noon() },
        of_no_store,
        DispatchEvent::Skipped { cause: SkipCause::Superseded },
        DispatchEvent::Skipped { cause: SkipCause::EndpointDeleted },
        DispatchEvent::Skipped { cause: SkipCause::Erased },
        delivered(9),
    ];
    insta::assert_snapshot!(stored(&events));
}

/// Grows by a line whenever the stored form grows; no line is ever changed or removed.
#[test]
fn every_event_that_ever_was_still_loads() {
    for line in include_str!("../ever.jsonl").lines() {
        serde_json::from_str::<DispatchEvent>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}
