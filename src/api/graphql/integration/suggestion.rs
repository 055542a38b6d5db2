//! What a store sells and nothing is delivered for.

use async_graphql::SimpleObject;
use event_log::Position;

use crate::api::graphql::words::MatchType;
use crate::app::integrations::{Suggestion, Suggestions};

/// A variant of a product that no mapping matches: its `matchType` and `externalRef` are what `addItemMapping` takes.
#[derive(SimpleObject)]
pub(super) struct MappingSuggestion {
    /// The store's ids of the product and of the variant.
    product_id: String,
    variant_id: Option<String>,
    title: Option<String>,
    variant_title: Option<String>,
    sku: Option<String>,
    /// By what orders of the store name it best.
    match_type: MatchType,
    external_ref: String,
}

#[derive(SimpleObject)]
pub(super) struct MappingSuggestions {
    /// All variants of a product come together, so that there may be a few more than were asked for.
    nodes: Vec<MappingSuggestion>,
    /// Of the next page, if there may be one: `after`.
    next: Option<String>,
}

impl From<Suggestion> for MappingSuggestion {
    fn from(suggestion: Suggestion) -> Self {
        let Suggestion { product_id, title, variant_id, variant_title, sku, match_type, external_ref } = suggestion;
        let match_type = match_type.into();
        Self { product_id, variant_id, title, variant_title, sku, match_type, external_ref }
    }
}

impl From<Suggestions> for MappingSuggestions {
    fn from(found: Suggestions) -> Self {
        let Suggestions { suggestions, next } = found;
        Self {
            nodes: suggestions.into_iter().map(MappingSuggestion::from).collect(),
            next: next.map(|Position(position)| position.to_string()),
        }
    }
}
