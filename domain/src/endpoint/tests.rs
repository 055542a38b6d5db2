//! The rules of an endpoint, as given, when, then.

mod fixtures;
mod health;
mod secrets;
mod settings;
mod stored;

use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use self::fixtures::*;
use super::{
    CreateEndpoint, DisableCause, Endpoint, EndpointChange, EndpointCommand, EndpointEvent, EndpointRefusal,
    EndpointStatus,
};
use crate::event::EventSourced as _;
use crate::laws::repeating_adds_nothing;
use crate::{AccountId, Private};

#[test]
fn an_endpoint_is_created_once() {
    given_nothing().when(create()).then_expect_events(vec![created()]);
    given([]).when(create()).then_expect_events(vec![]);
    let other = |change: fn(&mut CreateEndpoint)| {
        let EndpointCommand::Create(mut create) = create() else { panic!("it is a creation") };
        change(&mut create);
        EndpointCommand::Create(create)
    };
    for different in [
        other(|create| create.account_id = AccountId(Uuid::from_u128(9))),
        other(|create| create.secret = NEW_SECRET.into()),
        other(|create| create.settings.url = "https://other.example".to_owned()),
    ] {
        given([]).when(different).then_expect_error(EndpointRefusal::AlreadyExists);
    }
    let without_secret = other(|create| create.secret = Private::Erased);
    given_nothing().when(without_secret).then_expect_error(EndpointRefusal::InvalidSecret);
    given_nothing().when(EndpointCommand::Pause).then_expect_error(EndpointRefusal::NotFound);
}

#[test]
fn a_person_pauses_and_resumes_an_endpoint() {
    let paused = EndpointEvent::EndpointPaused {};
    let resumed = EndpointEvent::EndpointResumed {};
    given([]).when(EndpointCommand::Resume).then_expect_events(vec![resumed.clone()]);
    given([]).when(EndpointCommand::Pause).then_expect_events(vec![paused.clone()]);
    given([paused.clone()]).when(EndpointCommand::Pause).then_expect_events(vec![]);
    let EndpointCommand::Create(create) = create() else { panic!("it is a creation") };
    let at_first = EndpointCommand::Create(Box::new(CreateEndpoint { paused: true, ..*create }));
    given_nothing().when(at_first).then_expect_events(vec![created(), paused.clone()]);
    given([paused.clone()]).when(EndpointCommand::Resume).then_expect_events(vec![resumed.clone()]);
    assert_eq!(fold([paused.clone()]).status(), Some(EndpointStatus::Paused));
    assert_eq!(fold([paused, resumed]).status(), Some(EndpointStatus::Enabled));
}

#[test]
fn a_disabled_endpoint_is_resumed_by_a_person_and_starts_afresh() {
    let failing = failing(50, 4);
    given([disabled(DisableCause::Gone)]).when(EndpointCommand::Pause).then_expect_events(vec![]);
    given([failing.clone(), disabled(DisableCause::Gone)])
        .when(EndpointCommand::Resume)
        .then_expect_events(vec![EndpointEvent::EndpointResumed {}]);
    let endpoint = fold([failing, disabled(DisableCause::Gone), EndpointEvent::EndpointResumed {}]);
    assert_eq!(endpoint.status(), Some(EndpointStatus::Enabled));
    assert!(!endpoint.subscription().unwrap().is_failing());
}

#[test]
fn a_person_whose_receiver_is_mended_resumes_a_failing_endpoint_at_once() {
    let (resume, resumed) = (EndpointCommand::Resume, EndpointEvent::EndpointResumed {});
    let degraded = EndpointEvent::EndpointDegraded { since: noon(), failures: 7, reason: None };
    for history in [vec![failing(70, 5)], vec![failing(90, 6), degraded]] {
        given(history.clone()).when(resume.clone()).then_expect_events(vec![resumed.clone()]);
        let again = [history, vec![resumed.clone()]].concat();
        assert_eq!(fold(again.clone()).status(), Some(EndpointStatus::Enabled));
        // Something may have failed since, and not often enough to be a warning.
        given(again).when(resume.clone()).then_expect_events(vec![resumed.clone()]);
    }
}

