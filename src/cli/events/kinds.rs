//! The kinds of streams and events that there are, by the names under which they are stored.

/// Each kind of stream with the kinds of its events.
pub(super) const KINDS: [(&str, &[&str]); 13] = [
    (
        "account",
        &[
            "account_created",
            "api_key_created",
            "api_key_deactivated",
            "api_key_limit_changed",
            "contact_removed",
            "contact_set",
            "cortex_credentials_deleted",
            "cortex_credentials_saved",
            "default_endpoint_secret_set",
            "failure_policy_set",
            "retention_set",
            "stock_alert_set",
        ],
    ),
    (
        "integration",
        &[
            "currency_changed",
            "integration_activated",
            "integration_created",
            "integration_deactivated",
            "integration_renamed",
            "item_mapping_added",
            "item_mapping_removed",
            "notification_url_changed",
            "order_statuses_changed",
            "polling_changed",
            "purpose_changed",
            "signing_secret_rotated",
            "signing_secret_set",
            "store_access_lost",
            "store_access_removed",
            "store_access_renewed",
            "store_access_saved",
            "store_app_removed",
            "store_app_saved",
            "store_connection_failed",
            "store_connection_started",
            "topics_chosen",
        ],
    ),
    (
        "delivery",
        &[
            "action_required",
            "asset_shared",
            "cancellation_requested",
            "cancelled",
            "completed",
            "failed_permanently",
            "followed",
            "handed_back",
            "lease_renewed",
            "order_fetch_failed",
            "order_fetch_given_up",
            "order_fetch_requested",
            "order_fetched",
            "personal_data_erased",
            "requeued",
            "retry_requested",
            "retry_scheduled",
            "started",
            "status_filtered",
            "step_started",
            "username_corrected",
            "wait_moved",
            "webhook_received",
            "webhook_repeated",
        ],
    ),
    ("ledger", &["credits_granted", "credits_reserved", "reservation_settled"]),
    ("notice", &["order_read", "personal_data_erased", "webhook_received", "webhook_repeated"]),
    (
        "operator_action",
        &[
            "data_requested",
            "erasure_requested",
            "master_key_rotated",
            "master_key_rotation_started",
            "parked_events_retried",
            "personal_data_exported",
            "personal_data_read",
            "rebuild_cancelled",
            "rebuild_requested",
            "replay_ended",
            "replay_started",
        ],
    ),
    ("checkpoint", &["checkpoint_signed"]),
    (
        "resource",
        &[
            "order_announced",
            "order_read",
            "order_read_failed",
            "order_read_given_up",
            "order_read_moved",
            "order_read_requested",
            "resource_reported",
        ],
    ),
    ("publication", &["event_published", "personal_data_erased"]),
    (
        "endpoint",
        &[
            "concurrency_changed",
            "description_changed",
            "endpoint_created",
            "endpoint_degraded",
            "endpoint_deleted",
            "endpoint_disabled",
            "endpoint_failing",
            "endpoint_paused",
            "endpoint_recovered",
            "endpoint_resumed",
            "event_types_changed",
            "filter_changed",
            "headers_changed",
            "integrations_changed",
            "ordering_changed",
            "profile_changed",
            "rate_limit_changed",
            "schedule_changed",
            "signing_secret_rotated",
            "signing_secret_set",
            "url_changed",
        ],
    ),
    ("dispatch", &["attempted", "redriven", "skipped"]),
    (
        "store",
        &[
            "catalogue_not_read",
            "catalogue_read",
            "check_requested",
            "comparison_begun",
            "comparison_requested",
            "filling_requested",
            "handed_back",
            "orders_compared",
            "orders_not_compared",
            "store_watched",
            "subscription_enabled",
            "subscription_made",
            "subscription_refused",
            "subscription_removed",
            "subscriptions_checked",
            "subscriptions_not_checked",
            "watch_paused",
            "work_started",
        ],
    ),
    (
        "instance",
        &[
            "authorization_changed",
            "events_disabled",
            "events_enabled",
            "instance_created",
            "instance_deleted",
            "instance_disabled",
            "instance_enabled",
            "instance_renamed",
            "subscription_added",
            "subscription_removed",
            "tags_changed",
        ],
    ),
];

