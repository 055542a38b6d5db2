//! What is bought and what is delivered for it: line items, mappings, assets, and how one finds the other.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::MappingId;
use crate::title;

/// Longest reference or resource id that a mapping may have, in characters.
pub const MAX_REFERENCE_CHARS: usize = 500;

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, strum::Display,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ResourceType {
    /// A Quad Cortex preset.
    Preset,
    /// A neural capture.
    Capture,
}

/// Something on Cortex Cloud that can be shared with a customer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Asset {
    pub resource_type: ResourceType,
    pub resource_id: String,
}

/// As people read it: `preset abc123`.
impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.resource_type, self.resource_id)
    }
}

impl Asset {
    /// Takes an id, or the public address of the asset that people copy from their browser, whose last segment is the id.
    /// An address that says what it leads to (`…/neural-capture/…`, `…/preset/…`) decides the type: it cannot be another. Of
    /// an address that leads to no asset, a profile for instance, the id is empty, which no mapping may have.
    pub fn new(resource_type: ResourceType, id_or_address: &str) -> Self {
        let text = id_or_address.trim();
        // No id has a slash: what has one is an address, with or without its scheme.
        if !text.contains('/') {
            return Self { resource_type, resource_id: text.to_owned() };
        }
        let path = text.split(['?', '#']).next().unwrap_or(text).trim_end_matches('/');
        let (before, id) = path.rsplit_once('/').unwrap_or(("", path));
        let named = before.split('/').rev().find_map(ResourceType::of_segment);
        let is_viewed = before == "view" || before.ends_with("/view");
        let names_asset = id != "view" && ResourceType::of_segment(id).is_none();
        let leads_to_asset = (named.is_some() || is_viewed) && names_asset;
        let resource_id = if leads_to_asset { id.to_owned() } else { String::new() };
        Self { resource_type: named.unwrap_or(resource_type), resource_id }
    }
}

impl ResourceType {
    /// The type that a segment of an address at Cortex Cloud names, if it names one.
    fn of_segment(segment: &str) -> Option<Self> {
        match segment {
            "preset" | "presets" => Some(Self::Preset),
            "neural-capture" | "neural-captures" | "capture" | "captures" => Some(Self::Capture),
            _ => None,
        }
    }
}

/// Which part of a line item a mapping looks at (store integrations document, "Match types").
///
/// Declared from the least to the most specific: the order decides between mappings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatchType {
    /// Compared as people see it: HTML entities decoded, whatever its case, its white space and its Unicode form.
    Title,
    ProductId,
    Sku,
    VariantId,
}

impl MatchType {
    /// Whether a reference names nothing at all, as a title of `&nbsp;` does.
    pub(crate) fn is_blank(self, reference: &str) -> bool {
        match self {
            Self::Title => title::is_same(reference, ""),
            Self::ProductId | Self::Sku | Self::VariantId => reference.trim().is_empty(),
        }
    }

    /// Whether two references name the same product.
    fn is_same(self, one: &str, other: &str) -> bool {
        let (one, other) = (one.trim(), other.trim());
        match self {
            Self::Title => title::is_same(one, other),
            Self::ProductId | Self::Sku | Self::VariantId => one == other,
        }
    }
}

/// A merchant's rule: for this product, deliver that asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ItemMapping {
    pub id: MappingId,
    pub match_type: MatchType,
    pub external_ref: String,
    pub asset: Asset,
}

/// One line of an order, as far as it matters here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct LineItem {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How many were bought; parts of one count as one. Zero (a line that was refunded or removed) delivers nothing.
    pub quantity: u32,
}

impl LineItem {
    /// Whether both are lines of one product: by the store's own ids where both have any, else by title. A store may rename
    /// a product in an order.
    pub fn is_same_product(&self, other: &Self) -> bool {
        let ids = |item: &Self| [item.variant_id.clone(), item.product_id.clone(), item.sku.clone()];
        let has_ids = |item: &Self| item.variant_id.is_some() || item.product_id.is_some() || item.sku.is_some();
        if has_ids(self) && has_ids(other) { ids(self) == ids(other) } else { self.title == other.title }
    }

    /// What people call it: its title, or else an id.
    pub fn label(&self) -> String {
        let id = |kind: &str, id: &Option<String>| id.as_ref().map(|id| format!("{kind} {id}"));
        self.title
            .clone()
            .or_else(|| self.sku.clone())
            .or_else(|| id("variant", &self.variant_id))
            .or_else(|| id("product", &self.product_id))
            .unwrap_or_else(|| "a line without a name".to_owned())
    }
}

impl ItemMapping {
    pub fn matches(&self, item: &LineItem) -> bool {
        let value = match self.match_type {
            MatchType::VariantId => &item.variant_id,
            MatchType::Sku => &item.sku,
            MatchType::ProductId => &item.product_id,
            MatchType::Title => &item.title,
        };
        item.quantity > 0 && value.as_deref().is_some_and(|value| self.match_type.is_same(value, &self.external_ref))
    }

    /// Whether both deliver the same asset for the same product, whatever their ids.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        self.asset == other.asset
            && self.match_type == other.match_type
            && self.match_type.is_same(&self.external_ref, &other.external_ref)
    }
}

