//! Attempts: who may take a delivery, what blocks it, how each one ends.

use chrono::TimeDelta;
use uuid::Uuid;

use super::fixtures::*;
use crate::credits::PaidAction;
use crate::delivery::schedule::{FAILURE_DELAYS, Jitter, WAITS_AT_MOST, next_wait};
use crate::delivery::{
    ApiKeyUse, Change, CortexCall, CortexOperation, DeliveryCommand, DeliveryEvent, DeliveryRefusal, Held, Intent,
    PlannedAsset, StartFacts, Started, WebhookOutcome,
};
use crate::ledger::LedgerCommand;
use crate::{Credits, DeliveryId, MappingId, ResolutionCode};

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
fn a_lease_that_ran_out_can_be_taken_over_and_its_holder_is_first() {
    let taken_over = DeliveryEvent::Started(Started {
        attempt: 2,
        worker: "w2".to_owned(),
        started_at: after(60),
        lease_until: after(120),
        username: "max".into(),
        plan: plan_of(&["STORM", "RAIN"]),
        decided_on: DECIDED_ON,
    });
    let take =
        DeliveryCommand::Start { worker: "w2".to_owned(), now: after(60), lease_until: after(120), facts: facts() };
    given(running()).when(take).then_expect_events(vec![taken_over.clone()]);
    given(running_and([taken_over])).when(share(1, "storm")).then_expect_error(DeliveryRefusal::LeaseLost);
}

#[test]
fn a_delivery_that_keeps_killing_its_worker_is_given_up() {
    let mut events = vec![received(Intent::Deliver)];
    events.extend((1..=8).map(started));
    given(events).when(start_at(after(60), facts())).then_expect_events(vec![failed(ResolutionCode::Unknown)]);
}

#[test]
fn a_scheduled_retry_starts_when_it_is_due_and_not_before() {
    let scheduled = running_and([retry_scheduled(ResolutionCode::NdspWaiting, after(300))]);
    given(scheduled.clone()).when(start_at(after(299), facts())).then_expect_error(DeliveryRefusal::NotDue);
    let again = started_with(2, after(360), plan_of(&["STORM", "RAIN"]));
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
            StartFacts { integration_active: false, ..facts() },
            ResolutionCode::IntegrationInactive,
        ),
        (
            webhook(Intent::Deliver),
            StartFacts { credentials_saved: false, ..facts() },
            ResolutionCode::MissingCredentials,
        ),
    ];
    for (webhook, facts, code) in cases {
        let decided_on = Some(DECIDED_ON);
        let required = DeliveryEvent::ActionRequired { code, call: None, assets: vec![], decided_on };
        given([first(webhook)]).when(start_at(noon(), facts)).then_expect_events(vec![required]);
    }
}

#[test]
fn an_unmapped_item_is_named_and_does_not_hold_up_the_others() {
    let only_rain = StartFacts { mappings: vec![mapping("RAIN")], ..facts() };
    let mut plan = plan_of(&["STORM", "RAIN"]);
    plan[0].assets.clear();
    let partly = started_with(1, after(60), plan);
    given([received(Intent::Deliver)]).when(start_at(noon(), only_rain)).then_expect_events(vec![partly]);
}

#[test]
fn two_lines_of_one_asset_share_it_once() {
    let mut order = webhook(Intent::Deliver);
    order.items = vec![item("STORM"), item("STORM")];
    let twice = started_with(1, after(60), plan_of(&["STORM", "STORM"]));
    given([first(order)]).when(start_at(noon(), facts())).then_expect_events(vec![twice.clone()]);
    let DeliveryEvent::Started(started) = twice else { unreachable!("it is a start") };
    assert_eq!(started.assets(), [&preset("storm")]);
}

#[test]
fn progress_is_kept_so_that_a_retry_resumes() {
    let half =
        running_and([shared("storm", 10), retry_scheduled(ResolutionCode::TemporaryFailure, after(1)), started(2)]);
    let delivery = fold(half.clone());
    assert_eq!(delivery.order().unwrap().outstanding().collect::<Vec<_>>(), [&preset("rain")]);
    given(half).when(share(2, "storm")).then_expect_events(vec![]);
}

