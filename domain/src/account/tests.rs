//! The rules of an account, told as given, when, then.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use proptest::prelude::*;
use uuid::Uuid;

use super::{
    Account, AccountCommand, AccountEvent, AccountRefusal, ApiKeyCreated, CortexCredentials, CreditMove, MAX_API_KEYS,
    NewApiKey, Role,
};
use crate::credits::PaidAction;
use crate::event::tests::stored;
use crate::laws::repeating_adds_nothing;
use crate::{ApiKeyId, Asset, Credits, DeliveryId, ResourceType};

fn given(events: impl Into<Vec<AccountEvent>>) -> AggregateTestExecutor<Account> {
    let mut history = vec![opened(5)];
    history.extend(events.into());
    TestFramework::with(()).given(history)
}

fn opened(attempts_per_minute: u32) -> AccountEvent {
    AccountEvent::AccountOpened { name: "Storm Audio".to_owned(), attempts_per_minute }
}

fn noon() -> DateTime<Utc> {
    "2026-03-14T12:00:00Z".parse().unwrap()
}

fn delivery(n: u128) -> DeliveryId {
    DeliveryId(Uuid::from_u128(n))
}

fn granted(credits: u64) -> AccountEvent {
    AccountEvent::CreditsGranted { grant_id: Uuid::from_u128(9), credits: Credits(credits) }
}

fn share() -> PaidAction {
    PaidAction::Share(Asset::new(ResourceType::Preset, "storm"))
}

fn share_of(n: u128) -> CreditMove {
    CreditMove { delivery_id: delivery(n), action: share(), credits: Credits(10), attempt: 1 }
}

fn new_key() -> NewApiKey {
    NewApiKey {
        id: ApiKeyId(Uuid::from_u128(7)),
        name: "shop".to_owned(),
        role: Role::Merchant,
        hash: "aa".repeat(32),
        preview: "…x4f2".to_owned(),
        requests_per_minute: 600,
    }
}

fn key_created() -> AccountEvent {
    let NewApiKey { id, name, role, hash, preview, requests_per_minute } = new_key();
    AccountEvent::ApiKeyCreated(ApiKeyCreated { key_id: id, name, role, hash, preview, requests_per_minute })
}

#[test]
fn an_account_is_opened_once() {
    let open = |name: &str| AccountCommand::Open { name: name.to_owned(), attempts_per_minute: 5, first_key: None };
    TestFramework::<Account>::with(())
        .given_no_previous_events()
        .when(open(" Storm Audio "))
        .then_expect_events(vec![opened(5)]);
    given([]).when(open("Storm Audio")).then_expect_events(vec![]);
    given([]).when(open("Rain Audio")).then_expect_error(AccountRefusal::AlreadyOpened);
    let nameless = TestFramework::<Account>::with(()).given_no_previous_events().when(open("  "));
    nameless.then_expect_error(AccountRefusal::InvalidName);
    TestFramework::<Account>::with(())
        .given_no_previous_events()
        .when(AccountCommand::Open { name: "x".to_owned(), attempts_per_minute: 0, first_key: None })
        .then_expect_error(AccountRefusal::InvalidPace);
    TestFramework::<Account>::with(())
        .given_no_previous_events()
        .when(AccountCommand::Open {
            name: "Storm Audio".to_owned(),
            attempts_per_minute: 5,
            first_key: Some(new_key()),
        })
        .then_expect_events(vec![opened(5), key_created()]);
    TestFramework::<Account>::with(())
        .given_no_previous_events()
        .when(AccountCommand::DeleteCredentials)
        .then_expect_error(AccountRefusal::NotOpened);
}