#[test]
fn a_deleted_endpoint_stays_deleted() {
    let deleted = EndpointEvent::EndpointDeleted {};
    given([]).when(EndpointCommand::Delete).then_expect_events(vec![deleted.clone()]);
    given([disabled(DisableCause::Gone)]).when(EndpointCommand::Delete).then_expect_events(vec![deleted.clone()]);
    given_nothing().when(EndpointCommand::Delete).then_expect_error(EndpointRefusal::NotFound);
    for again in [EndpointCommand::Delete, fail(7), fail_with(410), EndpointCommand::RecordSuccess { failures: 4 }] {
        given([deleted.clone()]).when(again).then_expect_events(vec![]);
    }
    let changes = vec![EndpointChange::Ordered(false)];
    for change in [
        create(),
        EndpointCommand::Update { changes },
        EndpointCommand::Pause,
        EndpointCommand::Resume,
        rotate(NEW_SECRET, 24),
    ] {
        given([deleted.clone()]).when(change).then_expect_error(EndpointRefusal::Deleted);
    }
    let endpoint = fold([deleted, created()]);
    assert_eq!(endpoint.status(), Some(EndpointStatus::Deleted));
    assert_eq!(endpoint.owner("").account_id, Some(AccountId(Uuid::from_u128(1))));
}

/// Every command of an endpoint, with few values, so that they meet. All of them promise that the same again is no news: none
/// is left out.
fn any_command() -> impl Strategy<Value = EndpointCommand> {
    let secret = || select(vec![SECRET, NEW_SECRET, "whsec_third", "whsec_", "short"]);
    let change = select(vec![
        EndpointChange::Url(" https://other.example ".to_owned()),
        EndpointChange::Url("ftp://other.example".to_owned()),
        EndpointChange::Description(" The shop ".to_owned()),
        EndpointChange::EventTypes(patterns(&["faq.*", "faq.*", "*"])),
        EndpointChange::EventTypes(vec![]),
        EndpointChange::Integrations(vec![shop(2), shop(2)]),
        EndpointChange::Filter(Some(" ".to_owned())),
        EndpointChange::Filter(Some("$.total".to_owned())),
        EndpointChange::Headers(Private::Known(vec![("X-Team".to_owned(), "storm".to_owned())])),
        EndpointChange::Profile(cloud_elements()),
        EndpointChange::Profile(super::Profile::Standard),
        EndpointChange::Ordered(false),
        EndpointChange::RatePerSecond(Some(5)),
        EndpointChange::RatePerSecond(None),
        EndpointChange::Concurrency(1),
        EndpointChange::Concurrency(0),
    ]);
    prop_oneof![
        20 => secret().prop_map(|secret| {
            let EndpointCommand::Create(create) = create() else { panic!("it is a creation") };
            EndpointCommand::Create(Box::new(CreateEndpoint { secret: secret.into(), ..*create }))
        }),
        40 => prop::collection::vec(change, 0..4).prop_map(|changes| EndpointCommand::Update { changes }),
        10 => Just(EndpointCommand::Pause),
        20 => Just(EndpointCommand::Resume),
        30 => (secret(), 0..200_i64, 0..200_u32).prop_map(|(secret, hours, overlap)| rotate_after(hours, secret, overlap)),
        30 => (0..12_u32).prop_map(fail),
        10 => Just(fail_with(410)),
        20 => (0..12_u32).prop_map(|failures| EndpointCommand::RecordSuccess { failures }),
        1 => Just(EndpointCommand::Delete),
    ]
}

proptest! {
    #[test]
    fn repeating_a_command_adds_nothing(mut commands in prop::collection::vec(any_command(), 0..60)) {
        // Who resumes it again wants sent again what has failed since.
        commands.retain(|command| *command != EndpointCommand::Resume);
        repeating_adds_nothing(commands, Endpoint::decide)?;
    }
}
