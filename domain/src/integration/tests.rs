//! The rules of an integration, as given, when, then.

mod connecting;
mod mappings;
mod signing_secrets;

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use proptest::prelude::*;
use proptest::sample::select;
use strum::IntoEnumIterator as _;
use uuid::Uuid;

use super::{
    AccessLost, CreateIntegration, Grant, Integration, IntegrationCommand, IntegrationCreated, IntegrationEvent,
    IntegrationRefusal, Provider, Purpose, is_weak_secret,
};
use crate::commerce::Currency;
use crate::event::tests::stored;
use crate::laws::repeating_adds_nothing;
use crate::{AccountId, Asset, ItemMapping, MappingId, MatchType, ResourceType};

const SECRET: &str = "whsec_first_secret";
const URL: &str = "https://cloud.example/api/webhooks/woocommerce/1";

fn create() -> CreateIntegration {
    CreateIntegration {
        account_id: AccountId(Uuid::from_u128(1)),
        provider: Provider::WooCommerce,
        name: "My shop".to_owned(),
        purpose: Purpose::Delivers,
        signing_secret: Some(SECRET.into()),
        notification_url: URL.to_owned(),
        order_statuses: Some(vec!["Completed".to_owned(), " processing".to_owned(), "completed".to_owned()]),
    }
}

fn created() -> IntegrationEvent {
    IntegrationEvent::IntegrationCreated(IntegrationCreated {
        account_id: AccountId(Uuid::from_u128(1)),
        provider: Provider::WooCommerce,
        name: "My shop".to_owned(),
        purpose: Purpose::Delivers,
        signing_secret: Some(SECRET.into()),
        secret_preview: Some("…cret".to_owned()),
        notification_url: Some(URL.to_owned()),
        order_statuses: vec!["completed".to_owned(), "processing".to_owned()],
    })
}

fn created_of(provider: Provider) -> IntegrationEvent {
    let IntegrationEvent::IntegrationCreated(first) = created() else { panic!("it is a creation") };
    IntegrationEvent::IntegrationCreated(IntegrationCreated { provider, ..first })
}

/// One that was created to publish and not to deliver.
fn publishing() -> IntegrationEvent {
    let IntegrationEvent::IntegrationCreated(first) = created() else { panic!("it is a creation") };
    IntegrationEvent::IntegrationCreated(IntegrationCreated { purpose: Purpose::Publishes, ..first })
}

fn given(events: impl Into<Vec<IntegrationEvent>>) -> AggregateTestExecutor<Integration> {
    let mut history = vec![created()];
    history.extend(events.into());
    TestFramework::with(()).given(history)
}

fn fold(events: impl IntoIterator<Item = IntegrationEvent>) -> Integration {
    let mut integration = Integration::default();
    integration.apply(created());
    for event in events {
        integration.apply(event);
    }
    integration
}

fn noon() -> DateTime<Utc> {
    "2026-03-14T12:00:00Z".parse().unwrap()
}

fn set_secret(secret: &str, overlap_hours: u32) -> IntegrationCommand {
    IntegrationCommand::SetSigningSecret { secret: secret.into(), now: noon(), overlap_hours }
}

fn mapping(n: u128) -> ItemMapping {
    ItemMapping {
        id: MappingId(Uuid::from_u128(n)),
        match_type: MatchType::Sku,
        external_ref: "STORM".to_owned(),
        asset: Asset::new(ResourceType::Preset, "storm"),
    }
}

#[test]
fn an_integration_is_created_once() {
    let first = || TestFramework::<Integration>::with(()).given_no_previous_events();
    first().when(IntegrationCommand::Create(create())).then_expect_events(vec![created()]);
    given([]).when(IntegrationCommand::Create(create())).then_expect_events(vec![]);
    let other = CreateIntegration { provider: Provider::Shopify, ..create() };
    given([]).when(IntegrationCommand::Create(other)).then_expect_error(IntegrationRefusal::AlreadyCreated);
    let empty = CreateIntegration { signing_secret: Some("".into()), ..create() };
    first().when(IntegrationCommand::Create(empty)).then_expect_error(IntegrationRefusal::InvalidSecret);
    let nameless = CreateIntegration { name: " ".to_owned(), ..create() };
    first().when(IntegrationCommand::Create(nameless)).then_expect_error(IntegrationRefusal::InvalidName);
    first().when(IntegrationCommand::Activate).then_expect_error(IntegrationRefusal::NotCreated);
}

