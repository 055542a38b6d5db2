//! An order is what its store says now: what a later webhook changes, in every state of a delivery.

use super::fixtures::*;
use crate::delivery::{Change, DeliveryEvent, DeliveryStatus, Intent, StartFacts, Webhook, WebhookOutcome};
use crate::{LineItem, ResolutionCode};

fn with_items(seconds: i64, items: &[LineItem]) -> Webhook {
    Webhook { items: items.to_vec(), ..changed(seconds, Intent::Deliver) }
}

fn named(seconds: i64, username: &str) -> Webhook {
    Webhook { username: Some(username.into()), ..changed(seconds, Intent::Deliver) }
}

fn queued() -> Vec<DeliveryEvent> {
    vec![first(changed(0, Intent::Deliver))]
}

fn refunded(sku: &str) -> LineItem {
    LineItem { quantity: 0, ..item(sku) }
}

fn added(line: &str) -> Change {
    Change::LineAdded { line: line.to_owned(), quantity: 1 }
}

fn removed(line: &str) -> Change {
    Change::LineRemoved { line: line.to_owned() }
}

#[test]
fn only_what_is_still_bought_is_shared() {
    let partly_refunded = with_items(60, &[item("STORM"), refunded("RAIN")]);
    let waiting = || {
        let wait = retry_scheduled(ResolutionCode::NdspWaiting, after(60));
        queued().into_iter().chain([started(1), wait]).collect::<Vec<_>>()
    };
    let revision = revised(partly_refunded.clone(), vec![removed("RAIN")]);
    given(waiting()).when(record(partly_refunded)).then_expect_events(vec![revision.clone()]);
    given(waiting().into_iter().chain([revision]).collect::<Vec<_>>())
        .when(start_at(after(60), facts()))
        .then_expect_events(vec![started_with(2, after(120), plan_of(&["STORM"]))]);
}

#[test]
fn a_line_added_after_delivery_is_delivered_and_nothing_else_again() {
    let done = || running_and([shared("storm", 10), shared("rain", 10), Completed {}]);
    let more = with_items(60, &[item("STORM"), item("RAIN"), item("SUN")]);
    let revision = revised(more.clone(), vec![added("SUN")]);
    given(done()).when(record(more)).then_expect_events(vec![revision.clone(), requeued()]);
    let again = done().into_iter().chain([revision, requeued()]).collect::<Vec<_>>();
    let start = started_with(2, after(60), plan_of(&["STORM", "RAIN", "SUN"]));
    given(again.clone()).when(start_at(noon(), facts())).then_expect_events(vec![start.clone()]);
    let delivery = fold(again.into_iter().chain([start]));
    assert_eq!(delivery.order().unwrap().outstanding().collect::<Vec<_>>(), [&preset("sun")]);
}

#[test]
fn a_line_added_to_a_delivered_order_waits_until_the_order_is_paid() {
    let done = || running_and([shared("storm", 10), shared("rain", 10), Completed {}]);
    let all = [item("STORM"), item("RAIN"), item("SUN")];
    let unpaid =
        Webhook { intent: Intent::Filtered, order_status: Some("partially_paid".to_owned()), ..with_items(60, &all) };
    let status = |from: &str, to: &str| Change::StatusChanged { from: Some(from.to_owned()), to: Some(to.to_owned()) };
    let revision = revised(unpaid.clone(), vec![added("SUN"), status("paid", "partially_paid")]);
    given(done()).when(record(unpaid)).then_expect_events(vec![revision.clone()]);
    let waiting = done().into_iter().chain([revision]).collect::<Vec<_>>();
    let paid = with_items(120, &all);
    given(waiting)
        .when(record(paid.clone()))
        .then_expect_events(vec![revised(paid, vec![status("partially_paid", "paid")]), requeued()]);
}

#[test]
fn what_was_delivered_before_a_revision_is_not_planned_again_by_other_mappings() {
    let done = running_and([shared("storm", 10), shared("rain", 10), Completed {}]);
    let more = with_items(60, &[item("SUN"), item("STORM"), item("RAIN")]);
    let again = done.into_iter().chain([revised(more, vec![added("SUN")]), requeued()]).collect::<Vec<_>>();
    let mut elsewhere = mapping("STORM");
    elsewhere.asset = preset("thunder");
    let facts = StartFacts { mappings: vec![elsewhere, mapping("RAIN"), mapping("SUN")], ..facts() };
    let plan = plan_of(&["SUN", "STORM", "RAIN"]);
    given(again).when(start_at(noon(), facts)).then_expect_events(vec![started_with(2, after(60), plan)]);
}