#[test]
fn a_key_is_created_once_and_deactivated_for_good() {
    let key_id = new_key().id;
    given([]).when(AccountCommand::CreateApiKey(new_key())).then_expect_events(vec![key_created()]);
    given([key_created()]).when(AccountCommand::CreateApiKey(new_key())).then_expect_events(vec![]);
    let other = NewApiKey { hash: "bb".repeat(32), ..new_key() };
    given([key_created()]).when(AccountCommand::CreateApiKey(other)).then_expect_error(AccountRefusal::ApiKeyIdTaken);
    let deactivate = AccountCommand::DeactivateApiKey { key_id };
    let deactivated = AccountEvent::ApiKeyDeactivated { key_id };
    given([key_created()]).when(deactivate.clone()).then_expect_events(vec![deactivated.clone()]);
    given([key_created(), deactivated]).when(deactivate.clone()).then_expect_events(vec![]);
    given([]).when(deactivate).then_expect_error(AccountRefusal::UnknownApiKey);
}

#[test]
fn active_keys_have_a_bound_and_the_oldest_of_the_others_are_forgotten() {
    let key = |number: usize| NewApiKey { id: ApiKeyId(Uuid::from_u128(number as u128)), ..new_key() };
    let mut account = Account::default();
    let mut execute = |command: AccountCommand| {
        let decided = account.decide(command)?;
        for event in decided.clone() {
            account.apply(event);
        }
        Ok::<_, AccountRefusal>(decided.len())
    };
    execute(AccountCommand::Open { name: "Storm".to_owned(), attempts_per_minute: 5, first_key: Some(key(0)) })
        .unwrap();
    for number in 1..MAX_API_KEYS {
        assert_eq!(execute(AccountCommand::CreateApiKey(key(number))), Ok(1));
    }
    assert_eq!(execute(AccountCommand::CreateApiKey(key(MAX_API_KEYS))), Err(AccountRefusal::TooManyApiKeys));
    for number in 0..10 {
        assert_eq!(execute(AccountCommand::DeactivateApiKey { key_id: key(number).id }), Ok(1));
        assert_eq!(execute(AccountCommand::CreateApiKey(key(MAX_API_KEYS + number))), Ok(1));
    }
    let deactivate = AccountCommand::DeactivateApiKey { key_id: key(9).id };
    assert_eq!(execute(deactivate), Err(AccountRefusal::UnknownApiKey), "forgotten");
    assert_eq!(execute(AccountCommand::CreateApiKey(key(2 * MAX_API_KEYS))), Err(AccountRefusal::TooManyApiKeys));
}

#[test]
fn a_key_is_limited_where_the_limit_is_news() {
    let key_id = new_key().id;
    let limit = |requests_per_minute| AccountCommand::LimitApiKey { key_id, requests_per_minute };
    let limited = AccountEvent::ApiKeyLimited { key_id, requests_per_minute: 60 };
    given([key_created()]).when(limit(60)).then_expect_events(vec![limited.clone()]);
    given([key_created(), limited]).when(limit(60)).then_expect_events(vec![]);
    given([key_created()]).when(limit(0)).then_expect_error(AccountRefusal::InvalidRequestLimit);
    given([]).when(limit(60)).then_expect_error(AccountRefusal::UnknownApiKey);
}

#[test]
fn credentials_are_saved_when_they_are_new_and_deleted_when_there_are_any() {
    let credentials = CortexCredentials { email: "max@music.com".into(), password: "secret".into() };
    let saved = AccountEvent::CortexCredentialsSaved { email: "max@music.com".into(), password: "secret".into() };
    let save = AccountCommand::SaveCredentials { credentials: credentials.clone() };
    given([]).when(save.clone()).then_expect_events(vec![saved.clone()]);
    given([saved.clone()]).when(save).then_expect_events(vec![]);
    let empty = CortexCredentials { password: " ".into(), ..credentials };
    given([])
        .when(AccountCommand::SaveCredentials { credentials: empty })
        .then_expect_error(AccountRefusal::InvalidCredentials);
    given([saved])
        .when(AccountCommand::DeleteCredentials)
        .then_expect_events(vec![AccountEvent::CortexCredentialsDeleted {}]);
    given([]).when(AccountCommand::DeleteCredentials).then_expect_events(vec![]);
}