#[test]
fn a_delivery_is_complete_when_every_planned_asset_was_shared() {
    let one_left = running_and([shared("storm", 10)]);
    let complete = DeliveryCommand::Complete { held: held(1) };
    given(one_left.clone()).when(complete.clone()).then_expect_error(DeliveryRefusal::ItemsOutstanding);
    let all: Vec<_> = one_left.into_iter().chain([shared("rain", 0)]).collect();
    given(all.clone()).when(complete.clone()).then_expect_events(vec![Completed {}]);
    given(all.into_iter().chain([Completed {}]).collect::<Vec<_>>()).when(complete).then_expect_events(vec![]);
}

#[test]
fn an_asset_that_was_not_planned_is_not_recorded() {
    given(running()).when(share(1, "sun")).then_expect_error(DeliveryRefusal::NotPlanned);
}

#[test]
fn following_is_recorded_once() {
    let follow = DeliveryCommand::RecordFollow { held: held(1), credits: Credits(3), call: None };
    let followed = DeliveryEvent::Followed { username: "max".into(), credits: Credits(3), call: None };
    given(running()).when(follow.clone()).then_expect_events(vec![followed.clone()]);
    given(running_and([followed])).when(follow).then_expect_events(vec![]);
}

#[test]
fn waiting_for_the_customer_uses_up_no_attempt_for_failures() {
    let mut events = running();
    for n in 0..20 {
        events.push(retry_scheduled(ResolutionCode::NdspWaiting, after(60 * n)));
        events.push(started(u32::try_from(n).unwrap() + 2));
    }
    let failed = DeliveryCommand::Fail { held: held(21), now: after(2_000), jitter: Jitter::NONE, call: None };
    given(events)
        .when(failed)
        .then_expect_events(vec![retry_scheduled(ResolutionCode::TemporaryFailure, after(2_000) + FAILURE_DELAYS[0])]);
}

#[test]
fn a_customer_who_never_follows_back_is_given_up_after_thirty_days() {
    let wait_at = |now| DeliveryCommand::Wait { held: held(2), now, jitter: Jitter::NONE, call: None };
    let due_at = after(60);
    let waited = running_and([retry_scheduled(ResolutionCode::NdspWaiting, due_at), started(2)]);
    given(waited.clone())
        .when(wait_at(after(60)))
        .then_expect_events(vec![retry_scheduled(ResolutionCode::NdspWaiting, after(60) + TimeDelta::minutes(5))]);
    // No customer is given up for a clock that shows another year for a moment.
    let ahead = noon() + TimeDelta::days(400);
    let next = retry_scheduled(ResolutionCode::NdspWaiting, ahead + TimeDelta::minutes(5));
    given(waited).when(wait_at(ahead)).then_expect_events(vec![next]);
    // It is given up after the looks of thirty days.
    let (mut events, mut now, mut looks) = (running(), noon(), 0);
    while let Some(due_at) = next_wait(looks, now, Jitter::NONE) {
        looks += 1;
        events.extend([retry_scheduled(ResolutionCode::NdspWaiting, due_at), started(looks + 1)]);
        now = due_at;
    }
    assert!((WAITS_AT_MOST..WAITS_AT_MOST + TimeDelta::days(1)).contains(&(now - noon())), "{}", now - noon());
    let last = DeliveryCommand::Wait { held: held(looks + 1), now, jitter: Jitter::NONE, call: None };
    given(events).when(last).then_expect_events(vec![failed(ResolutionCode::NdspWaiting)]);
}

#[test]
fn failures_in_a_row_are_given_up_after_the_last_delay() {
    let mut events = running();
    for attempt in 2..=8 {
        events.push(retry_scheduled(ResolutionCode::TemporaryFailure, noon()));
        events.push(started(attempt));
    }
    given(events)
        .when(DeliveryCommand::Fail { held: held(8), now: noon(), jitter: Jitter::NONE, call: None })
        .then_expect_events(vec![failed(ResolutionCode::TemporaryFailure)]);
}

