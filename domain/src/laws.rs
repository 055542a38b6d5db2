//! Laws that hold for every aggregate. A stream may be damaged, restored in part, or written by a later version: reading it returns
//! something, and never stops the service.

mod queries;

use std::fmt::Debug;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use proptest::prelude::*;
use proptest::sample::select;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use strum::IntoEnumIterator;

use self::queries::{
    ask_account, ask_checkpoints, ask_delivery, ask_dispatch, ask_endpoint, ask_integration, ask_ledger,
};
use crate::ResolutionCode;
use crate::account::{Account, FailurePolicy, Role};
use crate::checkpoint::Checkpoints;
use crate::delivery::{CortexOperation, Delivery, DeliveryStatus, Intent, WebhookOutcome};
use crate::dispatch::{Dispatch, DispatchStatus, RedriveCause, SkipCause};
use crate::endpoint::{DisableCause, Endpoint, EndpointStatus};
use crate::event::EventSourced;
use crate::instance::{Instance, InstanceCommand};
use crate::integration::{AccessLost, Integration, Provider, Purpose};
use crate::ledger::Ledger;
use crate::notice::{Notice, NoticeCommand, NoticeKind};
use crate::operator_action::OperatorAction;
use crate::publication::{Publication, PublicationCommand};
use crate::resource::{Happened, ReportOutcome, Resource, ResourceKind};
use crate::store::{CheckCause, Store};

/// Any of the events that ever were, in any order and any number, as they were or with other numbers and moments.
fn any_events<E: DeserializeOwned + Debug + Clone>(ever: &str) -> impl Strategy<Value = Vec<E>> {
    let ever: Vec<Value> = ever.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let event =
        (select(ever), prop::option::weighted(0.8, (any_number(), any_moment()))).prop_map(|(stored, other)| {
            let changed = other.map(|(number, moment)| with_other_values(&stored, &number, moment));
            // A number that its field cannot hold makes no event; then it stays as it was.
            let changed = changed.and_then(|changed| serde_json::from_value(changed).ok());
            changed.unwrap_or_else(|| serde_json::from_value(stored).unwrap())
        });
    prop::collection::vec(event, 0..60)
}

fn any_number() -> impl Strategy<Value = Value> {
    let edges = select(vec![0, 1, 60, 61, u64::from(u32::MAX), i64::MAX.unsigned_abs(), u64::MAX]);
    prop_oneof![edges.prop_map(Value::from), any::<u32>().prop_map(Value::from), any::<i64>().prop_map(Value::from)]
}

fn any_moment() -> impl Strategy<Value = DateTime<Utc>> {
    let edges = select(vec![DateTime::<Utc>::MIN_UTC, DateTime::UNIX_EPOCH, DateTime::<Utc>::MAX_UTC]);
    let seconds = 0..4_000_000_000_i64;
    prop_oneof![2 => edges, 1 => seconds.prop_map(|seconds| DateTime::from_timestamp(seconds, 0).unwrap())]
}

fn with_other_values(stored: &Value, number: &Value, moment: DateTime<Utc>) -> Value {
    match stored {
        Value::Number(_) => number.clone(),
        Value::String(text) if text.parse::<DateTime<Utc>>().is_ok() => serde_json::to_value(moment).unwrap(),
        Value::Array(values) => values.iter().map(|value| with_other_values(value, number, moment)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), with_other_values(value, number, moment)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Null | Value::Bool(_) | Value::String(_) => stored.clone(),
    }
}

/// It is queried after each event, so that a wrong number is read too.
fn fold_and_ask<A: Aggregate>(events: Vec<A::Event>, ask: impl Fn(&A)) {
    let mut aggregate = A::default();
    ask(&aggregate);
    for event in events {
        aggregate.apply(event);
        ask(&aggregate);
    }
}

/// What an aggregate is after each of the events that ever were, folded one after the other.
fn states_after<A: EventSourced + Serialize>(ever: &str) -> String {
    let mut aggregate = A::default();
    let states = ever.lines().map(|line| {
        aggregate.apply(serde_json::from_str(line).unwrap());
        serde_json::to_value(&aggregate).unwrap().to_string()
    });
    states.collect::<Vec<_>>().join("\n")
}

/// A snapshot is a fold that is kept. Where one of these fails because a fold was changed, raise the aggregate's
/// `SNAPSHOT_VERSION`, and accept the file of the new name beside the old one, which stays.
#[test]
fn a_fold_does_not_change_without_its_snapshots_version() {
    fn unchanged<A: EventSourced + Serialize>(ever: &str) {
        insta::assert_snapshot!(
            format!("fold_of_{}_version_{}", A::TYPE, A::SNAPSHOT_VERSION),
            states_after::<A>(ever)
        );
    }
    unchanged::<Account>(include_str!("account/ever.jsonl"));
    unchanged::<Checkpoints>(include_str!("checkpoint/ever.jsonl"));
    unchanged::<Delivery>(include_str!("delivery/tests/ever.jsonl"));
    unchanged::<Dispatch>(include_str!("dispatch/ever.jsonl"));
    unchanged::<Endpoint>(include_str!("endpoint/ever.jsonl"));
    unchanged::<Instance>(include_str!("instance/ever.jsonl"));
    unchanged::<Integration>(include_str!("integration/ever.jsonl"));
    unchanged::<Ledger>(include_str!("ledger/ever.jsonl"));
    unchanged::<Notice>(include_str!("notice/ever.jsonl"));
    unchanged::<OperatorAction>(include_str!("operator_action/ever.jsonl"));
    unchanged::<Publication>(include_str!("publication/ever.jsonl"));
    unchanged::<Resource>(include_str!("resource/ever.jsonl"));
    unchanged::<Store>(include_str!("store/ever.jsonl"));
}

