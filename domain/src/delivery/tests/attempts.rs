//! Attempts: who may take a delivery, what blocks it, how each one ends.

use chrono::TimeDelta;

use super::fixtures::*;
use crate::delivery::schedule::{FAILURE_DELAYS, Jitter, PATIENCE};
use crate::delivery::{ApiKeyUse, DeliveryCommand, DeliveryEvent, DeliveryRefusal, Held, Intent, StartFacts, Started};
use crate::{Credits, ResolutionCode};

#[test]
fn a_worker_takes_a_queued_delivery_and_says_what_it_will_share() {
    given([received(Intent::Deliver)]).when(start_at(noon(), facts())).then_expect_events(vec![started(1)]);
}

#[test]
fn only_one_worker_can_hold_a_delivery() {
    let other =
        DeliveryCommand::Start { worker: "w2".to_owned(), now: after(59), lease_until: after(119), facts: facts() };
    given(running()).when(other).then_expect_error(DeliveryRefusal::Running);
}

#[test]
fn a_lease_that_ran_out_can_be_taken_over_and_its_holder_is_told() {
    let taken_over = DeliveryEvent::Started(Started {
        attempt: 2,
        worker: "w2".to_owned(),
        lease_until: after(120),
        plan: vec![preset("storm"), preset("rain")],
        unmapped: vec![],
    });
    let take =
        DeliveryCommand::Start { worker: "w2".to_owned(), now: after(60), lease_until: after(120), facts: facts() };
    given(running()).when(take).then_expect_events(vec![taken_over.clone()]);
    given(running_and([taken_over]))
        .when(DeliveryCommand::RecordShare { held: held(1), asset: preset("storm"), credits: Credits(10) })
        .then_expect_error(DeliveryRefusal::LeaseLost);
}

#[test]
fn a_delivery_that_keeps_killing_its_worker_is_given_up() {
    let mut events = vec![received(Intent::Deliver)];
    events.extend((1..=8).map(started));
    given(events)
        .when(start_at(after(60), facts()))
        .then_expect_events(vec![FailedPermanently { code: ResolutionCode::Unknown }]);
}

#[test]
fn a_scheduled_retry_starts_when_it_is_due_and_not_before() {
    let scheduled = running_and([RetryScheduled { code: ResolutionCode::NdspWaiting, due_at: after(300) }]);
    given(scheduled.clone()).when(start_at(after(299), facts())).then_expect_error(DeliveryRefusal::NotDue);
    let again = DeliveryEvent::Started(Started {
        attempt: 2,
        worker: "w1".to_owned(),
        lease_until: after(360),
        plan: vec![preset("storm"), preset("rain")],
        unmapped: vec![],
    });
    given(scheduled).when(start_at(after(300), facts())).then_expect_events(vec![again]);
}

#[test]
fn what_the_merchant_must_fix_is_found_before_anything_is_tried() {
    let mut nameless = webhook(Intent::Deliver);
    nameless.username = None;
    let mut keyed = webhook(Intent::Deliver);
    keyed.api_key = ApiKeyUse::Foreign;
    let cases = [
        (nameless, facts(), ResolutionCode::MissingUsername),
        (keyed, StartFacts { api_key_active: false, ..facts() }, ResolutionCode::InactiveApiKey),
        (webhook(Intent::Deliver), StartFacts { mappings: vec![], ..facts() }, ResolutionCode::NoItemMapping),
        (
            webhook(Intent::Deliver),
            StartFacts { credentials_saved: false, ..facts() },
            ResolutionCode::MissingCredentials,
        ),
    ];
    for (webhook, facts, code) in cases {
        given([told(webhook)]).when(start_at(noon(), facts)).then_expect_events(vec![ActionRequired { code }]);
    }
}

#[test]
fn an_unmapped_item_is_named_and_does_not_hold_up_the_others() {
    let only_rain = StartFacts { mappings: vec![mapping("RAIN")], ..facts() };
    let partly = DeliveryEvent::Started(Started {
        attempt: 1,
        worker: "w1".to_owned(),
        lease_until: after(60),
        plan: vec![preset("rain")],
        unmapped: vec![0],
    });
    given([received(Intent::Deliver)]).when(start_at(noon(), only_rain)).then_expect_events(vec![partly]);
}

#[test]
fn two_lines_of_one_asset_share_it_once() {
    let mut order = webhook(Intent::Deliver);
    order.items = vec![item("STORM"), item("STORM")];
    let delivery = fold([told(order)]);
    assert_eq!(delivery.order().unwrap().plan(&facts().mappings), (vec![preset("storm")], vec![]));
}

