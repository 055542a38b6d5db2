//! Which product is which asset.

use super::*;

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