#[test]
fn a_change_that_changes_nothing_is_not_recorded() {
    let cases = [
        IntegrationCommand::Rename { name: " My shop ".to_owned() },
        IntegrationCommand::Activate,
        IntegrationCommand::ChangeOrderStatuses { order_statuses: vec!["PROCESSING".into(), "completed".into()] },
        set_secret(SECRET, 24),
        set_secret(SECRET, 0),
        IntegrationCommand::RemoveItemMapping { mapping_id: MappingId(Uuid::nil()) },
    ];
    for command in cases {
        given([]).when(command).then_expect_events(vec![]);
    }
}

#[test]
fn an_integration_can_be_renamed_switched_off_and_on_and_filtered() {
    let name = "Other".to_owned();
    given([])
        .when(IntegrationCommand::Rename { name: name.clone() })
        .then_expect_events(vec![IntegrationEvent::IntegrationRenamed { name }]);
    given([])
        .when(IntegrationCommand::Deactivate)
        .then_expect_events(vec![IntegrationEvent::IntegrationDeactivated {}]);
    given([IntegrationEvent::IntegrationDeactivated {}])
        .when(IntegrationCommand::Activate)
        .then_expect_events(vec![IntegrationEvent::IntegrationActivated {}]);
    given([])
        .when(IntegrationCommand::ChangeOrderStatuses { order_statuses: vec![] })
        .then_expect_events(vec![IntegrationEvent::OrderStatusesChanged { order_statuses: vec![] }]);
    given([])
        .when(IntegrationCommand::ChangeOrderStatuses { order_statuses: vec![String::new()] })
        .then_expect_error(IntegrationRefusal::InvalidOrderStatuses);
}

#[test]
fn an_integration_delivers_publishes_or_does_both() {
    let change = |purpose| IntegrationCommand::ChangePurpose { purpose };
    let changed = |purpose| IntegrationEvent::PurposeChanged { purpose };
    given([]).when(change(Purpose::Delivers)).then_expect_events(vec![]);
    given([]).when(change(Purpose::Both)).then_expect_events(vec![changed(Purpose::Both)]);
    TestFramework::<Integration>::with(())
        .given_no_previous_events()
        .when(IntegrationCommand::Create(CreateIntegration { purpose: Purpose::Publishes, ..create() }))
        .then_expect_events(vec![publishing()]);
    let does = |events: &[IntegrationEvent]| {
        let purpose = fold(events.iter().cloned()).link().unwrap().purpose;
        (purpose.delivers(), purpose.publishes())
    };
    assert_eq!(does(&[]), (true, false));
    assert_eq!(does(&[changed(Purpose::Both)]), (true, true));
    assert_eq!(does(&[changed(Purpose::Both), changed(Purpose::Publishes)]), (false, true));
}

#[test]
fn the_address_that_a_store_has_is_kept_to_the_letter() {
    let change = |url: &str| IntegrationCommand::ChangeNotificationUrl { notification_url: url.to_owned() };
    let changed = |url: &str| IntegrationEvent::NotificationUrlChanged { notification_url: url.to_owned() };
    let given = |events: &[IntegrationEvent]| {
        let history = std::iter::once(created_of(Provider::Square)).chain(events.iter().cloned());
        TestFramework::<Integration>::with(()).given(history.collect())
    };
    given(&[]).when(change(URL)).then_expect_events(vec![]);
    for typed in [" https://Old.example/hook/ ", "HTTPS://Old.example/hook/"] {
        given(&[]).when(change(typed)).then_expect_events(vec![changed(typed.trim())]);
    }
    given(&[changed("https://old.example")]).when(change(URL)).then_expect_events(vec![changed(URL)]);
    let long = format!("https://{}", "x".repeat(1_993));
    for invalid in ["", "https://", "ftp://cloud.example", "cloud.example", "https://cloud.example/a b", &long] {
        given(&[]).when(change(invalid)).then_expect_error(IntegrationRefusal::InvalidNotificationUrl);
    }
}

