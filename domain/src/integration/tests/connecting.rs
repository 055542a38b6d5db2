//! Connecting a store by OAuth, and what becomes of the access.

use proptest::prelude::*;
use proptest::sample::select;

use super::super::{AccessLost, Authorization, ConnectionAttempt, Grant, StoreApp};
use super::*;

const TOKEN: &str = "shpat_1234567890";
const SHOP: &str = "storm-audio.myshopify.com";

fn attempt(n: u128) -> ConnectionAttempt {
    ConnectionAttempt {
        id: Uuid::from_u128(n),
        store: Some(SHOP.to_owned()),
        scopes: vec!["read_orders".to_owned(), "read_products".to_owned()],
        client_id: "client".to_owned(),
        link_hash: "0".repeat(64),
        expires_at: noon() + TimeDelta::minutes(15),
        makes_way: false,
    }
}

pub(super) fn started() -> IntegrationEvent {
    IntegrationEvent::StoreConnectionStarted(attempt(7))
}

pub(super) fn grant(store: &str) -> Grant {
    Grant {
        token: TOKEN.into(),
        store: Some(store.to_owned()),
        scopes: vec!["read_orders".to_owned()],
        refresh_token: Some("refresh_1".into()),
        expires_at: Some(noon() + TimeDelta::hours(1)),
    }
}

pub(super) fn granted() -> IntegrationEvent {
    IntegrationEvent::StoreAccessSaved {
        token: TOKEN.into(),
        token_preview: "…7890".to_owned(),
        store: Some(SHOP.to_owned()),
        authorization: Some(Authorization {
            attempt_id: Uuid::from_u128(7),
            client_id: "client".to_owned(),
            scopes: vec!["read_orders".to_owned()],
            missing_scopes: vec!["read_products".to_owned()],
            refresh_token: Some("refresh_1".into()),
            expires_at: Some(noon() + TimeDelta::hours(1)),
        }),
    }
}

pub(super) fn app_saved() -> IntegrationEvent {
    IntegrationEvent::StoreAppSaved {
        client_id: "own".to_owned(),
        client_secret: "shpss_1234567890".into(),
        secret_preview: "…7890".to_owned(),
    }
}

fn complete(n: u128, store: &str, minutes: i64) -> IntegrationCommand {
    let now = noon() + TimeDelta::minutes(minutes);
    IntegrationCommand::CompleteConnecting { attempt_id: Uuid::from_u128(n), grant: grant(store), now }
}

/// With few values, so that they meet.
pub(super) fn any_command() -> impl Strategy<Value = IntegrationCommand> {
    let n = || 1..4_u128;
    prop_oneof![
        n().prop_map(|n| IntegrationCommand::StartConnecting { attempt: attempt(n) }),
        (n(), select(&[SHOP, "other.myshopify.com"][..]), 0..20_i64)
            .prop_map(|(n, shop, minutes)| complete(n, shop, minutes)),
        n().prop_map(|n| IntegrationCommand::FailConnecting {
            attempt_id: Uuid::from_u128(n),
            reason: "no".to_owned()
        }),
        (prop::option::of(select(&[TOKEN, "token_1234567890"][..])), select(AccessLost::iter().collect::<Vec<_>>()))
            .prop_map(|(token, reason)| IntegrationCommand::LoseStoreAccess { token: token.map(Into::into), reason }),
        select(&["own", "own", ""][..]).prop_map(|id| IntegrationCommand::SaveStoreApp {
            client_id: id.to_owned(),
            client_secret: "shpss_1234567890".into()
        }),
        Just(IntegrationCommand::RemoveStoreApp),
    ]
}

#[test]
fn what_a_store_grants_is_saved_once_with_what_it_did_not() {
    given([]).when(IntegrationCommand::StartConnecting { attempt: attempt(7) }).then_expect_events(vec![started()]);
    given([started()]).when(complete(7, SHOP, 14)).then_expect_events(vec![granted()]);
    given([started(), granted()]).when(complete(7, SHOP, 14)).then_expect_error(IntegrationRefusal::ConnectionUsed);
    assert_eq!(fold([started(), granted()]).link().unwrap().connecting, None);
}