#[test]
fn personal_data_is_kept_for_good_until_a_bound_is_set() {
    let keep = |days| AccountCommand::SetRetention { days };
    let kept = |days| AccountEvent::RetentionSet { days };
    given([]).when(keep(None)).then_expect_events(vec![]);
    for days in [1, 30, 3_650] {
        given([]).when(keep(Some(days))).then_expect_events(vec![kept(Some(days))]);
    }
    given([kept(Some(30))]).when(keep(Some(30))).then_expect_events(vec![]);
    given([kept(Some(30))]).when(keep(None)).then_expect_events(vec![kept(None)]);
    for days in [0, 3_651, u32::MAX] {
        given([kept(Some(30))]).when(keep(Some(days))).then_expect_error(AccountRefusal::InvalidRetention);
    }
    TestFramework::<Account>::with(())
        .given_no_previous_events()
        .when(keep(Some(30)))
        .then_expect_error(AccountRefusal::NotOpened);
}

#[test]
fn credits_are_set_aside_before_an_action_and_spent_after_it() {
    let reserve = AccountCommand::ReserveCredits { delivery_id: delivery(1), action: share(), attempt: 1 };
    let charge = AccountCommand::ChargeReservation { delivery_id: delivery(1), action: share() };
    let reserved = AccountEvent::CreditsReserved(share_of(1));
    let charged = AccountEvent::CreditsCharged(share_of(1));
    given([granted(10)]).when(reserve.clone()).then_expect_events(vec![reserved.clone()]);
    given([granted(10), reserved.clone()]).when(reserve).then_expect_events(vec![]);
    given([granted(10), reserved.clone()]).when(charge.clone()).then_expect_events(vec![charged.clone()]);
    given([granted(10), reserved, charged]).when(charge).then_expect_events(vec![]);
}

#[test]
fn what_a_later_attempt_counts_on_is_not_given_back_for_an_earlier_one() {
    let reserve = |attempt| AccountCommand::ReserveCredits { delivery_id: delivery(1), action: share(), attempt };
    let release = |attempt| AccountCommand::ReleaseReservation { delivery_id: delivery(1), action: share(), attempt };
    let reserved = AccountEvent::CreditsReserved(share_of(1));
    let taken_over = AccountEvent::ReservationTakenOver(CreditMove { attempt: 2, ..share_of(1) });
    given([granted(10), reserved.clone()]).when(reserve(2)).then_expect_events(vec![taken_over.clone()]);
    let later = [granted(10), reserved, taken_over];
    given(later.clone()).when(reserve(1)).then_expect_events(vec![]);
    given(later.clone()).when(release(1)).then_expect_events(vec![]);
    given(later)
        .when(release(2))
        .then_expect_events(vec![AccountEvent::CreditsReleased(CreditMove { attempt: 2, ..share_of(1) })]);
}

#[test]
fn two_deliveries_cannot_spend_the_same_credits() {
    let reserve = AccountCommand::ReserveCredits { delivery_id: delivery(2), action: share(), attempt: 1 };
    let reserved = AccountEvent::CreditsReserved(share_of(1));
    given([granted(19), reserved.clone()])
        .when(reserve.clone())
        .then_expect_error(AccountRefusal::InsufficientCredits { price: Credits(10), available: Credits(9) });
    let released = AccountEvent::CreditsReleased(share_of(1));
    let release = AccountCommand::ReleaseReservation { delivery_id: delivery(1), action: share(), attempt: 1 };
    given([granted(19), reserved.clone()]).when(release.clone()).then_expect_events(vec![released.clone()]);
    given([granted(19), reserved.clone(), released.clone()]).when(release).then_expect_events(vec![]);
    given([granted(19), reserved, released])
        .when(reserve)
        .then_expect_events(vec![AccountEvent::CreditsReserved(share_of(2))]);
}

#[test]
fn a_grant_counts_once_however_often_it_is_sent() {
    let grant = |credits| AccountCommand::GrantCredits { grant_id: Uuid::from_u128(9), credits: Credits(credits) };
    given([]).when(grant(10)).then_expect_events(vec![granted(10)]);
    given([granted(10)]).when(grant(10)).then_expect_events(vec![]);
    given([]).when(grant(0)).then_expect_error(AccountRefusal::InvalidGrant);
}