#[test]
fn what_was_shared_and_is_refunded_later_is_remembered() {
    let done = running_and([shared("storm", 10), shared("rain", 10), Completed {}]);
    let refund = with_items(60, &[item("STORM")]);
    let revision = revised(refund.clone(), vec![removed("RAIN")]);
    given(done.clone()).when(record(refund)).then_expect_events(vec![revision.clone()]);
    let delivery = fold(done.into_iter().chain([revision]));
    let order = delivery.order().unwrap();
    assert_eq!(order.status(), DeliveryStatus::Completed);
    assert_eq!(order.summary.lines.former.iter().map(|line| &line.item).collect::<Vec<_>>(), [&item("RAIN")]);
    assert!(order.has_shared(&preset("rain")));
}

#[test]
fn an_order_that_waits_goes_on_with_what_changed() {
    let lines = with_items(60, &[item("SUN")]);
    let more = vec![added("SUN"), removed("STORM"), removed("RAIN")];
    for code in [ResolutionCode::NoItemMapping, ResolutionCode::CreditsExhausted, ResolutionCode::AssetNotFound] {
        given(waiting_for(code))
            .when(record(lines.clone()))
            .then_expect_events(vec![revised(lines.clone(), more.clone()), requeued()]);
    }
    let other = named(60, "maxine");
    for code in [ResolutionCode::MissingUsername, ResolutionCode::InvalidUsername, ResolutionCode::NoItemMapping] {
        given(waiting_for(code))
            .when(record(other.clone()))
            .then_expect_events(vec![revised(other.clone(), vec![Change::UsernameChanged]), requeued()]);
    }
    let status = Webhook { order_status: Some("partially_refunded".to_owned()), ..changed(60, Intent::Deliver) };
    let change = Change::StatusChanged { from: Some("paid".to_owned()), to: Some("partially_refunded".to_owned()) };
    given(waiting_for(ResolutionCode::NoItemMapping))
        .when(record(status.clone()))
        .then_expect_events(vec![revised(status, vec![change])]);
}

#[test]
fn an_order_first_reported_without_lines_goes_on_when_it_has_some() {
    let empty = Webhook { items: vec![], ..changed(0, Intent::Deliver) };
    let waiting = [first(empty), action_required(ResolutionCode::NoItemMapping)];
    let filled = with_items(5, &[item("STORM")]);
    given(waiting)
        .when(record(filled.clone()))
        .then_expect_events(vec![revised(filled, vec![added("STORM")]), requeued()]);
}

#[test]
fn a_username_counts_before_the_order_is_taken_up() {
    let other = named(60, "maxine");
    let revision = revised(other.clone(), vec![Change::UsernameChanged]);
    given(queued()).when(record(other)).then_expect_events(vec![revision.clone()]);
    let delivery = fold(queued().into_iter().chain([revision]));
    assert_eq!(delivery.order().unwrap().summary.username, Some("maxine".into()));
}

#[test]
fn another_customer_has_not_been_waited_for_yet() {
    let wait = retry_scheduled(ResolutionCode::NdspWaiting, after(60));
    let other = named(60, "maxine");
    given(running_and([wait]))
        .when(record(other.clone()))
        .then_expect_events(vec![revised(other, vec![Change::UsernameChanged]), requeued()]);
}

#[test]
fn a_username_that_a_person_corrected_stays_while_the_store_repeats_the_wrong_one() {
    let corrected = || {
        let correction = DeliveryEvent::UsernameCorrected { username: "maxine".into() };
        running_and([action_required(ResolutionCode::InvalidUsername), correction])
    };
    let wrong = named(60, "max");
    given(corrected()).when(record(wrong.clone())).then_expect_events(vec![repeated(wrong)]);
    let right = named(60, "maximilian");
    let revision = revised(right.clone(), vec![Change::UsernameChanged]);
    given(corrected()).when(record(right)).then_expect_events(vec![revision.clone()]);
    let delivery = fold(corrected().into_iter().chain([revision]));
    assert_eq!(delivery.order().unwrap().summary.username, Some("maximilian".into()));
}

#[test]
fn an_attempt_whose_order_was_revised_is_started_again_after_its_step() {
    let revision = revised(with_items(60, &[item("STORM"), refunded("RAIN")]), vec![removed("RAIN")]);
    let running = running_and([revision]);
    given(running.clone()).when(share(1, "storm")).then_expect_events(vec![shared("storm", 10), HandedBack {}]);
    let end = super::super::DeliveryCommand::RequireAction {
        held: held(1),
        code: ResolutionCode::InvalidUsername,
        call: None,
        assets: vec![],
    };
    given(running.clone()).when(end).then_expect_events(vec![HandedBack {}]);
    let all = running.into_iter().chain([shared("storm", 10), shared("rain", 10)]).collect::<Vec<_>>();
    let complete = super::super::DeliveryCommand::Complete { held: held(1) };
    given(all).when(complete).then_expect_events(vec![HandedBack {}]);
}