#[test]
fn what_no_rule_covers_is_given_up_after_a_few_tries() {
    let code = ResolutionCode::Unknown;
    let call = Some(call(CortexOperation::Share, 418, "answered 418"));
    let give_up = |attempt: u32, call: &Option<CortexCall>| DeliveryCommand::GiveUp {
        held: held(attempt),
        code,
        now: noon(),
        jitter: Jitter::NONE,
        call: call.clone(),
    };
    let mut events = running();
    for attempt in 1..=5 {
        let due_at = noon() + FAILURE_DELAYS[attempt as usize - 1];
        let again =
            DeliveryEvent::RetryScheduled { code: ResolutionCode::TemporaryFailure, due_at, call: call.clone() };
        given(events.clone()).when(give_up(attempt, &call)).then_expect_events(vec![again.clone()]);
        events.extend([again, started(attempt + 1)]);
    }
    given(events.clone())
        .when(give_up(6, &call))
        .then_expect_events(vec![DeliveryEvent::FailedPermanently { code, call }]);
    given(events).when(give_up(5, &None)).then_expect_error(DeliveryRefusal::LeaseLost);
}

#[test]
fn a_worker_that_stops_hands_the_delivery_back() {
    given(running()).when(DeliveryCommand::HandBack { held: held(1) }).then_expect_events(vec![HandedBack {}]);
    let stranger = Held { worker: "w2".to_owned(), attempt: 1 };
    given(running()).when(DeliveryCommand::HandBack { held: stranger }).then_expect_error(DeliveryRefusal::LeaseLost);
}

#[test]
fn a_lease_ends_when_its_holder_says() {
    let renew = |lease_until| DeliveryCommand::RenewLease { held: held(1), lease_until };
    given(running())
        .when(renew(after(90)))
        .then_expect_events(vec![DeliveryEvent::LeaseRenewed { lease_until: after(90) }]);
    given(running()).when(renew(after(60))).then_expect_events(vec![]);
    // Its clock was set back.
    let earlier = DeliveryEvent::LeaseRenewed { lease_until: after(30) };
    given(running()).when(renew(after(30))).then_expect_events(vec![earlier]);
}

#[test]
fn what_was_shared_for_a_line_is_not_planned_again_by_other_mappings() {
    let done = running_and([shared("storm", 10), shared("rain", 10), Completed {}, retry_requested()]);
    let mut elsewhere = mapping("STORM");
    elsewhere.asset = preset("thunder");
    let facts = StartFacts { mappings: vec![elsewhere, mapping("RAIN")], ..facts() };
    given(done).when(start_at(noon(), facts)).then_expect_events(vec![started_with(
        2,
        after(60),
        plan_of(&["STORM", "RAIN"]),
    )]);
}

#[test]
fn a_new_mapping_is_delivered_to_what_was_completed_without_anything_for_it() {
    let mut partly = plan_of(&["STORM", "RAIN"]);
    partly[1].assets.clear();
    let done = || {
        vec![received(Intent::Deliver), started_with(1, after(60), partly.clone()), shared("storm", 10), Completed {}]
    };
    let ask = |sku: &str| DeliveryCommand::DeliverMappings { mappings: vec![mapping(sku)] };
    let asked = DeliveryEvent::RetryRequested { mapping_ids: vec![mapping("RAIN").id] };
    given(done()).when(ask("RAIN")).then_expect_events(vec![asked.clone()]);
    let again: Vec<_> = done().into_iter().chain([asked]).collect();
    given(again).when(start_at(noon(), facts())).then_expect_events(vec![started_with(
        2,
        after(60),
        plan_of(&["STORM", "RAIN"]),
    )]);

    // What was shared is not shared again, and what the store took back gets nothing.
    given(done()).when(ask("STORM")).then_expect_events(vec![]);
    given(done()).when(ask("SUN")).then_expect_events(vec![]);
    let later = |webhook, outcome| done().into_iter().chain([did(webhook, outcome)]).collect::<Vec<_>>();
    given(later(webhook(Intent::Cancel), WebhookOutcome::TooLate)).when(ask("RAIN")).then_expect_events(vec![]);
    given(later(webhook(Intent::Filtered), WebhookOutcome::Revised)).when(ask("RAIN")).then_expect_events(vec![]);
    for other in [running(), vec![received(Intent::Cancel)]] {
        given(other).when(ask("RAIN")).then_expect_events(vec![]);
    }
}

