//! The stored form of every event, pinned: what was once written must be readable for ever.

use uuid::Uuid;

use super::fixtures::*;
use crate::credits::PaidAction;
use crate::delivery::{
    ApiKeyUse, Change, CortexCall, CortexOperation, DecidedOn, DeliveryEvent, ErasureCause, FetchedOrder, Intent,
    MoveCause, RequeueCause, StoreCall, Webhook, WebhookOutcome, WebhookRepeated,
};
use crate::event::tests::stored;
use crate::{ApiKeyId, Credits, MappingId, Private, ReportSource, ResolutionCode};

fn repeated_webhook(unsigned: bool) -> DeliveryEvent {
    let full = webhook(Intent::Deliver);
    DeliveryEvent::WebhookRepeated(Box::new(WebhookRepeated {
        provider: full.provider,
        order_id: full.order_id,
        order_number: full.order_number,
        outcome: WebhookOutcome::Duplicate,
        first_webhook_number: 1,
        received_at: after(5),
        topic: full.topic,
        webhook_id: Some("b54557e4".to_owned()),
        headers: full.headers,
        body_bytes: full.body_bytes,
        unsigned,
        source: ReportSource::Webhook,
    }))
}

fn every_event() -> Vec<DeliveryEvent> {
    let mut full = webhook(Intent::Deliver);
    full.api_key = ApiKeyUse::Key { id: ApiKeyId(Uuid::from_u128(3)) };
    full.body_digest = Some("0a1b".into());
    full.webhook_id = Some("b54557e4".to_owned());
    full.customer_name = Some("Max".into());
    full.customer_id = Some("207119551".into());
    full.headers = Some(Private::Known([("content-type".to_owned(), "application/json".to_owned())].into()));
    let both_dates = Webhook { received_at: after(5), ..changed(0, Intent::Cancel) };
    let shares = |reason| Some(call(CortexOperation::Share, 404, reason));
    let retried = retry_scheduled(ResolutionCode::NdspWaiting, after(60));
    let no_response = CortexCall {
        operation: CortexOperation::Login,
        status: None,
        duration_ms: 10_000,
        reason: Some("timed out".to_owned()),
    };
    let every_change = vec![
        Change::LineAdded { line: "Storm".to_owned(), quantity: 1 },
        Change::LineRemoved { line: "RAIN".to_owned() },
        Change::QuantityChanged { line: "SUN".to_owned(), from: 1, to: 2 },
        Change::UsernameChanged,
        Change::StatusChanged { from: Some("pending".to_owned()), to: Some("paid".to_owned()) },
        Change::ApiKeyChanged,
    ];
    vec![
        first(full),
        repeated_webhook(false),
        started(1),
        DeliveryEvent::LeaseRenewed { lease_until: after(90) },
        step_started(PaidAction::Follow),
        step_started(PaidAction::Share { asset: preset("storm") }),
        DeliveryEvent::Followed { username: "max".into(), credits: Credits(3), call: None },
        shared("storm", 10),
        retried,
        DeliveryEvent::WaitMoved { until: after(60), cause: MoveCause::ClockWasAhead },
        action_required(ResolutionCode::NoItemMapping),
        Completed {},
        failed(ResolutionCode::TemporaryFailure),
        CancellationRequested {},
        Cancelled {},
        StatusFiltered {},
        HandedBack {},
        retry_requested(),
        DeliveryEvent::RetryRequested { mapping_ids: vec![MappingId(Uuid::from_u128(9))] },
        DeliveryEvent::UsernameCorrected { username: "maxine".into() },
        requeued(),
        DeliveryEvent::Requeued { cause: RequeueCause::Fixed { code: ResolutionCode::NoItemMapping } },
        DeliveryEvent::PersonalDataErased { cause: ErasureCause::Store },
        first(undated(5, Intent::Cancel)),
        first(both_dates),
        revised(webhook(Intent::Deliver), every_change),
        did(webhook(Intent::Deliver), WebhookOutcome::Stale),
        DeliveryEvent::AssetShared {
            asset: preset("storm"),
            username: "max".into(),
            credits: Credits(10),
            call: shares(""),
        },
        DeliveryEvent::ActionRequired {
            code: ResolutionCode::AssetNotFound,
            call: shares("there is no such item"),
            assets: vec![preset("storm")],
            decided_on: Some(DecidedOn { account_sequence: 3, integration_sequence: 7 }),
        },
        DeliveryEvent::RetryScheduled {
            code: ResolutionCode::TemporaryFailure,
            due_at: after(60),
            call: Some(no_response),
        },
        DeliveryEvent::FailedPermanently { code: ResolutionCode::Unknown, call: shares("answered 418") },
        first(Webhook { unsigned: true, ..thin() }),
        first(Webhook { source: ReportSource::Reconciliation, ..thin() }),
        DeliveryEvent::OrderFetched(FetchedOrder {
            order: Box::new(webhook(Intent::Deliver)),
            outcome: WebhookOutcome::Accepted,
            changes: vec![],
            announcements: 1,
            call: store_call(200),
        }),
        DeliveryEvent::OrderFetchFailed {
            call: Some(StoreCall { status: None, duration_ms: 10_000, reason: Some("timed out".to_owned()) }),
            retry_at: Some(after(60)),
            code: None,
            decided_on: None,
        },
        DeliveryEvent::OrderFetchFailed { call: None, retry_at: None, code: None, decided_on: None },
        repeated_webhook(true),
        DeliveryEvent::OrderFetchFailed {
            call: Some(store_call(401)),
            retry_at: Some(after(60)),
            code: Some(ResolutionCode::StoreAccessMissing),
            decided_on: Some(DecidedOn { account_sequence: 3, integration_sequence: 7 }),
        },
        DeliveryEvent::OrderFetchRequested { fixed: Some(ResolutionCode::StoreAccessMissing) },
        DeliveryEvent::OrderFetchRequested { fixed: None },
        DeliveryEvent::OrderFetchGivenUp { code: ResolutionCode::StoreAccessMissing },
    ]
}

#[test]
fn the_stored_form_of_every_event_is_pinned() {
    insta::assert_snapshot!(stored(&every_event()));
}

/// Grows by a line whenever the stored form grows; no line is ever changed or removed.
#[test]
fn every_event_that_ever_was_still_loads() {
    for line in include_str!("ever.jsonl").lines() {
        serde_json::from_str::<DeliveryEvent>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}