#[test]
fn what_is_older_than_known_is_stale_and_changes_nothing() {
    let known = queued().into_iter().chain([revised(with_items(60, &[item("SUN")]), vec![])]).collect::<Vec<_>>();
    for late in [with_items(59, &[item("STORM")]), changed(59, Intent::Cancel), changed(59, Intent::Filtered)] {
        given(known.clone())
            .when(record(late.clone()))
            .then_expect_events(vec![did(late.clone(), WebhookOutcome::Stale)]);
        let before = fold(known.clone());
        let after = fold(known.iter().cloned().chain([did(late, WebhookOutcome::Stale)]));
        assert_eq!(super::fixtures::known(after), super::fixtures::known(before));
    }
    let same_second = with_items(60, &[item("STORM")]);
    assert_eq!(outcome_after(known, same_second), WebhookOutcome::Revised, "of equal times the later arrival counts");
}

#[test]
fn webhooks_without_a_date_count_by_arrival() {
    let undated = |items: &[LineItem]| Webhook { items: items.to_vec(), ..undated(1, Intent::Deliver) };
    let known = [first(undated(&[item("STORM")]))];
    assert_eq!(outcome_after(known.clone(), undated(&[item("STORM")])), WebhookOutcome::Duplicate);
    assert_eq!(outcome_after(known.clone(), undated(&[item("SUN")])), WebhookOutcome::Revised);

    // What was said before is a late repetition, and not the newest word.
    let changes = vec![added("SUN"), removed("STORM")];
    let revised = known.into_iter().chain([revised(undated(&[item("SUN")]), changes)]).collect::<Vec<_>>();
    assert_eq!(outcome_after(revised.clone(), undated(&[item("STORM")])), WebhookOutcome::Stale);
    assert_eq!(outcome_after(revised.clone(), undated(&[item("SUN")])), WebhookOutcome::Duplicate);
    assert_eq!(outcome_after(revised, undated(&[item("STORM"), item("SUN")])), WebhookOutcome::Revised);
}

#[test]
fn the_same_webhook_again_is_no_later_arrival_of_the_same_second() {
    let sent = |id: &str, webhook: Webhook| Webhook { webhook_id: Some(id.to_owned()), ..webhook };
    let (both, one) = (changed(60, Intent::Deliver), with_items(60, &[item("STORM")]));
    let first = first(sent("1", both.clone()));
    let revision = revised(sent("2", one), vec![removed("RAIN")]);
    let known = || vec![first.clone(), revision.clone()];
    let again = sent("1", both.clone());
    given(known()).when(record(again.clone())).then_expect_events(vec![did(again, WebhookOutcome::Stale)]);
    // The store may mean it: then it is another webhook.
    let another = sent("3", both);
    given(known()).when(record(another.clone())).then_expect_events(vec![revised(another, vec![added("RAIN")])]);

    let cancelled = |id: &str| sent(id, changed(60, Intent::Cancel));
    let mut story = vec![did(cancelled("4"), WebhookOutcome::Cancelled)];
    story.insert(0, queued().remove(0));
    story.push(did(sent("5", changed(60, Intent::Deliver)), WebhookOutcome::Accepted));
    given(story).when(record(cancelled("4"))).then_expect_events(vec![did(cancelled("4"), WebhookOutcome::Stale)]);
}

#[test]
fn a_product_keeps_its_identity_when_the_store_renames_it() {
    let titled = |title: &str| LineItem { title: Some(title.to_owned()), ..item("STORM") };
    let known = [first(with_items(0, &[titled("Storm")]))];
    assert_eq!(outcome_after(known.clone(), with_items(60, &[titled("Storm (2026)")])), WebhookOutcome::Duplicate);
    let twice = with_items(60, &[titled("Storm"), titled("Storm")]);
    let change = Change::QuantityChanged { line: "Storm".to_owned(), from: 1, to: 2 };
    given(known).when(record(twice.clone())).then_expect_events(vec![revised(twice, vec![change])]);
}

#[test]
fn what_a_person_cancelled_learns_of_revisions_and_stays_cancelled() {
    let cancelled = queued().into_iter().chain([Cancelled {}]).collect::<Vec<_>>();
    let more = with_items(60, &[item("SUN")]);
    let changes = vec![added("SUN"), removed("STORM"), removed("RAIN")];
    given(cancelled).when(record(more.clone())).then_expect_events(vec![revised(more, changes)]);
}

#[test]
fn what_was_given_up_is_tried_again_for_another_customer() {
    let other = named(60, "maxine");
    let change = vec![Change::UsernameChanged];
    let given_up = |code| running_and([failed(code)]);
    given(given_up(ResolutionCode::NdspWaiting))
        .when(record(other.clone()))
        .then_expect_events(vec![revised(other.clone(), change.clone()), requeued()]);
    // Trying again by itself might do harm.
    given(given_up(ResolutionCode::Unknown))
        .when(record(other.clone()))
        .then_expect_events(vec![revised(other, change)]);
}
