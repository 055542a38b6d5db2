//! Every event has a sentence, and nothing private is in it.

use domain::account::{ApiKeyCreated, Role};
use domain::credits::PaidAction;
use domain::delivery::{
    ApiKeyUse, Change, CortexCall, CortexOperation, DecidedOn, DeliveryEvent, Intent, MoveCause, PlannedAsset,
    PlannedItem, RequeueCause, Started, Webhook, WebhookOutcome,
};
use domain::integration::{AccessLost, Authorization, IntegrationCreated, IntegrationEvent, Provider, Purpose};
use domain::notice::NoticeReceived;
use domain::{
    AccountId, ApiKeyId, Asset, DeliveryId, IntegrationId, ItemMapping, MappingId, MatchType, Private, ResourceType,
};
use event_log::{Position, Sequence};
use strum::IntoEnumIterator as _;
use uuid::Uuid;

use super::*;

const PRIVATE: &str = "fan@music.com";

fn sentence_of(event: AnyEvent) -> String {
    let sentence = summary(&Recorded {
        hash: vec![],
        position: Position::FIRST,
        aggregate_id: Uuid::nil().to_string(),
        sequence: Sequence::FIRST,
        account_id: None,
        integration_id: None,
        caused_by: None,
        correlation_id: Uuid::nil(),
        recorded_at: DateTime::UNIX_EPOCH,
        actor: "store".to_owned(),
        operator: None,
        customer_tokens: vec![],
        event,
    });
    assert!(!sentence.contains(PRIVATE) && sentence.ends_with('.'), "{sentence}");
    sentence
}

fn private() -> Private<String> {
    PRIVATE.into()
}

fn preset() -> Asset {
    Asset { resource_type: ResourceType::Preset, resource_id: "abc".to_owned() }
}

fn webhook(number: Option<&str>, status: Option<&str>, api_key: ApiKeyUse) -> Box<Webhook> {
    Box::new(Webhook {
        account_id: AccountId(Uuid::nil()),
        integration_id: IntegrationId(Uuid::nil()),
        provider: Provider::Shopify,
        order_id: "order-7".to_owned(),
        order_number: number.map(str::to_owned),
        order_status: status.map(str::to_owned),
        intent: Intent::Deliver,
        changed_at: None,
        received_at: DateTime::UNIX_EPOCH,
        username: Some(private()),
        email: Some(private()),
        customer_name: Some(private()),
        customer_id: Some(private()),
        items: vec![],
        api_key,
        topic: None,
        webhook_id: None,
        headers: None,
        body_bytes: 2,
        body_digest: None,
        thin: false,
        unsigned: false,
        source: domain::ReportSource::Webhook,
    })
}

#[test]
fn what_a_webhook_did_is_said() {
    let changes = [
        Change::LineRemoved { line: "Storm".to_owned() },
        Change::StatusChanged { from: Some("paid".to_owned()), to: Some("partially_refunded".to_owned()) },
    ]
    .to_vec();
    let received = |number, status, api_key, outcome| DeliveryEvent::WebhookReceived {
        webhook: webhook(number, status, api_key),
        outcome,
        changes: if outcome == WebhookOutcome::Revised { changes.clone() } else { vec![] },
    };
    for (event, sentence) in [
        (
            received(Some("1042"), Some("paid"), ApiKeyUse::None, WebhookOutcome::Accepted),
            "The store reported order 1042 (paid): accepted for delivery.",
        ),
        (
            received(None, None, ApiKeyUse::Foreign, WebhookOutcome::Accepted),
            "The store reported order order-7: accepted for delivery. The API key beside it is not one of this account's.",
        ),
        (
            received(Some("#1042"), Some("pending"), ApiKeyUse::None, WebhookOutcome::Filtered),
            "The store reported order #1042 (pending): this status is not one that is delivered, so the order waits for one that is.",
        ),
        (
            received(Some("#1042"), None, ApiKeyUse::None, WebhookOutcome::Duplicate),
            "The store reported order #1042 again: nothing new, and nothing is delivered twice.",
        ),
        (
            received(Some("1042"), Some("cancelled"), ApiKeyUse::None, WebhookOutcome::Cancelled),
            "The store cancelled order 1042 (cancelled): the delivery is cancelled.",
        ),
        (
            received(Some("1042"), None, ApiKeyUse::None, WebhookOutcome::TooLate),
            "The store cancelled order 1042, but it was already delivered; what was shared is not taken back.",
        ),
        (
            received(Some("1042"), None, ApiKeyUse::None, WebhookOutcome::Revised),
            "The store revised order 1042: removed Storm; status from paid to partially_refunded.",
        ),
        (
            received(Some("1042"), None, ApiKeyUse::None, WebhookOutcome::Stale),
            "The store reported order 1042 as it had before, without a date: stale, it may be a late repetition. Nothing \
             changed; with the date of the change in `updatedAt` it would count.",
        ),
    ] {
        assert_eq!(sentence_of(AnyEvent::Delivery(event)), sentence);
    }
}