#[test]
fn an_address_of_its_own_is_for_who_signs_it() {
    for provider in Provider::iter().filter(|provider| *provider != Provider::Square) {
        TestFramework::<Integration>::with(())
            .given(vec![created_of(provider)])
            .when(IntegrationCommand::ChangeNotificationUrl { notification_url: "https://other.example".to_owned() })
            .then_expect_error(IntegrationRefusal::AddressNotSigned { provider });
    }
}

#[test]
fn a_currency_is_three_letters_and_said_once() {
    let change = |currency: &str| IntegrationCommand::ChangeCurrency { currency: currency.to_owned() };
    given([]).when(change(" eur ")).then_expect_events(vec![currency_changed()]);
    given([currency_changed()]).when(change("EUR")).then_expect_events(vec![]);
    for invalid in ["", "EU", "EURO", "€€€", "E R"] {
        given([]).when(change(invalid)).then_expect_error(IntegrationRefusal::InvalidCurrency);
    }
}

fn currency_changed() -> IntegrationEvent {
    IntegrationEvent::CurrencyChanged { currency: Currency::parse("EUR").unwrap() }
}

#[test]
fn a_store_is_asked_to_report_the_topics_that_were_chosen() {
    let choose = |topics: &[&str]| {
        let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
        IntegrationCommand::ChooseTopics { topics: Some(topics) }
    };
    let chosen = |topics: &[&str]| IntegrationEvent::TopicsChosen {
        topics: Some(topics.iter().map(|topic| (*topic).to_owned()).collect()),
    };
    let both = ["customers/create", "orders/create"];
    given([])
        .when(choose(&["orders/create", "customers/create", "orders/create"]))
        .then_expect_events(vec![chosen(&both)]);
    given([chosen(&both)]).when(choose(&both)).then_expect_events(vec![]);
    given([chosen(&both)])
        .when(IntegrationCommand::ChooseTopics { topics: None })
        .then_expect_events(vec![IntegrationEvent::TopicsChosen { topics: None }]);
    let many: Vec<String> = (0..101).map(|n| format!("topic/{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for wrong in [&[""][..], &["orders create"], &many] {
        given([]).when(choose(wrong)).then_expect_error(IntegrationRefusal::InvalidTopics);
    }
}

#[test]
fn a_store_is_asked_in_place_of_webhooks_where_a_merchant_wants_it() {
    let change = |every_minutes| IntegrationCommand::ChangePolling { every_minutes };
    let changed = |every_minutes| IntegrationEvent::PollingChanged { every_minutes };
    given([]).when(change(Some(15))).then_expect_events(vec![changed(Some(15))]);
    given([changed(Some(15))]).when(change(Some(15))).then_expect_events(vec![]);
    given([changed(Some(15))]).when(change(None)).then_expect_events(vec![changed(None)]);
    given([]).when(change(None)).then_expect_events(vec![]);
    for minutes in [0, 4, 1_441] {
        given([]).when(change(Some(minutes))).then_expect_error(IntegrationRefusal::InvalidPollInterval);
    }
    assert_eq!(fold([changed(Some(15))]).link().unwrap().poll_every_minutes, Some(15));
}

fn access_saved(store: Option<&str>) -> IntegrationEvent {
    let store = store.map(str::to_owned);
    IntegrationEvent::StoreAccessSaved {
        token: "token_1234567890".into(),
        token_preview: "…7890".to_owned(),
        store,
        authorization: None,
    }
}

#[test]
fn access_to_a_store_is_saved_each_time_and_removed_when_there_is_any() {
    let save = |token: &str, store: Option<&str>| IntegrationCommand::SaveStoreAccess {
        token: token.into(),
        store: store.map(str::to_owned),
    };
    given([]).when(save(" token_1234567890\n", Some("abc"))).then_expect_events(vec![access_saved(Some("abc"))]);
    // The store may take it again: what waits for it is to be read.
    given([access_saved(Some("abc"))])
        .when(save("token_1234567890", Some("abc")))
        .then_expect_events(vec![access_saved(Some("abc"))]);
    given([access_saved(Some("abc"))])
        .when(save("token_1234567890", None))
        .then_expect_events(vec![access_saved(None)]);
    for invalid in ["", " ", "two words", "tökén", &"x".repeat(2_001)] {
        given([]).when(save(invalid, None)).then_expect_error(IntegrationRefusal::InvalidToken);
    }
    given([]).when(IntegrationCommand::RemoveStoreAccess).then_expect_events(vec![]);
    given([access_saved(None)])
        .when(IntegrationCommand::RemoveStoreAccess)
        .then_expect_events(vec![IntegrationEvent::StoreAccessRemoved {}]);
    let integration = fold([access_saved(Some("abc"))]);
    assert_eq!(integration.link().unwrap().store_access.as_ref().unwrap().store.as_deref(), Some("abc"));
    assert_eq!(fold([access_saved(None), IntegrationEvent::StoreAccessRemoved {}]).link().unwrap().store_access, None);
}

/// Every command of an integration, with few values, so that they meet. All of them promise that the same again is no
/// news, a rotation too: it is known by its new secret. But for access to a store, which is saved again to have read what
/// waits.
fn any_command() -> impl Strategy<Value = IntegrationCommand> {
    let text = |texts: &'static [&'static str]| select(texts).prop_map(str::to_owned);
    let name = || text(&[" My shop ", "Other", " "]);
    let secret = || text(&[SECRET, "whsec_second_secret", "whsec_third_secret", "short"]);
    let statuses = || prop::collection::vec(text(&["Paid", " paid", "completed", "any", "draft", ""]), 0..3);
    let match_type = select(vec![MatchType::Title, MatchType::ProductId, MatchType::Sku, MatchType::VariantId]);
    let asset = select(vec!["storm", "rain", ""]).prop_map(|id| Asset::new(ResourceType::Preset, id));
    let mapping_id = || (1..5_u128).prop_map(|n| MappingId(Uuid::from_u128(n)));
    let mapping = (mapping_id(), match_type, text(&["STORM", " storm ", "7", " "]), asset)
        .prop_map(|(id, match_type, external_ref, asset)| ItemMapping { id, match_type, external_ref, asset });
    prop_oneof![
        3 => (name(), prop::option::of(secret()), prop::option::of(statuses())).prop_map(|(name, signing_secret, order_statuses)| {
            IntegrationCommand::Create(CreateIntegration { name, signing_secret: signing_secret.map(Into::into), order_statuses, ..create() })
        }),
        1 => name().prop_map(|name| IntegrationCommand::Rename { name }),
        1 => select(Purpose::iter().collect::<Vec<_>>()).prop_map(|purpose| IntegrationCommand::ChangePurpose { purpose }),
        1 => Just(IntegrationCommand::Activate),
        1 => Just(IntegrationCommand::Deactivate),
        1 => statuses().prop_map(|order_statuses| IntegrationCommand::ChangeOrderStatuses { order_statuses }),
        1 => (secret(), 0..2_u32).prop_map(|(secret, overlap_hours)| set_secret(&secret, overlap_hours)),
        1 => (secret(), 0..200_i64, 0..200_u32).prop_map(|(secret, seconds, overlap_hours)| {
            let now = noon() + TimeDelta::seconds(seconds);
            IntegrationCommand::RotateSigningSecret { secret: secret.into(), now, overlap_hours }
        }),
        1 => text(&[URL, " https://cloud.example ", "https://a b", "ftp://cloud.example"])
            .prop_map(|notification_url| IntegrationCommand::ChangeNotificationUrl { notification_url }),
        1 => (text(&["token_1234567890", " another ", "", "two words"]), prop::option::of(text(&["abc"])))
            .prop_map(|(token, store)| IntegrationCommand::SaveStoreAccess { token: token.into(), store }),
        1 => Just(IntegrationCommand::RemoveStoreAccess),
        4 => connecting::any_command(),
        1 => text(&["EUR", "jpy", "none"]).prop_map(|currency| IntegrationCommand::ChangeCurrency { currency }),
        3 => mapping.prop_map(|mapping| IntegrationCommand::AddItemMapping { mapping }),
        1 => mapping_id().prop_map(|mapping_id| IntegrationCommand::RemoveItemMapping { mapping_id }),
    ]
}