fn admit(n: u128, now: DateTime<Utc>) -> AccountCommand {
    AccountCommand::AdmitAttempt { delivery_id: delivery(n), attempt: 1, now }
}

fn admitted(n: u128, at: DateTime<Utc>) -> AccountEvent {
    AccountEvent::AttemptAdmitted { delivery_id: delivery(n), attempt: 1, at }
}

#[test]
fn no_more_than_the_pace_starts_in_any_minute() {
    let five: Vec<_> =
        (0..5).map(|n| admitted(n, noon() + TimeDelta::seconds(10 * i64::try_from(n).unwrap()))).collect();
    let next_at = noon() + TimeDelta::minutes(1);
    given(five.clone())
        .when(admit(9, next_at - TimeDelta::microseconds(1)))
        .then_expect_error(AccountRefusal::PaceExceeded { next_at });
    given(five.clone()).when(admit(9, next_at)).then_expect_events(vec![admitted(9, next_at)]);
    given(five.clone()).when(admit(4, noon())).then_expect_events(vec![]);
    // The clock was a day ahead when those began: they hold up nothing today.
    let today = noon() - TimeDelta::days(1);
    let again: Vec<_> = (10..15).map(|n| admitted(n, today)).collect();
    given(five.clone()).when(admit(10, today)).then_expect_events(vec![admitted(10, today)]);
    given([five, again].concat())
        .when(admit(15, today))
        .then_expect_error(AccountRefusal::PaceExceeded { next_at: today + TimeDelta::minutes(1) });
}

/// Every command of an account, with few values, so that they meet. All of them promise that the same again is no news:
/// none is left out.
fn any_command() -> impl Strategy<Value = AccountCommand> {
    let name = prop_oneof![Just(" Storm Audio "), Just("Rain Audio"), Just(" ")];
    let key = (1..4_u128, prop_oneof![Just("aa"), Just("bb")], 0..3_u32).prop_map(|(n, hash, limit)| NewApiKey {
        id: ApiKeyId(Uuid::from_u128(n)),
        hash: hash.repeat(32),
        requests_per_minute: limit,
        ..new_key()
    });
    let key_id = (1..4_u128).prop_map(|n| ApiKeyId(Uuid::from_u128(n)));
    let login = prop_oneof![Just("max"), Just("maxine"), Just(" ")];
    let action = prop_oneof![Just(PaidAction::Follow), Just(share())];
    let step = (1..4_u128, action, 0..4_u32).prop_map(|(n, action, attempt)| (delivery(n), action, attempt));
    prop_oneof![
        3 => (name, 0..4_u32, prop::option::of(key.clone())).prop_map(|(name, attempts_per_minute, first_key)| {
            AccountCommand::Open { name: name.to_owned(), attempts_per_minute, first_key }
        }),
        1 => key.prop_map(AccountCommand::CreateApiKey),
        1 => key_id.clone().prop_map(|key_id| AccountCommand::DeactivateApiKey { key_id }),
        1 => (key_id, 0..3_u32).prop_map(|(key_id, requests_per_minute)| {
            AccountCommand::LimitApiKey { key_id, requests_per_minute }
        }),
        1 => login.prop_map(|login| AccountCommand::SaveCredentials {
            credentials: CortexCredentials { email: login.into(), password: login.into() },
        }),
        1 => Just(AccountCommand::DeleteCredentials),
        1 => prop::option::of(0..3_u32).prop_map(|days| AccountCommand::SetRetention { days }),
        2 => (0..4_u128, 0..200_i64).prop_map(|(n, seconds)| admit(n, noon() + TimeDelta::seconds(seconds))),
        1 => (0..4_u128, 0..20_u64).prop_map(|(n, credits)| AccountCommand::GrantCredits {
            grant_id: Uuid::from_u128(n),
            credits: Credits(credits),
        }),
        1 => step.clone().prop_map(|(delivery_id, action, attempt)| {
            AccountCommand::ReserveCredits { delivery_id, action, attempt }
        }),
        1 => step.clone().prop_map(|(delivery_id, action, _)| AccountCommand::ChargeReservation { delivery_id, action }),
        1 => step.prop_map(|(delivery_id, action, attempt)| {
            AccountCommand::ReleaseReservation { delivery_id, action, attempt }
        }),
    ]
}