#[test]
fn events_of_deliveries_have_sentences() {
    let at = DateTime::UNIX_EPOCH;
    let planned = |resource_id: &str| PlannedAsset {
        asset: Asset { resource_id: resource_id.to_owned(), ..preset() },
        mapping_id: MappingId(Uuid::nil()),
        match_type: MatchType::Sku,
    };
    let started = |plans: &[&[&str]]| {
        let plan = (0..).zip(plans);
        let plan = plan
            .map(|(line_index, ids)| PlannedItem { line_index, assets: ids.iter().map(|id| planned(id)).collect() });
        let (worker, plan) = ("w1".to_owned(), plan.collect());
        DeliveryEvent::Started(Started {
            attempt: 2,
            worker,
            started_at: at,
            lease_until: at,
            username: private(),
            plan,
            decided_on: DecidedOn::default(),
        })
    };
    let failing = CortexCall {
        operation: CortexOperation::Share,
        status: Some(503),
        duration_ms: 120,
        reason: Some("answered 503".to_owned()),
    };
    for (event, sentence) in [
        (
            started(&[&["storm", "rain"], &["storm"], &[]]),
            "Attempt 2 by worker w1 started: 2 assets in all, 1 item has no mapping.",
        ),
        (started(&[&["storm"]]), "Attempt 2 by worker w1 started: 1 asset in all."),
        (
            DeliveryEvent::LeaseRenewed { lease_until: at },
            "The attempt goes on; the worker holds the delivery until 1970-01-01 00:00:00 UTC.",
        ),
        (
            DeliveryEvent::WaitMoved { until: at, cause: MoveCause::ClockWasAhead },
            "A clock that was ahead had set this too far off: it waits until 1970-01-01 00:00:00 UTC now.",
        ),
        (
            DeliveryEvent::WaitMoved { until: at, cause: MoveCause::Operator },
            "The next try was moved to 1970-01-01 00:00:00 UTC.",
        ),
        (DeliveryEvent::StepStarted { action: PaidAction::Follow }, "The customer is about to be followed."),
        (
            DeliveryEvent::StepStarted { action: PaidAction::Share { asset: preset() } },
            "The preset abc is about to be shared with the customer.",
        ),
        (
            DeliveryEvent::Followed { username: private(), credits: Credits(3), call: None },
            "The customer is followed on Cortex Cloud now (3 credits).",
        ),
        (
            DeliveryEvent::AssetShared { asset: preset(), username: private(), credits: Credits::ZERO, call: None },
            "The preset abc was shared with the customer (free).",
        ),
        (
            DeliveryEvent::RetryScheduled { code: ResolutionCode::NdspWaiting, due_at: at, call: None },
            "The customer has not followed back yet. The next try is at 1970-01-01 00:00:00 UTC.",
        ),
        (
            DeliveryEvent::RetryScheduled { code: ResolutionCode::TemporaryFailure, due_at: at, call: Some(failing) },
            "Cortex Cloud could not be reached or had a problem. Cortex Cloud, the call to share the asset: HTTP 503 after \
             120 ms (answered 503). The next try is at 1970-01-01 00:00:00 UTC.",
        ),
        (
            DeliveryEvent::FailedPermanently { code: ResolutionCode::Unknown, call: None },
            "The delivery was given up (unknown).",
        ),
        (DeliveryEvent::UsernameCorrected { username: private() }, "The customer's username was corrected."),
        (
            DeliveryEvent::Requeued { cause: RequeueCause::Fixed { code: ResolutionCode::NoItemMapping } },
            "What it waited for was fixed (no_item_mapping): the delivery is back in the queue.",
        ),
    ] {
        assert_eq!(sentence_of(AnyEvent::Delivery(event)), sentence);
    }
    for event in [
        DeliveryEvent::Completed {},
        DeliveryEvent::CancellationRequested {},
        DeliveryEvent::Cancelled {},
        DeliveryEvent::HandedBack {},
        DeliveryEvent::StatusFiltered {},
        DeliveryEvent::Requeued { cause: RequeueCause::Revised },
        DeliveryEvent::RetryRequested { mapping_ids: vec![] },
        DeliveryEvent::RetryRequested { mapping_ids: vec![MappingId(Uuid::nil())] },
    ] {
        sentence_of(AnyEvent::Delivery(event));
    }
    for code in ResolutionCode::iter() {
        let required = DeliveryEvent::ActionRequired { code, call: None, assets: vec![preset()], decided_on: None };
        let sentence = sentence_of(AnyEvent::Delivery(required));
        assert!(sentence.contains(code.as_str()) && sentence.contains("Missing: preset abc"), "{sentence}");
    }
}

