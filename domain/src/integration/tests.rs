//! The rules of an integration, as given, when, then.

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use proptest::prelude::*;
use proptest::sample::select;
use strum::IntoEnumIterator as _;
use uuid::Uuid;

use super::{
    CreateIntegration, Integration, IntegrationCommand, IntegrationCreated, IntegrationEvent, IntegrationRefusal,
    Provider, Purpose, is_weak_secret,
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
fn a_secret_that_a_store_already_uses_is_taken_however_short_and_an_empty_one_never() {
    let set =
        |secret: &str| IntegrationCommand::SetSigningSecret { secret: secret.into(), now: noon(), overlap_hours: 0 };
    let short = IntegrationEvent::SigningSecretSet { signing_secret: "abc".into(), secret_preview: "…".into() };
    for copied in ["abc", " abc\n"] {
        given([]).when(set(copied)).then_expect_events(vec![short.clone()]);
    }
    for blank in ["", "  ", "        "] {
        given([]).when(set(blank)).then_expect_error(IntegrationRefusal::InvalidSecret);
    }
    given([]).when(set(&"x".repeat(501))).then_expect_error(IntegrationRefusal::InvalidSecret);
    for guessed in ["1234567", " 1234567 ", "12345678", "aaaaaaaaaaaaaaaa"] {
        assert!(is_weak_secret(guessed), "{guessed}");
    }
}

#[test]
fn a_secret_that_the_store_still_uses_survives_a_mistake_in_setting_another() {
    let set = |secret: &str, overlap_hours| IntegrationCommand::SetSigningSecret {
        secret: secret.into(),
        now: noon(),
        overlap_hours,
    };
    let mut integration = Integration::default();
    let create = IntegrationCommand::Create(create());
    for command in [create, set("a typing mistake", 24), set("the right secret", 24)] {
        for event in integration.decide(command).unwrap() {
            integration.apply(event);
        }
    }
    let valid = |at| integration.link().unwrap().signing_secrets(at).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(valid(noon()), ["the right secret", "a typing mistake", SECRET]);
    assert_eq!(valid(noon() + TimeDelta::hours(24)), ["the right secret"]);
    for event in integration.decide(set("the right secret", 0)).unwrap() {
        integration.apply(event);
    }
    assert_eq!(integration.link().unwrap().signing_secrets(noon()).collect::<Vec<_>>(), ["the right secret"]);
}

#[test]
fn after_a_rotation_both_secrets_are_valid_until_the_overlap_ends() {
    let rotate = |overlap_hours| IntegrationCommand::RotateSigningSecret {
        secret: "whsec_second_secret".into(),
        now: noon(),
        overlap_hours,
    };
    let end = noon() + TimeDelta::hours(24);
    let rotated = IntegrationEvent::SigningSecretRotated {
        signing_secret: "whsec_second_secret".into(),
        secret_preview: "…cret".to_owned(),
        previous_valid_until: end,
    };
    given([]).when(rotate(24)).then_expect_events(vec![rotated.clone()]);
    given([rotated.clone()]).when(rotate(24)).then_expect_events(vec![]);
    given([]).when(rotate(169)).then_expect_error(IntegrationRefusal::OverlapTooLong { hours: 169 });

    let integration = fold([rotated]);
    let secrets = |at| integration.link().unwrap().signing_secrets(at).collect::<Vec<_>>();
    assert_eq!(secrets(end - TimeDelta::microseconds(1)), ["whsec_second_secret", SECRET]);
    assert_eq!(secrets(end), ["whsec_second_secret"]);
}

fn set_secret(secret: &str, overlap_hours: u32) -> IntegrationCommand {
    IntegrationCommand::SetSigningSecret { secret: secret.into(), now: noon(), overlap_hours }
}

#[test]
fn a_secret_that_the_store_chose_leaves_the_old_one_valid_for_the_overlap() {
    let end = noon() + TimeDelta::hours(24);
    let replaced = IntegrationEvent::SigningSecretRotated {
        signing_secret: "shopify_shows_this".into(),
        secret_preview: "…this".to_owned(),
        previous_valid_until: end,
    };
    given([]).when(set_secret("shopify_shows_this", 24)).then_expect_events(vec![replaced.clone()]);
    given([replaced.clone()]).when(set_secret("shopify_shows_this", 24)).then_expect_events(vec![]);
    given([])
        .when(set_secret("shopify_shows_this", 169))
        .then_expect_error(IntegrationRefusal::OverlapTooLong { hours: 169 });
    let integration = fold([replaced]);
    let secrets = |at| integration.link().unwrap().signing_secrets(at).collect::<Vec<_>>();
    assert_eq!(secrets(end - TimeDelta::microseconds(1)), ["shopify_shows_this", SECRET]);
    assert_eq!(secrets(end), ["shopify_shows_this"]);
}

#[test]
fn without_an_overlap_a_secret_replaces_at_once_and_ends_an_earlier_overlap() {
    let set = IntegrationEvent::SigningSecretSet {
        signing_secret: "shopify_shows_this".into(),
        secret_preview: "…this".into(),
    };
    given([]).when(set_secret("shopify_shows_this", 0)).then_expect_events(vec![set.clone()]);
    let overlapping = IntegrationEvent::SigningSecretRotated {
        signing_secret: "shopify_shows_this".into(),
        secret_preview: "…this".to_owned(),
        previous_valid_until: noon() + TimeDelta::hours(24),
    };
    given([overlapping.clone()]).when(set_secret("shopify_shows_this", 0)).then_expect_events(vec![set.clone()]);
    let integration = fold([overlapping, set]);
    assert_eq!(integration.link().unwrap().signing_secrets(noon()).collect::<Vec<_>>(), ["shopify_shows_this"]);
}

#[test]
fn a_secret_that_the_store_hands_over_later_is_the_first_and_nothing_is_verified_before() {
    let without = |events: Vec<IntegrationEvent>| {
        let IntegrationEvent::IntegrationCreated(first) = created() else { panic!("it is a creation") };
        let first = IntegrationCreated { signing_secret: None, secret_preview: None, ..first };
        [vec![IntegrationEvent::IntegrationCreated(first)], events].concat()
    };
    let create = CreateIntegration { signing_secret: None, ..create() };
    TestFramework::<Integration>::with(())
        .given_no_previous_events()
        .when(IntegrationCommand::Create(create))
        .then_expect_events(without(vec![]));
    let set = IntegrationEvent::SigningSecretSet { signing_secret: SECRET.into(), secret_preview: "…cret".into() };
    for overlap_hours in [0, 24] {
        TestFramework::<Integration>::with(())
            .given(without(vec![]))
            .when(set_secret(SECRET, overlap_hours))
            .then_expect_events(vec![set.clone()]);
    }
    let secrets = |events| {
        let mut integration = Integration::default();
        for event in events {
            integration.apply(event);
        }
        let link = integration.link().unwrap().clone();
        let secrets: Vec<_> = link.signing_secrets(noon()).map(str::to_owned).collect();
        assert_eq!(link.has_signing_secret(), !secrets.is_empty());
        secrets
    };
    assert_eq!(secrets(without(vec![])), [""; 0]);
    assert_eq!(secrets(without(vec![set])), [SECRET]);
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
    given([]).when(change(URL)).then_expect_events(vec![]);
    given([])
        .when(change(" https://Old.example/hook/ "))
        .then_expect_events(vec![changed("https://Old.example/hook/")]);
    given([changed("https://old.example")]).when(change(URL)).then_expect_events(vec![changed(URL)]);
    let long = format!("https://{}", "x".repeat(1_993));
    for invalid in ["", "https://", "ftp://cloud.example", "cloud.example", "https://cloud.example/a b", &long] {
        given([]).when(change(invalid)).then_expect_error(IntegrationRefusal::InvalidNotificationUrl);
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

fn access_saved(store: Option<&str>) -> IntegrationEvent {
    let store = store.map(str::to_owned);
    IntegrationEvent::StoreAccessSaved { token: "token_1234567890".into(), token_preview: "…7890".to_owned(), store }
}

#[test]
fn access_to_a_store_is_saved_when_it_is_new_and_removed_when_there_is_any() {
    let save = |token: &str, store: Option<&str>| IntegrationCommand::SaveStoreAccess {
        token: token.into(),
        store: store.map(str::to_owned),
    };
    given([]).when(save(" token_1234567890\n", Some("abc"))).then_expect_events(vec![access_saved(Some("abc"))]);
    given([access_saved(Some("abc"))]).when(save("token_1234567890", Some("abc"))).then_expect_events(vec![]);
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

#[test]
fn a_mapping_says_something_new_or_is_not_recorded() {
    let add = |mapping| IntegrationCommand::AddItemMapping { mapping };
    let added = IntegrationEvent::ItemMappingAdded { mapping: mapping(1) };
    let padded = ItemMapping { external_ref: " STORM ".to_owned(), ..mapping(1) };
    given([]).when(add(padded)).then_expect_events(vec![added.clone()]);
    given([added.clone()]).when(add(mapping(2))).then_expect_events(vec![]);
    given([added.clone()])
        .when(IntegrationCommand::RemoveItemMapping { mapping_id: mapping(1).id })
        .then_expect_events(vec![IntegrationEvent::ItemMappingRemoved { mapping_id: mapping(1).id }]);
    let nothing = ItemMapping { external_ref: "  ".to_owned(), ..mapping(1) };
    given([]).when(add(nothing)).then_expect_error(IntegrationRefusal::InvalidExternalRef);
    let blank = ItemMapping { match_type: MatchType::Title, external_ref: "&nbsp;".to_owned(), ..mapping(1) };
    given([]).when(add(blank)).then_expect_error(IntegrationRefusal::InvalidExternalRef);
    let no_asset = ItemMapping { asset: Asset::new(ResourceType::Preset, ""), ..mapping(1) };
    given([]).when(add(no_asset)).then_expect_error(IntegrationRefusal::InvalidResourceId);
    assert!(
        fold([added, IntegrationEvent::ItemMappingRemoved { mapping_id: mapping(1).id }])
            .link()
            .unwrap()
            .mappings
            .is_empty()
    );
}

#[test]
fn titles_that_read_the_same_are_one_mapping_and_skus_are_two() {
    let add = |mapping| IntegrationCommand::AddItemMapping { mapping };
    let of = |n, match_type, external_ref: &str| ItemMapping {
        match_type,
        external_ref: external_ref.to_owned(),
        ..mapping(n)
    };
    let title = of(1, MatchType::Title, "Stürmische Drive");
    let shouted = of(2, MatchType::Title, "STU\u{308}RMISCHE&nbsp; DRIVE");
    let known = [IntegrationEvent::ItemMappingAdded { mapping: title.clone() }];
    given(known.clone()).when(add(shouted.clone())).then_expect_events(vec![]);
    assert_eq!(fold(known.clone()).link().unwrap().mapping_like(&shouted), Some(&title));
    let other_asset = ItemMapping { asset: Asset::new(ResourceType::Preset, "rain"), ..shouted.clone() };
    for news in [other_asset, of(2, MatchType::Title, "Storm Drive")] {
        let added = IntegrationEvent::ItemMappingAdded { mapping: news.clone() };
        given(known.clone()).when(add(news)).then_expect_events(vec![added]);
    }
    for match_type in [MatchType::Sku, MatchType::ProductId, MatchType::VariantId] {
        let known = IntegrationEvent::ItemMappingAdded { mapping: of(1, match_type, "STORM") };
        let lower = of(2, match_type, "storm");
        let added = IntegrationEvent::ItemMappingAdded { mapping: lower.clone() };
        given([known]).when(add(lower)).then_expect_events(vec![added]);
    }
}

/// Every command of an integration, with few values, so that they meet. All of them promise that the same again is no
/// news, a rotation too: it is known by its new secret. None is left out.
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
        1 => text(&["EUR", "jpy", "none"]).prop_map(|currency| IntegrationCommand::ChangeCurrency { currency }),
        3 => mapping.prop_map(|mapping| IntegrationCommand::AddItemMapping { mapping }),
        1 => mapping_id().prop_map(|mapping_id| IntegrationCommand::RemoveItemMapping { mapping_id }),
    ]
}

proptest! {
    #[test]
    fn repeating_a_command_adds_nothing(commands in prop::collection::vec(any_command(), 0..60)) {
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
    for command in [IntegrationCommand::Create(create()), set_secret(SECRET, 0), access] {
        let printed = format!("{command:?}");
        assert!(printed.contains("REDACTED") && !printed.contains(SECRET), "{printed}");
    }
}