#[test]
fn a_second_asset_for_a_product_is_delivered_to_past_orders_beside_the_first() {
    let mut thunder = mapping("STORM");
    thunder.id = MappingId(Uuid::from_u128(7));
    thunder.asset = preset("thunder");
    let done = || running_and([shared("storm", 10), shared("rain", 10), Completed {}]);
    let ask = || DeliveryCommand::DeliverMappings { mappings: vec![thunder.clone()] };
    let asked = DeliveryEvent::RetryRequested { mapping_ids: vec![thunder.id] };
    given(done()).when(ask()).then_expect_events(vec![asked.clone()]);

    // What the line got by a mapping that is gone stays its own, and the next attempt shares what is new.
    let facts = StartFacts { mappings: vec![mapping("RAIN"), thunder.clone()], ..facts() };
    let mut plan = plan_of(&["STORM", "RAIN"]);
    plan[0].assets.push(PlannedAsset::by(&thunder));
    let again = || done().into_iter().chain([asked.clone()]);
    given(again().collect::<Vec<_>>()).when(start_at(noon(), facts.clone())).then_expect_events(vec![started_with(
        2,
        after(60),
        plan.clone(),
    )]);
    let shared_too = again().chain([started_with(2, after(60), plan), shared("thunder", 10), Completed {}]);
    let shared_too: Vec<_> = shared_too.collect();
    given(shared_too).when(ask()).then_expect_events(vec![]);
    given(done()).and(vec![asked]).when(ask()).then_expect_events(vec![]);
}

#[test]
fn following_another_customer_is_recorded_and_paid_once() {
    let first = DeliveryEvent::Followed { username: "max".into(), credits: Credits(3), call: None };
    let other = Started {
        attempt: 2,
        worker: "w1".to_owned(),
        started_at: noon(),
        lease_until: after(60),
        username: "maxine".into(),
        plan: plan_of(&["STORM", "RAIN"]),
        decided_on: DECIDED_ON,
    };
    let events = running_and([first, HandedBack {}, DeliveryEvent::Started(other)]);
    let follow = DeliveryCommand::RecordFollow { held: held(2), credits: Credits(3), call: None };
    let followed = DeliveryEvent::Followed { username: "maxine".into(), credits: Credits(0), call: None };
    given(events.clone()).when(follow.clone()).then_expect_events(vec![followed.clone()]);
    given(events.into_iter().chain([followed]).collect::<Vec<_>>()).when(follow).then_expect_events(vec![]);
}

#[test]
fn what_an_attempt_is_about_to_do_is_recorded_before_it_is_done() {
    let step = || PaidAction::Share { asset: preset("storm") };
    given(running()).when(begin_step(1, step())).then_expect_events(vec![step_started(step())]);
    let begun = running_and([step_started(step())]);
    given(begun.clone()).when(begin_step(1, step())).then_expect_events(vec![]);
    // A later attempt records it again: what it does is its own.
    let later: Vec<_> = begun.iter().cloned().chain([started_at(2, 120)]).collect();
    given(later).when(begin_step(2, step())).then_expect_events(vec![step_started(step())]);
    given(begun).when(begin_step(2, step())).then_expect_error(DeliveryRefusal::LeaseLost);
    given(running())
        .when(begin_step(1, PaidAction::Share { asset: preset("sun") }))
        .then_expect_error(DeliveryRefusal::NotPlanned);
    let done = running_and([shared("storm", 10)]);
    given(done).when(begin_step(1, step())).then_expect_error(DeliveryRefusal::NotPlanned);
}