#[test]
fn events_of_accounts_have_sentences() {
    let nil = Uuid::nil();
    for (event, sentence) in [
        (
            AccountEvent::AccountCreated { name: "Storm".to_owned(), attempts_per_minute: 1 },
            "The account “Storm” was created, with up to 1 attempt a minute.".to_owned(),
        ),
        (
            AccountEvent::ApiKeyCreated(ApiKeyCreated {
                key_id: ApiKeyId(nil),
                name: "shop".to_owned(),
                role: Role::Merchant,
                key_hash: "secret".to_owned(),
                key_preview: "cb_live_…6789".to_owned(),
                requests_per_minute: 600,
            }),
            "The API key “shop” (merchant, cb_live_…6789) was created.".to_owned(),
        ),
        (AccountEvent::ApiKeyDeactivated { key_id: ApiKeyId(nil) }, format!("The API key {nil} was deactivated.")),
        (
            AccountEvent::CortexCredentialsSaved { email: private(), password: private() },
            "The login at Cortex Cloud was saved.".to_owned(),
        ),
        (
            AccountEvent::RetentionSet { days: Some(1) },
            "Personal data is erased once a delivery has been over for 1 day.".to_owned(),
        ),
        (AccountEvent::RetentionSet { days: None }, "Personal data is kept for good.".to_owned()),
        (AccountEvent::CortexCredentialsDeleted {}, "The login at Cortex Cloud was deleted.".to_owned()),
    ] {
        assert_eq!(sentence_of(AnyEvent::Account(event)), sentence);
    }
}

#[test]
fn what_a_ledger_records_reads_as_a_sentence() {
    let (nil, delivery_id) = (Uuid::nil(), DeliveryId(Uuid::nil()));
    let settled = |charged, returned| LedgerEvent::ReservationSettled {
        delivery_id,
        attempt: 2,
        charged: Credits(charged),
        returned: Credits(returned),
    };
    for (event, sentence) in [
        (LedgerEvent::CreditsGranted { grant_id: nil, credits: Credits(1) }, "1 credit was granted.".to_owned()),
        (
            LedgerEvent::CreditsReserved { delivery_id, attempt: 2, credits: Credits(13) },
            format!("13 credits were set aside for attempt 2 of delivery {nil}."),
        ),
        (settled(10, 3), format!("10 credits were charged for attempt 2 of delivery {nil}; 3 credits given back.")),
        (settled(0, 13), format!("Nothing was charged for attempt 2 of delivery {nil}; 13 credits given back.")),
        (settled(13, 0), format!("13 credits were charged for attempt 2 of delivery {nil}; nothing given back.")),
    ] {
        assert_eq!(sentence_of(AnyEvent::Ledger(event)), sentence);
    }
}

#[test]
fn how_a_store_and_the_service_reach_each_other_has_sentences() {
    for (event, sentence) in [
        (
            IntegrationEvent::NotificationUrlChanged { notification_url: "https://a.example".to_owned() },
            "The store posts to https://a.example now.",
        ),
        (
            IntegrationEvent::StoreAccessSaved {
                token: private(),
                token_preview: "…abcd".to_owned(),
                store: Some("k3s".to_owned()),
                authorization: None,
            },
            "The access token …abcd of the store's API was saved (store k3s): the store can be called.",
        ),
        (
            IntegrationEvent::StoreAccessSaved {
                token: private(),
                token_preview: "…abcd".to_owned(),
                store: Some("storm.myshopify.com".to_owned()),
                authorization: Some(Authorization {
                    attempt_id: Uuid::nil(),
                    client_id: "app".to_owned(),
                    scopes: vec!["read_orders".to_owned()],
                    missing_scopes: vec!["read_products".to_owned()],
                    refresh_token: None,
                    expires_at: None,
                }),
            },
            "The store storm.myshopify.com was connected by the app app: it allowed read_orders, and did not allow read_products.",
        ),
        (
            IntegrationEvent::StoreAccessLost { reason: AccessLost::Uninstalled },
            "The store cannot be called any more: the app was removed there. It has to be connected again.",
        ),
        (
            IntegrationEvent::StoreConnectionFailed { attempt_id: Uuid::nil(), reason: "it said no".to_owned() },
            "The store was not connected: it said no.",
        ),
        (IntegrationEvent::StoreAccessRemoved {}, "The access to the store's API was removed."),
    ] {
        assert_eq!(sentence_of(AnyEvent::Integration(event)), sentence);
    }
}

