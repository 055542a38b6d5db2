//! Stories in sentences.

use domain::delivery::Change;

use super::standing::{StandingItem, StandingOf, Unread};
use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap()
}

fn event(sequence: i64, seconds: i64, actor: &str, event_type: &str, summary: &str, said: Value) -> Event {
    Event {
        position: sequence.to_string(),
        caused_by: None,
        cause: None,
        sequence,
        event_type: event_type.to_owned(),
        summary: summary.to_owned(),
        data: said,
        actor: actor.to_owned(),
        reason: None,
        reason_erased: false,
        recorded_at: at(seconds),
    }
}

#[test]
fn a_story_has_the_times_between() {
    let items = json!([{ "title": "Storm lead" }, { "title": "Guitar strap" }]);
    let webhook = |outcome: &str| json!({ "webhook": { "items": items }, "outcome": outcome });
    let start = json!({
        "attempt": 1, "worker": "w1", "lease_until": at(60), "username": "max",
        "plan": [
            { "line_index": 0, "assets": [{ "asset": { "resource_type": "preset", "resource_id": "storm" } }] },
            { "line_index": 1, "assets": [] },
        ],
    });
    let retried = Event {
        reason: Some("the customer called".to_owned()),
        ..event(7, 7_500, "key desk", "retry_requested", "Another try was asked for.", Value::Null)
    };
    let story = [
        event(1, 0, "store", "webhook_received", "The store reported order #1042: accepted.", webhook("accepted")),
        event(2, 0, "worker w1", "started", "", start),
        event(3, 2, "worker w1", "followed", "The customer is followed on Cortex Cloud now (free).", json!({})),
        event(4, 3, "worker w1", "lease_renewed", "Still at it.", json!({})),
        event(5, 5, "worker w1", "retry_scheduled", "", json!({ "code": "ndsp_waiting", "due_at": at(185) })),
        event(6, 60, "store", "webhook_received", "The store reported order #1042 again.", webhook("duplicate")),
        retried,
    ];
    let lines: Vec<String> = story_of(&story)
        .into_iter()
        .map(|line| format!("{}: {}", line.later.unwrap_or_else(|| "first".to_owned()), line.sentence))
        .collect();
    let first = moment(at(0));
    assert_eq!(
        lines,
        [
            "first: The store reported order #1042: accepted. It names 2 items.".to_owned(),
            "at once: Attempt 1 began, by worker w1. To share: preset storm. For 1 item there is no mapping: \
             “Guitar strap”."
                .to_owned(),
            "2 seconds later: The customer is followed on Cortex Cloud now (free).".to_owned(),
            format!(
                "3 seconds later: The customer has not followed back yet. Nothing is to be done: the next try is due \
                 at {} UTC, 3 minutes from then.",
                moment(at(185))
            ),
            format!("55 seconds later: The store reported order #1042 again. The webhook of {first} UTC had said it."),
            "2 hours and 4 minutes later: Another try was asked for. This was done with the key “desk”, because: the \
             customer called."
                .to_owned(),
        ]
    );
}

#[test]
fn a_reason_that_was_erased_is_not_taken_for_none() {
    let by_desk = event(1, 0, "key desk", "cancelled", "It was cancelled.", Value::Null);
    let erased = Event { reason_erased: true, ..by_desk.clone() };
    let sentences: Vec<String> = story_of(&[by_desk, erased]).into_iter().map(|line| line.sentence).collect();
    assert_eq!(
        sentences,
        [
            "It was cancelled. This was done with the key “desk”; no reason was given.",
            "It was cancelled. This was done with the key “desk”; the reason was erased.",
        ]
    );
}

#[test]
fn a_refund_after_delivery_says_that_nothing_is_taken_back() {
    let removed = json!({ "outcome": "revised", "changes": [Change::LineRemoved { line: "Storm lead".to_owned() }] });
    let revised =
        |sequence| event(sequence, 9, "store", "webhook_received", "The store revised order #1042.", removed.clone());
    let asset = json!({ "asset": { "resource_type": "preset", "resource_id": "storm" }, "username": "max" });
    let shared = event(1, 5, "worker w1", "asset_shared", "The preset storm was shared.", asset);
    let last = |events: &[Event]| story_of(events).last().unwrap().sentence.clone();
    assert_eq!(last(&[revised(1)]), "The store revised order #1042.");
    assert_eq!(last(&[shared, revised(2)]), "The store revised order #1042. What was shared before is not taken back.");
}

#[test]
fn the_end_says_what_comes_next() {
    let standing_of = |status: &str, code: Option<ResolutionCode>, next: Option<i64>, active: bool| {
        let delivery = Standing {
            id: "D".to_owned(),
            status: status.to_owned(),
            resolution_code: code.map(|code| code.as_str().to_uppercase()),
            resolution: code.map(|code| code.advice().to_owned()),
            waits_until: next.map(at),
            unmapped: false,
            unread_change: None,
            integration: StandingOf { active },
            items: vec![],
            is_erased: false,
            credits_charged: 2,
        };
        standing(&delivery, None, at(0))
    };
    let standing_at = |status: &str, code, next| standing_of(status, code, next, true);
    let deactivated = standing_of("RETRY_SCHEDULED", Some(ResolutionCode::NdspWaiting), Some(120), false);
    assert!(deactivated.contains("(ndsp_waiting)") && deactivated.contains("integrations activate"), "{deactivated}");
    let waits = standing_at("RETRY_SCHEDULED", Some(ResolutionCode::NdspWaiting), Some(120));
    assert!(waits.contains("(ndsp_waiting)") && waits.contains("in 2 minutes"), "{waits}");
    assert!(standing_at("RETRY_SCHEDULED", None, Some(-5)).contains("by itself now"));
    let needs = standing_at("ACTION_REQUIRED", Some(ResolutionCode::NoItemMapping), None);
    assert!(needs.contains("Add a mapping") && needs.contains("2 credits"), "{needs}");
    assert!(standing_at("COMPLETED", None, None).contains("nothing more happens"));
    let partly = Standing {
        id: "D".to_owned(),
        status: "COMPLETED".to_owned(),
        resolution_code: None,
        resolution: None,
        waits_until: None,
        credits_charged: 10,
        unmapped: true,
        unread_change: None,
        integration: StandingOf { active: true },
        items: vec![],
        is_erased: false,
    };
    assert!(standing(&partly, None, at(0)).contains("--deliver-past"));
    let item = |state: &str| StandingItem { state: state.to_owned() };
    let extended = Standing { items: vec![item("SHARED"), item("PENDING")], unmapped: false, ..partly };
    let said = standing(&extended, None, at(0));
    assert!(said.contains("but for 1 item ordered since") && said.contains("a status that is delivered"), "{said}");
    let unread = Some(Unread { resolution: "The change could not be read.".to_owned() });
    let said = standing(&Standing { unread_change: unread, items: vec![], ..extended.clone() }, None, at(0));
    assert!(said.starts_with("It is complete.") && said.ends_with("The change could not be read."), "{said}");
    let said = standing(&Standing { is_erased: true, ..extended }, None, at(0));
    assert!(said.contains("after the customer was erased") && said.contains("--username NAME"), "{said}");
    assert!(standing_at("SOMETHING_NEW", None, None).contains("something_new"));
}