/// Each of any commands, unless it is refused, says everything the first time: at once again it adds nothing.
pub(crate) fn repeating_adds_nothing<A: Aggregate, C: Clone + Debug>(
    commands: Vec<C>,
    decide: impl Fn(&A, C) -> Result<Vec<A::Event>, A::Error>,
) -> Result<(), TestCaseError> {
    let mut aggregate = A::default();
    for command in commands {
        for event in decide(&aggregate, command.clone()).unwrap_or_default() {
            aggregate.apply(event);
        }
        let again = decide(&aggregate, command.clone()).unwrap_or_default();
        prop_assert_eq!(again, vec![], "{:?}", command);
    }
    Ok(())
}

fn now() -> DateTime<Utc> {
    "2026-03-14T12:00:00Z".parse().unwrap()
}

proptest! {
    #[test]
    fn folding_any_events_of_an_account_never_panics(events in any_events(include_str!("account/ever.jsonl"))) {
        fold_and_ask(events, ask_account);
    }

    #[test]
    fn folding_any_events_of_a_ledger_never_panics(events in any_events(include_str!("ledger/ever.jsonl"))) {
        fold_and_ask(events, ask_ledger);
    }

    #[test]
    fn folding_any_events_of_an_instance_never_panics(events in any_events(include_str!("instance/ever.jsonl"))) {
        fold_and_ask(events, |instance: &Instance| {
            instance.owner("");
            instance.decide(InstanceCommand::Delete).ok();
            instance.details().map(|details| (details.sends(), details.configured().is_some()));
        });
    }

    #[test]
    fn folding_any_events_of_an_integration_never_panics(
        events in any_events(include_str!("integration/ever.jsonl")),
    ) {
        fold_and_ask(events, |integration| ask_integration(now(), integration));
    }

    #[test]
    fn folding_any_events_of_a_delivery_never_panics(
        events in any_events(include_str!("delivery/tests/ever.jsonl")),
    ) {
        fold_and_ask(events, |delivery| ask_delivery(now(), delivery));
    }

    #[test]
    fn folding_any_events_of_an_endpoint_never_panics(events in any_events(include_str!("endpoint/ever.jsonl"))) {
        fold_and_ask(events, |endpoint| ask_endpoint(now(), endpoint));
    }

    #[test]
    fn folding_any_events_of_a_dispatch_never_panics(events in any_events(include_str!("dispatch/ever.jsonl"))) {
        fold_and_ask(events, |dispatch| ask_dispatch(now(), dispatch));
    }

    #[test]
    fn folding_any_events_of_a_notice_never_panics(events in any_events(include_str!("notice/ever.jsonl"))) {
        fold_and_ask(events, |notice: &Notice| {
            notice.decide(NoticeCommand::ErasePersonalData).ok();
        });
    }

    #[test]
    fn folding_any_events_of_an_operator_action_never_panics(events in any_events(include_str!("operator_action/ever.jsonl"))) {
        fold_and_ask(events, |action: &OperatorAction| {
            action.owner("");
        });
    }

    #[test]
    fn folding_any_events_of_a_publication_never_panics(
        events in any_events(include_str!("publication/ever.jsonl")),
    ) {
        fold_and_ask(events, |publication: &Publication| {
            publication.decide(PublicationCommand::ErasePersonalData).ok();
        });
    }

    #[test]
    fn folding_any_events_of_a_resource_never_panics(events in any_events(include_str!("resource/ever.jsonl"))) {
        fold_and_ask(events, |resource: &Resource| {
            resource.owner("");
        });
    }

    #[test]
    fn folding_any_events_of_a_store_never_panics(events in any_events(include_str!("store/ever.jsonl"))) {
        fold_and_ask(events, |store: &Store| {
            store.owner("");
            store.check_at();
        });
    }

    #[test]
    fn folding_any_checkpoints_never_panics(events in any_events(include_str!("checkpoint/ever.jsonl"))) {
        fold_and_ask(events, ask_checkpoints);
    }
}

/// Views and addresses have the names that strum derives, events those that serde does.
fn are_named_alike<E: IntoEnumIterator + Copy + Debug + Serialize + Into<&'static str>>() {
    for value in E::iter() {
        let name: &str = value.into();
        assert_eq!(serde_json::to_value(value).unwrap(), name, "{value:?}");
    }
}

#[test]
fn what_is_named_is_named_alike_everywhere() {
    are_named_alike::<AccessLost>();
    are_named_alike::<CheckCause>();
    are_named_alike::<CortexOperation>();
    are_named_alike::<DeliveryStatus>();
    are_named_alike::<DisableCause>();
    are_named_alike::<DispatchStatus>();
    are_named_alike::<EndpointStatus>();
    are_named_alike::<FailurePolicy>();
    are_named_alike::<Intent>();
    are_named_alike::<NoticeKind>();
    are_named_alike::<Provider>();
    are_named_alike::<Happened>();
    are_named_alike::<Purpose>();
    are_named_alike::<RedriveCause>();
    are_named_alike::<ReportOutcome>();
    are_named_alike::<ResolutionCode>();
    are_named_alike::<ResourceKind>();
    are_named_alike::<Role>();
    are_named_alike::<SkipCause>();
    are_named_alike::<WebhookOutcome>();
}
