//! The rules of an account, as given, when, then.

use cqrs_es::Aggregate;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use proptest::prelude::*;
use uuid::Uuid;

use super::{
    Account, AccountCommand, AccountEvent, AccountRefusal, ApiKeyCreated, CortexCredentials, FailurePolicy,
    MAX_API_KEYS, NewApiKey, Role,
};
use crate::ApiKeyId;
use crate::event::tests::stored;
use crate::laws::repeating_adds_nothing;

fn given(events: impl Into<Vec<AccountEvent>>) -> AggregateTestExecutor<Account> {
    let mut history = vec![opened(5)];
    history.extend(events.into());
    TestFramework::with(()).given(history)
}

fn opened(attempts_per_minute: u32) -> AccountEvent {
    AccountEvent::AccountCreated { name: "Storm Audio".to_owned(), attempts_per_minute }
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
    AccountEvent::ApiKeyCreated(ApiKeyCreated {
        key_id: id,
        name,
        role,
        key_hash: hash,
        key_preview: preview,
        requests_per_minute,
    })
}

#[test]
fn an_account_is_opened_once() {
    let open = |name: &str| AccountCommand::Open { name: name.to_owned(), attempts_per_minute: 5, first_key: None };
    TestFramework::<Account>::with(())
        .given_no_previous_events()
        .when(open(" Storm Audio "))
        .then_expect_events(vec![opened(5)]);
    given([]).when(open("Storm Audio")).then_expect_events(vec![]);
    given([]).when(open("Rain Audio")).then_expect_error(AccountRefusal::AlreadyExists);
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
        .then_expect_error(AccountRefusal::NotFound);
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
    let limited = AccountEvent::ApiKeyLimitChanged { key_id, requests_per_minute: 60 };
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
fn an_alert_of_stock_that_runs_out_is_set_and_taken_back() {
    let set = |threshold| AccountCommand::SetStockAlert { threshold };
    let was_set = |threshold| AccountEvent::StockAlertSet { threshold };
    given([]).when(set(None)).then_expect_events(vec![]);
    given([]).when(set(Some(5))).then_expect_events(vec![was_set(Some(5))]);
    given([was_set(Some(5))]).when(set(Some(5))).then_expect_events(vec![]);
    given([was_set(Some(5))]).when(set(None)).then_expect_events(vec![was_set(None)]);
    given([]).when(set(Some(1_000_001))).then_expect_error(AccountRefusal::InvalidStockAlert);
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
        .then_expect_error(AccountRefusal::NotFound);
}

fn default_secret_set(secret: &str, preview: &str) -> AccountEvent {
    AccountEvent::DefaultEndpointSecretSet { secret: secret.into(), secret_preview: preview.to_owned() }
}

#[test]
fn a_default_secret_of_endpoints_is_set_when_it_is_new() {
    let set = |secret: &str| AccountCommand::SetDefaultEndpointSecret { secret: secret.into() };
    let event = default_secret_set("whsec_default_secret", "…cret");
    given([]).when(set(" whsec_default_secret\n")).then_expect_events(vec![event.clone()]);
    given([event.clone()]).when(set("whsec_default_secret")).then_expect_events(vec![]);
    given([event])
        .when(set("whsec_other_key"))
        .then_expect_events(vec![default_secret_set("whsec_other_key", "…_key")]);
    for invalid in ["", "whsec_", "default_secret", "whsec_two words"] {
        given([]).when(set(invalid)).then_expect_error(AccountRefusal::InvalidSecret);
    }
}

#[test]
fn an_account_has_a_contact_until_it_is_removed() {
    let set = |email: &str| AccountCommand::SetContact { email: email.into() };
    let contact = AccountEvent::ContactSet { email: "max@music.com".into() };
    given([]).when(set(" max@music.com ")).then_expect_events(vec![contact.clone()]);
    given([contact.clone()]).when(set("max@music.com")).then_expect_events(vec![]);
    given([contact]).when(AccountCommand::RemoveContact).then_expect_events(vec![AccountEvent::ContactRemoved {}]);
    given([]).when(AccountCommand::RemoveContact).then_expect_events(vec![]);
    let long = format!("{}@music.com", "x".repeat(245));
    for invalid in ["", "max", "@music.com", "max@", "max @music.com", "max@music.com\nBcc: all@music.com", &long] {
        given([]).when(set(invalid)).then_expect_error(AccountRefusal::InvalidEmail);
    }
}

#[test]
fn what_fails_is_retried_until_the_account_wants_it_queued() {
    let set = |policy| AccountCommand::SetFailurePolicy { policy };
    let queue = AccountEvent::FailurePolicySet { policy: FailurePolicy::Queue };
    given([]).when(set(FailurePolicy::Retry)).then_expect_events(vec![]);
    given([]).when(set(FailurePolicy::Queue)).then_expect_events(vec![queue.clone()]);
    given([queue.clone()]).when(set(FailurePolicy::Queue)).then_expect_events(vec![]);
    let retry = AccountEvent::FailurePolicySet { policy: FailurePolicy::Retry };
    given([queue]).when(set(FailurePolicy::Retry)).then_expect_events(vec![retry]);
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
        1 => prop::option::of(0..3_u32).prop_map(|threshold| AccountCommand::SetStockAlert { threshold }),
        1 => prop_oneof![Just("whsec_one"), Just(" whsec_two "), Just("one")]
            .prop_map(|secret| AccountCommand::SetDefaultEndpointSecret { secret: secret.into() }),
        1 => prop_oneof![Just("max@music.com"), Just(" maxine@music.com "), Just("max")]
            .prop_map(|email| AccountCommand::SetContact { email: email.into() }),
        1 => Just(AccountCommand::RemoveContact),
        1 => prop_oneof![Just(FailurePolicy::Retry), Just(FailurePolicy::Queue)]
            .prop_map(|policy| AccountCommand::SetFailurePolicy { policy }),
    ]
}

proptest! {
    #[test]
    fn repeating_a_command_adds_nothing(commands in prop::collection::vec(any_command(), 0..60)) {
        repeating_adds_nothing(commands, Account::decide)?;
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
        AccountEvent::ApiKeyLimitChanged { key_id: new_key().id, requests_per_minute: 60 },
        AccountEvent::RetentionSet { days: Some(30) },
        AccountEvent::RetentionSet { days: None },
        AccountEvent::StockAlertSet { threshold: Some(0) },
        AccountEvent::StockAlertSet { threshold: None },
        default_secret_set("whsec_default_secret", "…cret"),
        AccountEvent::ContactSet { email: "max@music.com".into() },
        AccountEvent::ContactRemoved {},
        AccountEvent::FailurePolicySet { policy: FailurePolicy::Queue },
        AccountEvent::FailurePolicySet { policy: FailurePolicy::Retry },
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
