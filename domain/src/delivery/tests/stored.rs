//! The stored form of every event, pinned: what was once written must be readable for ever.

use cqrs_es::DomainEvent;
use uuid::Uuid;

use super::fixtures::*;
use crate::delivery::{ApiKeyUse, DeliveryEvent, ErasureCause, Intent, Webhook};
use crate::{ApiKeyId, Credits, Private, ResolutionCode};

fn every_event() -> Vec<DeliveryEvent> {
    let mut full = webhook(Intent::Deliver);
    full.api_key = ApiKeyUse::Key(ApiKeyId(Uuid::from_u128(3)));
    full.webhook_id = Some("b54557e4".to_owned());
    full.customer_name = Some("Max".into());
    full.customer_id = Some("207119551".into());
    full.headers = Some(Private::Known([("content-type".to_owned(), "application/json".to_owned())].into()));
    let both_dates = Webhook { received_at: Some(after(5)), ..changed(0, Intent::Cancel) };
    vec![
        told(full),
        started(1),
        DeliveryEvent::LeaseRenewed { lease_until: after(90) },
        DeliveryEvent::Followed { credits: Credits(3) },
        ItemShared { asset: preset("storm"), credits: Credits(10) },
        RetryScheduled { code: ResolutionCode::NdspWaiting, due_at: after(60) },
        ActionRequired { code: ResolutionCode::NoItemMapping },
        Completed,
        FailedPermanently { code: ResolutionCode::TemporaryFailure },
        CancellationRequested,
        Cancelled,
        HandedBack,
        RetryRequested,
        DeliveryEvent::UsernameCorrected { username: "maxine".into() },
        DeliveryEvent::Requeued { cause: ResolutionCode::NoItemMapping },
        DeliveryEvent::PersonalDataErased { cause: ErasureCause::Store },
        told(undated(5, Intent::Cancel)),
        told(both_dates),
    ]
}

#[test]
fn the_stored_form_of_every_event_is_pinned() {
    let stored: Vec<_> = every_event()
        .iter()
        .map(|event| format!("{} {}", event.event_type(), serde_json::to_string(event).unwrap()))
        .collect();
    insta::assert_snapshot!(stored.join("\n"));
}

/// Grows by a line whenever the stored form grows; no line is ever changed or removed.
#[test]
fn every_event_that_ever_was_still_loads() {
    for line in include_str!("ever.jsonl").lines() {
        serde_json::from_str::<DeliveryEvent>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}
