//! Secrets that stores sign with: taken over, replaced, and valid for a time.

use super::*;

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