/// Reads the name of a kind of event for clap; an unknown one is refused with a list of those that there are.
pub(in crate::cli) fn event_type(text: &str) -> Result<String, String> {
    if KINDS.iter().any(|(_, events)| events.contains(&text)) {
        return Ok(text.to_owned());
    }
    let all = KINDS.map(|(kind, events)| format!("of {kind}: {}", events.join(", ")));
    Err(format!("there is no such type of event; there are\n  {}", all.join("\n  ")))
}

/// A kind of stream, or one stream of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Aggregate {
    pub(super) kind: String,
    pub(super) id: Option<String>,
}

/// Reads `TYPE` or `TYPE/ID` for clap.
pub(super) fn aggregate(text: &str) -> Result<Aggregate, String> {
    let (kind, id) = match text.split_once('/') {
        Some((kind, id)) => (kind, Some(id.to_owned())),
        None => (text, None),
    };
    if !KINDS.iter().any(|(known, _)| *known == kind) {
        return Err(format!("there is no such kind of stream; there are {}", KINDS.map(|(kind, _)| kind).join(", ")));
    }
    if id.as_deref() == Some("") {
        return Err(format!("after {kind}/ comes the id of a stream"));
    }
    Ok(Aggregate { kind: kind.to_owned(), id })
}

#[cfg(test)]
mod tests {
    use cqrs_es::DomainEvent;
    use domain::account::AccountEvent;
    use domain::checkpoint::CheckpointEvent;
    use domain::delivery::DeliveryEvent;
    use domain::dispatch::DispatchEvent;
    use domain::endpoint::EndpointEvent;
    use domain::instance::InstanceEvent;
    use domain::integration::IntegrationEvent;
    use domain::ledger::LedgerEvent;
    use domain::notice::NoticeEvent;
    use domain::operator_action::OperatorActionEvent;
    use domain::publication::PublicationEvent;
    use domain::resource::ResourceEvent;
    use domain::store::StoreEvent;

    use super::*;

    fn types<E: DomainEvent>(lines: &str) -> Vec<String> {
        lines.lines().map(|line| serde_json::from_str::<E>(line).unwrap().event_type()).collect()
    }

    #[test]
    fn every_event_that_ever_was_is_of_a_known_kind() {
        let ever = [
            ("account", types::<AccountEvent>(include_str!("../../../domain/src/account/ever.jsonl"))),
            ("integration", types::<IntegrationEvent>(include_str!("../../../domain/src/integration/ever.jsonl"))),
            ("ledger", types::<LedgerEvent>(include_str!("../../../domain/src/ledger/ever.jsonl"))),
            ("notice", types::<NoticeEvent>(include_str!("../../../domain/src/notice/ever.jsonl"))),
            ("delivery", types::<DeliveryEvent>(include_str!("../../../domain/src/delivery/tests/ever.jsonl"))),
            (
                "operator_action",
                types::<OperatorActionEvent>(include_str!("../../../domain/src/operator_action/ever.jsonl")),
            ),
            ("endpoint", types::<EndpointEvent>(include_str!("../../../domain/src/endpoint/ever.jsonl"))),
            ("dispatch", types::<DispatchEvent>(include_str!("../../../domain/src/dispatch/ever.jsonl"))),
            ("publication", types::<PublicationEvent>(include_str!("../../../domain/src/publication/ever.jsonl"))),
            ("resource", types::<ResourceEvent>(include_str!("../../../domain/src/resource/ever.jsonl"))),
            ("store", types::<StoreEvent>(include_str!("../../../domain/src/store/ever.jsonl"))),
            ("instance", types::<InstanceEvent>(include_str!("../../../domain/src/instance/ever.jsonl"))),
            ("checkpoint", types::<CheckpointEvent>(include_str!("../../../domain/src/checkpoint/ever.jsonl"))),
        ];
        for (kind, were) in ever {
            let (_, known) = KINDS.iter().find(|(known, _)| *known == kind).unwrap();
            for event in were {
                assert!(known.contains(&event.as_str()), "{event} of {kind}");
            }
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        assert!(event_type("shared").unwrap_err().contains("asset_shared"));
        assert!(aggregate("order/1").unwrap_err().contains("delivery"));
        assert!(aggregate("delivery/").is_err());
        let one = Aggregate { kind: "delivery".to_owned(), id: Some("a/b".to_owned()) };
        assert_eq!(aggregate("delivery/a/b"), Ok(one));
    }
}
