//! What is read of an aggregate, and decided on it, whatever its events were.

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::account::Account;
use crate::checkpoint::{CheckpointCommand, Checkpoints};
use crate::commerce::CommerceEventType;
use crate::delivery::{DecidedOn, Delivery, DeliveryCommand, Held, StartFacts};
use crate::dispatch::{Dispatch, DispatchCommand, NewAttempt};
use crate::endpoint::{Endpoint, EndpointCommand, MessageFailure, RetryPolicy};
use crate::integration::Integration;
use crate::ledger::{Ledger, LedgerCommand};
use crate::schedule::Jitter;
use crate::{ApiKeyId, Asset, Credits, DeliveryId, ItemMapping, LineItem, MappingId, MatchType, ResourceType};

pub(super) fn ask_delivery(now: DateTime<Utc>, delivery: &Delivery) {
    let storm = ItemMapping {
        id: MappingId(Uuid::nil()),
        match_type: MatchType::Sku,
        external_ref: "STORM".to_owned(),
        asset: Asset::new(ResourceType::Preset, "storm"),
    };
    let facts = StartFacts {
        mappings: vec![storm],
        credentials_saved: true,
        api_key_active: true,
        integration_active: true,
        decided_on: DecidedOn::default(),
    };
    let start = DeliveryCommand::Start { worker: "w1".to_owned(), now, lease_until: now, facts };
    for command in [start, DeliveryCommand::PullBack { now }, DeliveryCommand::MoveWait { until: now, now }] {
        delivery.decide(command).ok();
    }
    delivery.status();
    let Some(order) = delivery.order() else {
        return;
    };
    order.plan(&[]);
    let nothing = StartFacts {
        mappings: vec![],
        credentials_saved: false,
        api_key_active: false,
        integration_active: false,
        decided_on: DecidedOn::default(),
    };
    order.blocked_by(&nothing, &order.plan(&[]));
    order.waits_until();
    order.outstanding().count();
    order.summary.phase.status();
    order.summary.phase.resolution_code();
    order.summary.phase.is_over();
    let Some(lease) = order.lease() else {
        return;
    };
    let held = Held { worker: lease.worker.clone(), attempt: lease.attempt };
    for end in [
        DeliveryCommand::Complete { held: held.clone() },
        DeliveryCommand::Wait { held: held.clone(), now, jitter: Jitter::NONE, call: None },
        DeliveryCommand::Fail { held, now, jitter: Jitter::NONE, call: None },
    ] {
        delivery.decide(end).ok();
    }
}

pub(super) fn ask_account(account: &Account) {
    let Some(merchant) = account.merchant() else {
        return;
    };
    merchant.keys.active(ApiKeyId(Uuid::from_u128(7)));
}

pub(super) fn ask_ledger(ledger: &Ledger) {
    let delivery_id = DeliveryId(Uuid::from_u128(1));
    ledger.available();
    ledger.reservation(delivery_id);
    let (attempt, credits) = (2, Credits(23));
    ledger.decide(LedgerCommand::Reserve { delivery_id, attempt, credits, earlier: Credits(u64::MAX) }).ok();
    ledger.decide(LedgerCommand::Settle { delivery_id, attempt, charged: Credits(u64::MAX) }).ok();
}

pub(super) fn ask_integration(now: DateTime<Utc>, integration: &Integration) {
    let Some(link) = integration.link() else {
        return;
    };
    link.signing_secrets(now).count();
    link.delivers(Some("paid"));
    let item = LineItem { sku: Some("STORM".to_owned()), quantity: 1, ..LineItem::default() };
    crate::asset::mappings_for(&item, &link.mappings);
    link.mappings.iter().for_each(|mapping| assert!(link.mapping_like(mapping).is_some()));
}

pub(super) fn ask_checkpoints(checkpoints: &Checkpoints) {
    checkpoints.next_position();
    checkpoints.latest_root();
    if let Some(latest) = checkpoints.latest() {
        checkpoints.decide(CheckpointCommand::Record(latest.clone())).ok();
    }
}

pub(super) fn ask_endpoint(now: DateTime<Utc>, endpoint: &Endpoint) {
    endpoint.status();
    let secret = || "whsec_another_secret".into();
    let failure =
        |failures| EndpointCommand::RecordFailure(MessageFailure { failures, since: now, status: None, reason: None });
    for command in [
        EndpointCommand::Update { changes: vec![] },
        EndpointCommand::RotateSecret { secret: secret(), now, overlap_hours: 24 },
        failure(7),
        failure(u32::MAX),
        EndpointCommand::RecordSuccess { failures: u32::MAX },
    ] {
        endpoint.decide(command).ok();
    }
    let Some(subscription) = endpoint.subscription() else {
        return;
    };
    subscription.signing_secrets(now).count();
    subscription.settings.interest().includes(CommerceEventType::OrderPaid, None);
}

pub(super) fn ask_dispatch(now: DateTime<Utc>, dispatch: &Dispatch) {
    dispatch.status();
    dispatch.next_attempt_at();
    dispatch.consequence(&Dispatch::Initial);
    let Some(progress) = dispatch.progress() else {
        return;
    };
    for policy in [RetryPolicy::Standard, RetryPolicy::CloudElementsFive, RetryPolicy::Queue] {
        let attempt = NewAttempt {
            message: progress.message.clone(),
            attempt: dispatch.next_attempt(),
            probe: false,
            policy,
            now,
            jitter: Jitter::from_random(1_000),
            retry_after: Some(TimeDelta::MAX),
            status: None,
            duration_ms: 0,
            address: None,
            reason: None,
            response: None,
        };
        dispatch.decide(DispatchCommand::RecordAttempt(Box::new(attempt))).ok();
    }
}