#[test]
fn an_attempt_ends_with_its_time_and_with_a_later_one() {
    given([started()]).when(complete(7, SHOP, 15)).then_expect_error(IntegrationRefusal::ConnectionExpired);
    given([]).when(complete(7, SHOP, 0)).then_expect_error(IntegrationRefusal::ConnectionUsed);
    let later = IntegrationEvent::StoreConnectionStarted(attempt(8));
    given([started(), later]).when(complete(7, SHOP, 0)).then_expect_error(IntegrationRefusal::ConnectionUsed);
    let fail = |n| IntegrationCommand::FailConnecting { attempt_id: Uuid::from_u128(n), reason: "no".to_owned() };
    let failed = IntegrationEvent::StoreConnectionFailed { attempt_id: Uuid::from_u128(7), reason: "no".to_owned() };
    given([started()]).when(fail(7)).then_expect_events(vec![failed.clone()]);
    given([started()]).when(fail(8)).then_expect_events(vec![]);
    let disconnected = IntegrationEvent::StoreConnectionFailed {
        attempt_id: Uuid::from_u128(7),
        reason: "it was disconnected meanwhile".to_owned(),
    };
    given([started()]).when(IntegrationCommand::RemoveStoreAccess).then_expect_events(vec![disconnected]);
    given([started(), failed]).when(complete(7, SHOP, 0)).then_expect_error(IntegrationRefusal::ConnectionUsed);
}

#[test]
fn an_integration_stays_with_its_store() {
    let other = || IntegrationRefusal::OtherStore { known: SHOP.to_owned() };
    given([started()]).when(complete(7, "other.myshopify.com", 0)).then_expect_error(other());
    let elsewhere = ConnectionAttempt { store: Some("other.myshopify.com".to_owned()), ..attempt(8) };
    for history in [vec![granted()], vec![granted(), IntegrationEvent::StoreAccessRemoved {}]] {
        given(history)
            .when(IntegrationCommand::StartConnecting { attempt: elsewhere.clone() })
            .then_expect_error(other());
    }
}

#[test]
fn access_is_lost_once_and_only_that_of_the_token_that_was_refused() {
    let lose = |token: Option<&str>| IntegrationCommand::LoseStoreAccess {
        token: token.map(Into::into),
        reason: AccessLost::Refused,
    };
    let lost = IntegrationEvent::StoreAccessLost { reason: AccessLost::Refused };
    given([granted()]).when(lose(Some(TOKEN))).then_expect_events(vec![lost.clone()]);
    given([granted()]).when(lose(None)).then_expect_events(vec![lost.clone()]);
    given([granted()]).when(lose(Some("an_earlier_one"))).then_expect_events(vec![]);
    given([granted(), lost.clone()]).when(lose(None)).then_expect_events(vec![]);
    given([]).when(lose(None)).then_expect_events(vec![]);
    let usable = |events: Vec<IntegrationEvent>| {
        let integration = fold(events);
        integration.link().unwrap().store_access.as_ref().unwrap().usable_token().map(str::to_owned)
    };
    assert_eq!(usable(vec![granted(), lost.clone()]), None);
    assert_eq!(usable(vec![granted(), lost, granted()]).as_deref(), Some(TOKEN), "connected again");
}

#[test]
fn another_token_takes_the_place_of_the_one_that_was_renewed_and_of_no_other() {
    let renew = |old: &str| IntegrationCommand::RenewStoreAccess {
        old_token: old.into(),
        grant: Grant { token: "shpat_0987654321".into(), refresh_token: None, ..grant(SHOP) },
    };
    let renewed = IntegrationEvent::StoreAccessRenewed {
        token: "shpat_0987654321".into(),
        token_preview: "…4321".to_owned(),
        refresh_token: None,
        expires_at: Some(noon() + TimeDelta::hours(1)),
    };
    given([granted()]).when(renew(TOKEN)).then_expect_events(vec![renewed.clone()]);
    given([granted(), renewed.clone()]).when(renew(TOKEN)).then_expect_events(vec![]);
    let integration = fold([granted(), renewed]);
    let access = integration.link().unwrap().store_access.clone().unwrap();
    assert_eq!(access.usable_token(), Some("shpat_0987654321"));
    assert_eq!(access.authorization.unwrap().refresh_token, Some("refresh_1".into()), "the old one goes on");
}

#[test]
fn a_merchants_own_app_is_an_id_and_a_secret() {
    let save = |id: &str, secret: &str| IntegrationCommand::SaveStoreApp {
        client_id: id.to_owned(),
        client_secret: secret.into(),
    };
    given([]).when(save(" own ", "shpss_1234567890\n")).then_expect_events(vec![app_saved()]);
    given([app_saved()]).when(save("own", "shpss_1234567890")).then_expect_events(vec![]);
    for (id, secret) in [("", "x"), ("own", ""), ("o wn", "x"), ("own", "sé"), (&"x".repeat(501), "x")] {
        given([]).when(save(id, secret)).then_expect_error(IntegrationRefusal::InvalidApp);
    }
    let integration = fold([app_saved()]);
    let link = integration.link().unwrap();
    assert_eq!(link.app, Some(StoreApp { client_id: "own".to_owned(), client_secret: "shpss_1234567890".into() }));
}