proptest! {
    #[test]
    fn repeating_a_command_adds_nothing(commands in prop::collection::vec(any_command(), 0..60)) {
        repeating_adds_nothing(commands, Account::decide)?;
    }

    #[test]
    fn a_pace_is_kept_in_every_minute(
        attempts_per_minute in prop_oneof![1..10_u32, 50..70_u32, 100..1_000_u32],
        gaps_ms in prop::collection::vec(0..400_u32, 1..2_000),
    ) {
        let mut account = Account::default();
        account.apply(opened(attempts_per_minute));
        let (mut now, mut starts) = (noon(), vec![]);
        for (n, gap) in gaps_ms.into_iter().enumerate() {
            now += TimeDelta::milliseconds(i64::from(gap));
            for event in account.decide(admit(n as u128, now)).unwrap_or_default() {
                account.apply(event);
                starts.push(now);
            }
        }
        let most = starts.iter().map(|from| {
            starts.iter().filter(|at| (*from..*from + TimeDelta::minutes(1)).contains(*at)).count()
        }).max();
        prop_assert!(most.unwrap_or(0) <= attempts_per_minute as usize);
    }

    #[test]
    fn credits_are_never_spent_twice_nor_below_nothing(
        moves in prop::collection::vec((0..3_u8, 0..4_u128, any::<bool>(), 1..4_u32), 0..200),
    ) {
        let mut account = Account::default();
        account.apply(opened(5));
        account.apply(granted(60));
        let mut spent = HashMap::new();
        for (kind, n, follow, attempt) in moves {
            let (delivery_id, action) = (delivery(n), if follow { PaidAction::Follow } else { share() });
            let command = match kind {
                0 => AccountCommand::ReserveCredits { delivery_id, action, attempt },
                1 => AccountCommand::ChargeReservation { delivery_id, action },
                _ => AccountCommand::ReleaseReservation { delivery_id, action, attempt },
            };
            let events = account.decide(command.clone()).unwrap_or_default();
            for event in events {
                if let AccountEvent::CreditsCharged(charged) = &event {
                    *spent.entry((charged.delivery_id, charged.action.clone())).or_insert(0) += charged.credits.0;
                }
                account.apply(event);
            }
            prop_assert_eq!(account.decide(command).unwrap_or_default(), vec![]);
        }
        prop_assert!(spent.values().sum::<u64>() <= 60);
    }
}

#[test]
fn the_stored_form_of_every_event_is_pinned() {
    let events = [
        opened(5),
        key_created(),
        AccountEvent::ApiKeyDeactivated { key_id: new_key().id },
        AccountEvent::CortexCredentialsSaved { email: "max@music.com".into(), password: "secret".into() },
        AccountEvent::CortexCredentialsDeleted {},
        admitted(1, noon()),
        granted(10),
        AccountEvent::CreditsReserved(share_of(1)),
        AccountEvent::CreditsCharged(CreditMove { action: PaidAction::Follow, credits: Credits(3), ..share_of(1) }),
        AccountEvent::CreditsReleased(share_of(1)),
        AccountEvent::ReservationTakenOver(share_of(1)),
        AccountEvent::ApiKeyLimited { key_id: new_key().id, requests_per_minute: 60 },
        AccountEvent::RetentionSet { days: Some(30) },
        AccountEvent::RetentionSet { days: None },
    ];
    insta::assert_snapshot!(stored(&events));
}

/// Grows by a line whenever the stored form grows; no line is ever changed or removed.
#[test]
fn every_event_that_ever_was_still_loads() {
    for line in include_str!("ever.jsonl").lines() {
        serde_json::from_str::<AccountEvent>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}