/// The mappings that apply to an item: all those of the most specific kind that match. More than one when a product
/// brings several assets.
pub fn mappings_for<'m>(item: &LineItem, mappings: &'m [ItemMapping]) -> Vec<&'m ItemMapping> {
    let matching = || mappings.iter().filter(|mapping| mapping.matches(item));
    let most_specific = matching().map(|mapping| mapping.match_type).max();
    matching().filter(|mapping| Some(mapping.match_type) == most_specific).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn mapping(match_type: MatchType, external_ref: &str, resource_id: &str) -> ItemMapping {
        ItemMapping {
            id: MappingId(Uuid::nil()),
            match_type,
            external_ref: external_ref.to_owned(),
            asset: Asset::new(ResourceType::Preset, resource_id),
        }
    }

    fn storm() -> LineItem {
        LineItem {
            sku: Some("STORM".to_owned()),
            product_id: Some("7".to_owned()),
            variant_id: Some("70".to_owned()),
            title: Some("Storm Drive ".to_owned()),
            quantity: 1,
        }
    }

    fn found(mappings: &[ItemMapping]) -> Vec<&str> {
        mappings_for(&storm(), mappings).iter().map(|mapping| mapping.asset.resource_id.as_str()).collect()
    }

    #[test]
    fn the_most_specific_mapping_wins() {
        let mut mappings = vec![
            mapping(MatchType::Title, "storm drive", "by-title"),
            mapping(MatchType::ProductId, "7", "by-product"),
            mapping(MatchType::Sku, "STORM", "by-sku"),
            mapping(MatchType::VariantId, "70", "by-variant"),
        ];
        for expected in ["by-variant", "by-sku", "by-product", "by-title"] {
            assert_eq!(found(&mappings), [expected]);
            mappings.pop();
        }
        assert!(found(&mappings).is_empty());
    }

    #[test]
    fn one_product_may_bring_several_assets() {
        let mappings = [mapping(MatchType::Sku, "STORM", "lead"), mapping(MatchType::Sku, "STORM", "rhythm")];
        assert_eq!(found(&mappings), ["lead", "rhythm"]);
    }

    #[test]
    fn titles_match_whatever_their_case_and_skus_do_not() {
        assert_eq!(found(&[mapping(MatchType::Title, " STORM DRIVE", "by-title")]), ["by-title"]);
        assert!(found(&[mapping(MatchType::Sku, "storm", "by-sku")]).is_empty());
    }

    #[test]
    fn a_title_matches_as_people_see_it_and_a_sku_only_as_it_is_written() {
        let line = LineItem {
            sku: Some("CAF\u{e9}&ndash;1".to_owned()),
            title: Some("Caf\u{e9}\u{a0}Drive \u{2013} Stra\u{df}e".to_owned()),
            quantity: 1,
            ..LineItem::default()
        };
        let title = |text: &str| mapping(MatchType::Title, text, "cafe").matches(&line);
        for same in ["CAFE\u{301}  drive &ndash; STRASSE", "caf&eacute;&nbsp;Drive &#8211; stra&szlig;e"] {
            assert!(title(same), "{same}");
        }
        assert!(!title("Cafe Drive \u{2013} Stra\u{df}e") && !title("Caf\u{e9} Drive - Stra\u{df}e"));
        for (sku, is_found) in
            [("CAF\u{e9}&ndash;1", true), ("CAFE\u{301}&ndash;1", false), ("CAF\u{e9}\u{2013}1", false)]
        {
            assert_eq!(mapping(MatchType::Sku, sku, "cafe").matches(&line), is_found, "{sku}");
        }
    }

    #[test]
    fn a_line_that_was_removed_from_the_order_matches_nothing() {
        let removed = LineItem { quantity: 0, ..storm() };
        assert!(mappings_for(&removed, &[mapping(MatchType::Sku, "STORM", "lead")]).is_empty());
    }

    #[test]
    fn a_pasted_address_names_the_asset_that_it_leads_to() {
        use ResourceType::{Capture, Preset};

        for (said, pasted, resource_type, id) in [
            (Capture, " abc ", Capture, "abc"),
            (Preset, "https://cloud.neuraldsp.com/cloud/u/max/neural-capture/view/1f-2e/", Capture, "1f-2e"),
            (Capture, "https://cloud.neuraldsp.com/cloud/preset/view/9?tab=1#top", Preset, "9"),
            (Capture, "https://cloud.neuraldsp.com/cloud/preset", Capture, ""),
            (Capture, "https://cloud.neuraldsp.com/cloud/u/max/neural-capture/view/", Capture, ""),
            (Preset, "https://cloud.neuraldsp.com/cloud/u/max", Preset, ""),
            (Preset, "https://cloud.neuraldsp.com/view/7", Preset, "7"),
            (Preset, "cloud.neuraldsp.com/cloud/u/max/neural-capture/view/6f1d?x=1#y", Capture, "6f1d"),
            (Preset, "max/neural-capture/view/6f1d", Capture, "6f1d"),
        ] {
            let resource_id = id.to_owned();
            assert_eq!(Asset::new(said, pasted), Asset { resource_type, resource_id }, "{pasted}");
        }
    }
}