#[test]
fn an_attempt_that_is_to_stop_begins_nothing() {
    let step = begin_step(1, PaidAction::Follow);
    given(running_and([CancellationRequested {}])).when(step.clone()).then_expect_events(vec![Cancelled {}]);
    let revised = running_and([revised(changed(5, Intent::Deliver), vec![Change::UsernameChanged])]);
    given(revised).when(step).then_expect_events(vec![HandedBack {}]);
}

#[test]
fn a_step_without_a_result_is_remembered_until_it_is_known_not_to_be_done() {
    let share = PaidAction::Share { asset: preset("storm") };
    let has_begun = |more: &[DeliveryEvent]| {
        let events = running_and([step_started(PaidAction::Share { asset: preset("storm") })]).into_iter();
        fold(events.chain(more.iter().cloned()))
            .order()
            .unwrap()
            .has_begun(&PaidAction::Share { asset: preset("storm") })
    };
    let failed = retry_scheduled(ResolutionCode::TemporaryFailure, after(60));
    assert!(has_begun(&[]) && has_begun(&[started_at(2, 120)]) && has_begun(std::slice::from_ref(&failed)));
    // What ended the second attempt says nothing of the first one's step.
    let waits = || retry_scheduled(ResolutionCode::NdspWaiting, after(60));
    assert!(has_begun(&[failed, started_at(2, 120), waits()]));
    assert!(!has_begun(&[waits()]), "refused: they do not follow each other");
    assert!(!has_begun(&[action_required(ResolutionCode::AssetNotFound)]), "refused: there is no such asset");
    assert!(!has_begun(&[shared("storm", 10)]));
    assert!(!fold(running()).order().unwrap().has_begun(&share));
}

#[test]
fn the_last_share_completes_the_delivery() {
    let one_left = running_and([shared("storm", 10)]);
    let rain =
        DeliveryEvent::AssetShared { asset: preset("rain"), username: "max".into(), credits: Credits(10), call: None };
    given(running()).when(share(1, "storm")).then_expect_events(vec![shared("storm", 10)]);
    given(one_left.clone()).when(share(1, "rain")).then_expect_events(vec![rain.clone(), Completed {}]);
    let meanwhile = [one_left, vec![revised(changed(5, Intent::Deliver), vec![Change::UsernameChanged])]].concat();
    given(meanwhile).when(share(1, "rain")).then_expect_events(vec![rain, HandedBack {}]);
}

#[test]
fn an_attempt_reserves_what_it_may_cost_and_settles_what_it_spent() {
    let id = DeliveryId(Uuid::from_u128(1));
    let settlement = |before: &[DeliveryEvent], added: &[DeliveryEvent]| {
        let after = fold(before.iter().chain(added).cloned());
        after.settlement(id, &fold(before.iter().cloned())).map(|(_, command)| command)
    };
    let reserve = |attempt, credits, earlier| LedgerCommand::Reserve {
        delivery_id: id,
        attempt,
        credits: Credits(credits),
        earlier: Credits(earlier),
    };
    let settle = |charged| LedgerCommand::Settle { delivery_id: id, attempt: 1, charged: Credits(charged) };
    let followed = DeliveryEvent::Followed { username: "max".into(), credits: Credits(3), call: None };
    let waiting = [received(Intent::Deliver)];
    assert_eq!(settlement(&waiting, &[started(1)]), Some(reserve(1, 23, 0)), "to follow, and to share two assets");
    assert_eq!(settlement(&running(), std::slice::from_ref(&followed)), None, "goes on");
    let followed = running_and([followed]);
    assert_eq!(settlement(&followed, &[started_at(2, 120)]), Some(reserve(2, 20, 3)), "taken over");
    let one_left = [followed, vec![shared("storm", 10)]].concat();
    assert_eq!(settlement(&one_left, &[shared("rain", 10), Completed {}]), Some(settle(23)));
    assert_eq!(settlement(&one_left, &[failed(ResolutionCode::Unknown)]), Some(settle(13)));
    assert_eq!(settlement(&waiting, &[action_required(ResolutionCode::NoItemMapping)]), None, "nothing was reserved");
}
