//! The rules of a ledger, as given, when, then.

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use proptest::prelude::*;
use uuid::Uuid;

use super::{Ledger, LedgerCommand, LedgerEvent, LedgerRefusal, Reservation};
use crate::event::tests::stored;
use crate::laws::repeating_adds_nothing;
use crate::{Credits, DeliveryId};

fn given(events: impl Into<Vec<LedgerEvent>>) -> AggregateTestExecutor<Ledger> {
    TestFramework::with(()).given(events.into())
}

fn delivery(n: u128) -> DeliveryId {
    DeliveryId(Uuid::from_u128(n))
}

fn granted(credits: u64) -> LedgerEvent {
    LedgerEvent::CreditsGranted { grant_id: Uuid::from_u128(9), credits: Credits(credits) }
}

fn reserved(n: u128, attempt: u32, credits: u64) -> LedgerEvent {
    LedgerEvent::CreditsReserved { delivery_id: delivery(n), attempt, credits: Credits(credits) }
}

fn settled(n: u128, attempt: u32, charged: u64, returned: u64) -> LedgerEvent {
    let (charged, returned) = (Credits(charged), Credits(returned));
    LedgerEvent::ReservationSettled { delivery_id: delivery(n), attempt, charged, returned }
}

fn reserve(n: u128, attempt: u32, credits: u64) -> LedgerCommand {
    let (delivery_id, credits) = (delivery(n), Credits(credits));
    LedgerCommand::Reserve { delivery_id, attempt, credits, earlier: Credits::ZERO }
}

fn settle(n: u128, attempt: u32, charged: u64) -> LedgerCommand {
    LedgerCommand::Settle { delivery_id: delivery(n), attempt, charged: Credits(charged) }
}

fn folded(events: impl IntoIterator<Item = LedgerEvent>) -> Ledger {
    let mut ledger = Ledger::default();
    events.into_iter().for_each(|event| ledger.fold(event));
    ledger
}

#[test]
fn a_grant_counts_once() {
    let grant = LedgerCommand::Grant { grant_id: Uuid::from_u128(9), credits: Credits(40) };
    given([]).when(grant.clone()).then_expect_events(vec![granted(40)]);
    given([granted(40)]).when(grant).then_expect_events(vec![]);
}

#[test]
fn a_grant_is_some_credits_and_not_endlessly_many() {
    for credits in [0, 1_000_000_001] {
        let grant = LedgerCommand::Grant { grant_id: Uuid::nil(), credits: Credits(credits) };
        given([]).when(grant).then_expect_error(LedgerRefusal::InvalidGrant);
    }
}

#[test]
fn an_attempt_reserves_what_it_may_cost_or_what_there_is() {
    given([granted(40)]).when(reserve(1, 1, 23)).then_expect_events(vec![reserved(1, 1, 23)]);
    given([granted(15)]).when(reserve(1, 1, 23)).then_expect_events(vec![reserved(1, 1, 15)]);
    given([granted(40), reserved(1, 1, 33)]).when(reserve(2, 1, 23)).then_expect_events(vec![reserved(2, 1, 7)]);
    given([]).when(reserve(1, 1, 23)).then_expect_events(vec![]);
}

#[test]
fn two_deliveries_do_not_spend_the_same_credits() {
    let ledger = folded([granted(20), reserved(1, 1, 13), reserved(2, 1, 7)]);
    assert_eq!(ledger.available(), Credits::ZERO);
    assert_eq!(ledger.decide(reserve(3, 1, 10)), Ok(vec![]));
}

#[test]
fn an_attempt_is_settled_once() {
    let open = [granted(40), reserved(1, 1, 23)];
    given(open.clone()).when(settle(1, 1, 13)).then_expect_events(vec![settled(1, 1, 13, 10)]);
    let over = [open.to_vec(), vec![settled(1, 1, 13, 10)]].concat();
    given(over.clone()).when(settle(1, 1, 13)).then_expect_events(vec![]);
    let ledger = folded(over);
    assert_eq!((ledger.available(), ledger.reservation(delivery(1))), (Credits(27), None));
}

#[test]
fn an_attempt_that_did_not_live_to_settle_is_settled_by_the_next() {
    let earlier = [granted(23), reserved(1, 1, 23)];
    let command =
        LedgerCommand::Reserve { delivery_id: delivery(1), attempt: 2, credits: Credits(20), earlier: Credits(3) };
    given(earlier.clone()).when(command).then_expect_events(vec![settled(1, 1, 3, 20), reserved(1, 2, 20)]);
    // What the earlier attempt says afterwards comes too late.
    let taken_over = [earlier.to_vec(), vec![settled(1, 1, 3, 20), reserved(1, 2, 20)]].concat();
    given(taken_over.clone()).when(settle(1, 1, 13)).then_expect_events(vec![]);
    let open = Reservation { delivery_id: delivery(1), attempt: 2, credits: Credits(20) };
    assert_eq!(folded(taken_over).reservation(delivery(1)), Some(&open));
}

#[test]
fn the_stored_form_of_every_event_is_pinned() {
    let events = [granted(10), reserved(1, 1, 10), settled(1, 1, 10, 0)];
    insta::assert_snapshot!(stored(&events));
}

#[test]
fn every_event_that_ever_was_still_loads() {
    let ever = include_str!("ever.jsonl");
    for line in ever.lines() {
        serde_json::from_str::<LedgerEvent>(line).expect(line);
    }
}

fn any_command() -> impl Strategy<Value = LedgerCommand> {
    let (delivery, attempt, credits) = (0..4_u128, 1..4_u32, 0..40_u64);
    (0..3, delivery, attempt, credits).prop_map(|(kind, n, attempt, credits)| match kind {
        0 => LedgerCommand::Grant { grant_id: Uuid::from_u128(n), credits: Credits(credits) },
        1 => reserve(n, attempt, credits),
        _ => settle(n, attempt, credits.min(10)),
    })
}

proptest! {
    #[test]
    fn a_command_again_adds_nothing(commands in prop::collection::vec(any_command(), 0..40)) {
        repeating_adds_nothing::<Ledger, _>(commands, Ledger::decide)?;
    }

    #[test]
    fn what_was_granted_is_available_reserved_or_spent(commands in prop::collection::vec(any_command(), 0..40)) {
        let mut ledger = Ledger::default();
        for command in commands {
            // An attempt charges no more than it reserved.
            let within = match &command {
                LedgerCommand::Settle { delivery_id, charged, .. } => {
                    ledger.reservation(*delivery_id).is_none_or(|open| *charged <= open.credits)
                }
                LedgerCommand::Grant { .. } | LedgerCommand::Reserve { .. } => true,
            };
            if within {
                ledger.decide(command).unwrap_or_default().into_iter().for_each(|event| ledger.fold(event));
            }
            let reserved = ledger.open.iter().map(|open| open.credits.0).sum::<u64>();
            prop_assert_eq!(ledger.granted.0, ledger.available().0 + reserved + ledger.spent.0);
        }
    }
}