#[test]
fn progress_is_kept_so_that_a_retry_resumes() {
    let half = running_and([
        ItemShared { asset: preset("storm"), credits: Credits(10) },
        RetryScheduled { code: ResolutionCode::TemporaryFailure, due_at: after(1) },
        started(2),
    ]);
    let delivery = fold(half.clone());
    assert_eq!(delivery.order().unwrap().outstanding().collect::<Vec<_>>(), [&preset("rain")]);
    given(half)
        .when(DeliveryCommand::RecordShare { held: held(2), asset: preset("storm"), credits: Credits(10) })
        .then_expect_events(vec![]);
}

#[test]
fn a_delivery_is_complete_when_every_planned_asset_was_shared() {
    let one_left = running_and([ItemShared { asset: preset("storm"), credits: Credits(10) }]);
    let complete = DeliveryCommand::Complete { held: held(1) };
    given(one_left.clone()).when(complete.clone()).then_expect_error(DeliveryRefusal::ItemsOutstanding);
    let all: Vec<_> = one_left.into_iter().chain([ItemShared { asset: preset("rain"), credits: Credits(0) }]).collect();
    given(all.clone()).when(complete.clone()).then_expect_events(vec![Completed]);
    given(all.into_iter().chain([Completed]).collect::<Vec<_>>()).when(complete).then_expect_events(vec![]);
}

#[test]
fn an_asset_that_was_not_planned_is_not_recorded() {
    given(running())
        .when(DeliveryCommand::RecordShare { held: held(1), asset: preset("sun"), credits: Credits(10) })
        .then_expect_error(DeliveryRefusal::NotPlanned);
}

#[test]
fn following_is_recorded_once() {
    let follow = DeliveryCommand::RecordFollow { held: held(1), credits: Credits(3) };
    let followed = DeliveryEvent::Followed { credits: Credits(3) };
    given(running()).when(follow.clone()).then_expect_events(vec![followed.clone()]);
    given(running_and([followed])).when(follow).then_expect_events(vec![]);
}

#[test]
fn waiting_for_the_customer_uses_up_no_attempt_for_failures() {
    let mut events = running();
    for n in 0..20 {
        events.push(RetryScheduled { code: ResolutionCode::NdspWaiting, due_at: after(60 * n) });
        events.push(started(u32::try_from(n).unwrap() + 2));
    }
    let failed = DeliveryCommand::Fail { held: held(21), now: after(2_000), jitter: Jitter::NONE };
    given(events).when(failed).then_expect_events(vec![RetryScheduled {
        code: ResolutionCode::TemporaryFailure,
        due_at: after(2_000) + FAILURE_DELAYS[0],
    }]);
}

#[test]
fn a_customer_who_never_follows_back_is_given_up_after_thirty_days() {
    let wait_at = |now| DeliveryCommand::Wait { held: held(2), now, jitter: Jitter::NONE };
    let due_at = after(60);
    let waited = running_and([RetryScheduled { code: ResolutionCode::NdspWaiting, due_at }, started(2)]);
    given(waited.clone()).when(wait_at(after(60))).then_expect_events(vec![RetryScheduled {
        code: ResolutionCode::NdspWaiting,
        due_at: after(60) + TimeDelta::minutes(5),
    }]);
    given(waited)
        .when(wait_at(due_at + PATIENCE))
        .then_expect_events(vec![FailedPermanently { code: ResolutionCode::NdspWaiting }]);
}

#[test]
fn failures_in_a_row_are_given_up_after_the_last_delay() {
    let mut events = running();
    for attempt in 2..=8 {
        events.push(RetryScheduled { code: ResolutionCode::TemporaryFailure, due_at: noon() });
        events.push(started(attempt));
    }
    given(events)
        .when(DeliveryCommand::Fail { held: held(8), now: noon(), jitter: Jitter::NONE })
        .then_expect_events(vec![FailedPermanently { code: ResolutionCode::TemporaryFailure }]);
}

#[test]
fn what_no_rule_covers_is_given_up() {
    let code = ResolutionCode::Unknown;
    given(running())
        .when(DeliveryCommand::GiveUp { held: held(1), code })
        .then_expect_events(vec![FailedPermanently { code }]);
    given(running())
        .when(DeliveryCommand::GiveUp { held: held(2), code })
        .then_expect_error(DeliveryRefusal::LeaseLost);
}

#[test]
fn a_worker_that_stops_hands_the_delivery_back() {
    given(running()).when(DeliveryCommand::HandBack { held: held(1) }).then_expect_events(vec![HandedBack]);
    let stranger = Held { worker: "w2".to_owned(), attempt: 1 };
    given(running()).when(DeliveryCommand::HandBack { held: stranger }).then_expect_error(DeliveryRefusal::LeaseLost);
}

#[test]
fn a_lease_is_only_ever_made_longer() {
    let renew = |lease_until| DeliveryCommand::RenewLease { held: held(1), lease_until };
    given(running())
        .when(renew(after(90)))
        .then_expect_events(vec![DeliveryEvent::LeaseRenewed { lease_until: after(90) }]);
    given(running()).when(renew(after(60))).then_expect_events(vec![]);
}
