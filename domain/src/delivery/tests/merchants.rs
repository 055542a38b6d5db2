//! What people do with a delivery: retry, correct, cancel, and fix the cause.

use super::fixtures::*;
use crate::delivery::{
    DeliveryCommand, DeliveryEvent, DeliveryRefusal, DeliveryStatus, ErasureCause, Intent, RequeueCause, Webhook,
    WebhookOutcome,
};
use crate::{Private, ResolutionCode};

fn retry(username: Option<&str>) -> DeliveryCommand {
    DeliveryCommand::Retry { username: username.map(str::to_owned) }
}

#[test]
fn whatever_is_not_running_or_done_can_be_retried() {
    let states = [
        vec![received(Intent::Filtered)],
        waiting_for(ResolutionCode::NoItemMapping),
        running_and([retry_scheduled(ResolutionCode::NdspWaiting, after(60))]),
        running_and([failed(ResolutionCode::TemporaryFailure)]),
        vec![received(Intent::Cancel)],
    ];
    for state in states {
        given(state.clone()).when(retry(None)).then_expect_events(vec![retry_requested()]);
        let retried = fold(state.into_iter().chain([retry_requested()]));
        assert_eq!(retried.status(), Some(DeliveryStatus::Queued));
    }
    given([received(Intent::Deliver)]).when(retry(None)).then_expect_events(vec![]);
    given(running()).when(retry(None)).then_expect_error(DeliveryRefusal::Running);
    given(running_and([Completed {}])).when(retry(None)).then_expect_error(DeliveryRefusal::AlreadyCompleted);
}

#[test]
fn a_retry_that_cannot_help_is_refused() {
    let with_status = |status: &str| Webhook { order_status: Some(status.to_owned()), ..webhook(Intent::Filtered) };
    let never = DeliveryRefusal::NeverDelivered { status: "voided".to_owned() };
    given([first(with_status("voided"))]).when(retry(None)).then_expect_error(never.clone());
    given([first(with_status("voided"))]).when(retry(Some("maxine"))).then_expect_error(never);
    given([first(with_status("pending"))]).when(retry(None)).then_expect_events(vec![retry_requested()]);
    let mut emptied = webhook(Intent::Cancel);
    emptied.items.iter_mut().for_each(|item| item.quantity = 0);
    given([first(emptied)]).when(retry(None)).then_expect_error(DeliveryRefusal::NothingBought);
    let nameless = Webhook { username: None, ..webhook(Intent::Deliver) };
    let waiting = [first(nameless), action_required(ResolutionCode::MissingUsername)];
    given(waiting.clone()).when(retry(None)).then_expect_error(DeliveryRefusal::UsernameNeeded);
    given(waiting)
        .when(retry(Some("maxine")))
        .then_expect_events(vec![DeliveryEvent::UsernameCorrected { username: "maxine".into() }, retry_requested()]);
}

#[test]
fn a_retry_can_bring_the_right_username() {
    given(waiting_for(ResolutionCode::InvalidUsername))
        .when(retry(Some(" maxine ")))
        .then_expect_events(vec![DeliveryEvent::UsernameCorrected { username: "maxine".into() }, retry_requested()]);
    given(waiting_for(ResolutionCode::InvalidUsername))
        .when(retry(Some("max")))
        .then_expect_events(vec![retry_requested()]);
    given(waiting_for(ResolutionCode::InvalidUsername))
        .when(retry(Some("  ")))
        .then_expect_error(DeliveryRefusal::InvalidUsername);
}

#[test]
fn an_order_that_was_delivered_in_part_can_be_retried_for_the_rest() {
    let mut plan = plan_of(&["STORM", "RAIN"]);
    plan[1].assets.clear();
    let events = [received(Intent::Deliver), started_with(1, after(60), plan), shared("storm", 10), Completed {}];
    given(events).when(retry(None)).then_expect_events(vec![retry_requested()]);
}

#[test]
fn a_replay_leaves_alone_what_is_under_way_done_cancelled_or_erased() {
    let replay = || DeliveryCommand::Replay { username: None };
    for state in [
        vec![received(Intent::Filtered)],
        waiting_for(ResolutionCode::NoItemMapping),
        running_and([retry_scheduled(ResolutionCode::NdspWaiting, after(60))]),
        running_and([failed(ResolutionCode::TemporaryFailure)]),
    ] {
        given(state.clone()).when(replay()).then_expect_events(vec![retry_requested()]);
        given(state.into_iter().chain([retry_requested()]).collect::<Vec<_>>())
            .when(replay())
            .then_expect_events(vec![]);
    }
    let erased = DeliveryEvent::PersonalDataErased { cause: ErasureCause::Operator };
    for state in [
        vec![received(Intent::Deliver)],
        running(),
        running_and([Completed {}]),
        vec![received(Intent::Cancel)],
        vec![received(Intent::Filtered), erased],
    ] {
        given(state).when(replay()).then_expect_events(vec![]);
    }
    given([received(Intent::Filtered)])
        .when(DeliveryCommand::Replay { username: Some("maxine".to_owned()) })
        .then_expect_events(vec![DeliveryEvent::UsernameCorrected { username: "maxine".into() }, retry_requested()]);
}