proptest! {
    #[test]
    fn repeating_a_command_adds_nothing(mut commands in prop::collection::vec(any_command(), 0..60)) {
        // Saved again, what waits is read; begun again, it is another attempt, which is used up once.
        commands.retain(|command| {
            let always = matches!(
                command,
                IntegrationCommand::SaveStoreAccess { .. }
                    | IntegrationCommand::StartConnecting { .. }
                    | IntegrationCommand::CompleteConnecting { .. }
            );
            !always
        });
        repeating_adds_nothing(commands, Integration::decide)?;
    }
}

#[test]
fn the_stored_form_of_every_event_is_pinned() {
    let IntegrationEvent::IntegrationCreated(first) = created() else { panic!("it is a creation") };
    let events = [
        created(),
        IntegrationEvent::IntegrationRenamed { name: "Other".to_owned() },
        IntegrationEvent::IntegrationActivated {},
        IntegrationEvent::IntegrationDeactivated {},
        IntegrationEvent::OrderStatusesChanged { order_statuses: vec!["paid".to_owned()] },
        IntegrationEvent::SigningSecretSet { signing_secret: "s".into(), secret_preview: "…".to_owned() },
        IntegrationEvent::SigningSecretRotated {
            signing_secret: "s".into(),
            secret_preview: "…".to_owned(),
            previous_valid_until: noon(),
        },
        IntegrationEvent::ItemMappingAdded { mapping: mapping(1) },
        IntegrationEvent::ItemMappingRemoved { mapping_id: mapping(1).id },
        IntegrationEvent::IntegrationCreated(IntegrationCreated {
            provider: Provider::Square,
            signing_secret: None,
            secret_preview: None,
            ..first
        }),
        IntegrationEvent::NotificationUrlChanged { notification_url: URL.to_owned() },
        access_saved(Some("abc")),
        access_saved(None),
        IntegrationEvent::StoreAccessRemoved {},
        publishing(),
        IntegrationEvent::PurposeChanged { purpose: Purpose::Delivers },
        currency_changed(),
        connecting::started(),
        connecting::granted(),
        IntegrationEvent::StoreAccessRenewed {
            token: "token_0987654321".into(),
            token_preview: "…4321".to_owned(),
            refresh_token: Some("refresh_2".into()),
            expires_at: Some(noon()),
        },
        IntegrationEvent::StoreAccessRenewed {
            token: "token_0987654321".into(),
            token_preview: "…4321".to_owned(),
            refresh_token: None,
            expires_at: None,
        },
        IntegrationEvent::StoreAccessLost { reason: AccessLost::Uninstalled },
        IntegrationEvent::StoreConnectionFailed {
            attempt_id: Uuid::from_u128(7),
            reason: "the store was not authorised: no".to_owned(),
        },
        connecting::app_saved(),
        IntegrationEvent::StoreAppRemoved {},
        IntegrationEvent::PollingChanged { every_minutes: Some(15) },
        IntegrationEvent::PollingChanged { every_minutes: None },
        IntegrationEvent::TopicsChosen { topics: Some(vec!["orders/create".to_owned()]) },
        IntegrationEvent::TopicsChosen { topics: None },
    ];
    insta::assert_snapshot!(stored(&events));
}

/// Grows by a line whenever the stored form grows; no line is ever changed or removed.
#[test]
fn every_event_that_ever_was_still_loads() {
    for line in include_str!("ever.jsonl").lines() {
        serde_json::from_str::<IntegrationEvent>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}

#[test]
fn a_command_prints_no_secret() {
    let access = IntegrationCommand::SaveStoreAccess { token: SECRET.into(), store: None };
    let grant = Grant { token: SECRET.into(), refresh_token: Some(SECRET.into()), ..connecting::grant("") };
    let complete = IntegrationCommand::CompleteConnecting { attempt_id: Uuid::nil(), grant, now: noon() };
    let app = IntegrationCommand::SaveStoreApp { client_id: "app".to_owned(), client_secret: SECRET.into() };
    for command in [IntegrationCommand::Create(create()), set_secret(SECRET, 0), access, complete, app] {
        let printed = format!("{command:?}");
        assert!(printed.contains("REDACTED") && !printed.contains(SECRET), "{printed}");
    }
}