#[test]
fn events_of_integrations_and_notices_and_unknown_ones_have_sentences() {
    let (secret, secret_preview) = (private(), "…6789".to_owned());
    let mapping = ItemMapping {
        id: MappingId(Uuid::nil()),
        match_type: MatchType::Sku,
        external_ref: "STORM".to_owned(),
        asset: preset(),
    };
    for (event, sentence) in [
        (
            IntegrationEvent::IntegrationCreated(IntegrationCreated {
                account_id: AccountId(Uuid::nil()),
                provider: Provider::WooCommerce,
                name: "Shop".to_owned(),
                signing_secret: Some(private()),
                secret_preview: Some(secret_preview.clone()),
                purpose: Purpose::Delivers,
                notification_url: None,
                order_statuses: vec![],
            }),
            "The WooCommerce integration “Shop” was created.",
        ),
        (IntegrationEvent::IntegrationRenamed { name: "New".to_owned() }, "The integration is called “New” now."),
        (IntegrationEvent::IntegrationActivated {}, "The integration was switched on: its webhooks are let in."),
        (IntegrationEvent::IntegrationDeactivated {}, "The integration was switched off: its webhooks are refused."),
        (
            IntegrationEvent::OrderStatusesChanged { order_statuses: vec![] },
            "Orders of every status are delivered now.",
        ),
        (
            IntegrationEvent::OrderStatusesChanged { order_statuses: vec!["paid".to_owned(), "done".to_owned()] },
            "Only orders of these statuses are delivered now: paid, done.",
        ),
        (
            IntegrationEvent::SigningSecretSet {
                signing_secret: secret.clone(),
                secret_preview: secret_preview.clone(),
            },
            "The signing secret was set to one that ends in …6789; the one before is void.",
        ),
        (
            IntegrationEvent::SigningSecretRotated {
                signing_secret: secret,
                secret_preview,
                previous_valid_until: DateTime::UNIX_EPOCH,
            },
            "The signing secret was replaced by one that ends in …6789; the one before is valid until 1970-01-01 00:00:00 UTC.",
        ),
        (
            IntegrationEvent::ItemMappingAdded { mapping },
            "A mapping was added: for the SKU “STORM” the preset abc is delivered.",
        ),
        (
            IntegrationEvent::ItemMappingRemoved { mapping_id: MappingId(Uuid::nil()) },
            "The mapping 00000000-0000-0000-0000-000000000000 was removed.",
        ),
    ] {
        assert_eq!(sentence_of(AnyEvent::Integration(event)), sentence);
    }
    for (kind, sentence) in [
        (NoticeKind::NotAnOrder, "The store (Shopify) sent a webhook that is not about an order."),
        (
            NoticeKind::Unusable,
            "The store (Shopify) sent a webhook about order #1075 that cannot be used: `id` must be a text.",
        ),
        (
            NoticeKind::StoreError,
            "The store (Shopify) sent an error instead of an order: the owner of its webhook may no longer read orders.",
        ),
        (NoticeKind::CustomerDataRequest, "The store (Shopify) sent the question what is known of a customer."),
        (NoticeKind::CustomerRedact, "The store (Shopify) sent the request to erase a customer."),
        (NoticeKind::ShopRedact, "The store (Shopify) sent the request to erase everything personal of the store."),
    ] {
        let received = NoticeReceived {
            account_id: AccountId(Uuid::nil()),
            integration_id: IntegrationId(Uuid::nil()),
            provider: Provider::Shopify,
            kind,
            received_at: DateTime::UNIX_EPOCH,
            topic: None,
            webhook_id: None,
            headers: None,
            body_bytes: 2,
            unsigned: false,
            source: domain::ReportSource::Webhook,
            reason: (kind == NoticeKind::Unusable).then(|| "`id` must be a text".to_owned()),
            order_id: None,
            order_number: (kind == NoticeKind::Unusable).then(|| "#1075".to_owned()),
            customers: None,
        };
        assert_eq!(sentence_of(AnyEvent::Notice(NoticeEvent::WebhookReceived(Box::new(received)))), sentence);
    }
    assert_eq!(AnyEvent::Unknown.event_type(), None);
    assert_eq!(AnyEvent::Delivery(DeliveryEvent::Completed {}).event_type().as_deref(), Some("completed"));
    assert_eq!(AnyEvent::Delivery(DeliveryEvent::Completed {}).aggregate_type(), Some("delivery"));
    sentence_of(AnyEvent::Unknown);
}