#[test]
fn fixing_a_cause_moves_exactly_what_waited_for_it() {
    let cause = ResolutionCode::MissingCredentials;
    let release = DeliveryCommand::Release { cause };
    given(waiting_for(cause))
        .when(release.clone())
        .then_expect_events(vec![DeliveryEvent::Requeued { cause: RequeueCause::Fixed { code: cause } }]);
    given(waiting_for(ResolutionCode::NoItemMapping)).when(release.clone()).then_expect_events(vec![]);
    given(running()).when(release).then_expect_events(vec![]);
}

#[test]
fn what_is_not_done_can_be_cancelled_once() {
    let cancel = DeliveryCommand::Cancel;
    given([received(Intent::Deliver)]).when(cancel.clone()).then_expect_events(vec![Cancelled {}]);
    given([received(Intent::Deliver), Cancelled {}]).when(cancel.clone()).then_expect_events(vec![]);
    given(running_and([Completed {}])).when(cancel).then_expect_error(DeliveryRefusal::AlreadyCompleted);
}

#[test]
fn a_running_delivery_is_cancelled_after_the_step_it_is_in() {
    given(running()).when(DeliveryCommand::Cancel).then_expect_events(vec![CancellationRequested {}]);
    let asked = running_and([CancellationRequested {}]);
    given(asked.clone()).when(DeliveryCommand::Cancel).then_expect_events(vec![]);
    given(asked.clone()).when(share(1, "storm")).then_expect_events(vec![shared("storm", 10), Cancelled {}]);
    given(asked.clone()).when(DeliveryCommand::HandBack { held: held(1) }).then_expect_events(vec![Cancelled {}]);
    given(asked.clone()).when(start_at(after(60), facts())).then_expect_events(vec![Cancelled {}]);
    let last: Vec<_> = asked.into_iter().chain([shared("rain", 10)]).collect();
    given(last).when(share(1, "storm")).then_expect_events(vec![shared("storm", 10), Completed {}]);
}

#[test]
fn every_command_is_refused_before_the_first_webhook() {
    for command in [retry(None), DeliveryCommand::Cancel, start_at(noon(), facts())] {
        given([]).when(command).then_expect_error(DeliveryRefusal::UnknownDelivery);
    }
}

#[test]
fn erasing_the_person_ends_what_is_under_way_and_leaves_what_is_over() {
    let erase = DeliveryCommand::ErasePersonalData { cause: ErasureCause::Operator };
    let erased = DeliveryEvent::PersonalDataErased { cause: ErasureCause::Operator };
    given([received(Intent::Deliver)]).when(erase.clone()).then_expect_events(vec![Cancelled {}, erased.clone()]);
    given(running()).when(erase.clone()).then_expect_events(vec![CancellationRequested {}, erased.clone()]);
    given(running_and([Completed {}])).when(erase.clone()).then_expect_events(vec![erased.clone()]);
    given([received(Intent::Filtered)]).when(erase.clone()).then_expect_events(vec![erased.clone()]);
    given(running_and([Completed {}, erased.clone()])).when(erase.clone()).then_expect_events(vec![]);
    let again = [received(Intent::Filtered), erased.clone(), received(Intent::Filtered)];
    given(again).when(erase).then_expect_events(vec![erased]);
}

#[test]
fn who_was_erased_is_not_taken_in_again_by_a_webhook_that_delivers_nothing() {
    let erased = DeliveryEvent::PersonalDataErased { cause: ErasureCause::Operator };
    let mut forgotten = webhook(Intent::Deliver);
    forgotten.forget_person();
    assert!(forgotten.email == Some(Private::Erased) && forgotten.username == Some(Private::Erased));
    let over = running_and([Completed {}, erased.clone()]);
    given(over.clone())
        .when(record(webhook(Intent::Deliver)))
        .then_expect_events(vec![did(forgotten.clone(), WebhookOutcome::Duplicate)]);
    let said_again = over.into_iter().chain([did(forgotten, WebhookOutcome::Duplicate)]);
    let erase = DeliveryCommand::ErasePersonalData { cause: ErasureCause::Operator };
    given(said_again.collect::<Vec<_>>()).when(erase).then_expect_events(vec![]);
    // One that delivers has to say to whom.
    let wanted = webhook(Intent::Deliver);
    given([received(Intent::Filtered), erased])
        .when(record(wanted.clone()))
        .then_expect_events(vec![did(wanted, WebhookOutcome::Accepted)]);
}

#[test]
fn time_alone_erases_only_what_is_over() {
    let erase = DeliveryCommand::ErasePersonalData { cause: ErasureCause::Retention };
    let erased = DeliveryEvent::PersonalDataErased { cause: ErasureCause::Retention };
    let waiting = action_required(ResolutionCode::NoItemMapping);
    given([received(Intent::Deliver)]).when(erase.clone()).then_expect_events(vec![]);
    given(running()).when(erase.clone()).then_expect_events(vec![]);
    given(running_and([waiting])).when(erase.clone()).then_expect_events(vec![]);
    given(running_and([Completed {}])).when(erase.clone()).then_expect_events(vec![erased.clone()]);
    given([received(Intent::Filtered)]).when(erase.clone()).then_expect_events(vec![erased.clone()]);
    given([received(Intent::Deliver), Cancelled {}]).when(erase.clone()).then_expect_events(vec![erased.clone()]);
    given([received(Intent::Deliver), Cancelled {}, erased]).when(erase).then_expect_events(vec![]);
}
