//! What a store sells and nothing is delivered for, to choose from where a mapping is made.

use domain::integration::Provider;
use domain::{LineItem, MatchType};
use event_log::Position;
use projections::commerce::products::{self, Filter, ProductRow, Start};
use projections::integrations::IntegrationRow;

use super::Integrations;
use crate::app::error::Error;
use crate::app::viewer::Viewer;

/// Products that are read at a time, and how often for one request: what is searched for may be far down.
const PAGE: i64 = 250;
const MAX_PAGES: usize = 40;

/// A variant of a product that no mapping matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    pub product_id: String,
    pub title: Option<String>,
    pub variant_id: Option<String>,
    pub variant_title: Option<String>,
    pub sku: Option<String>,
    /// By what its orders name it best.
    pub match_type: MatchType,
    pub external_ref: String,
}

/// Some of them, and where it goes on: behind a product.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Suggestions {
    pub suggestions: Vec<Suggestion>,
    pub next: Option<Position>,
}

impl Integrations {
    /// What the integration's store sells and no mapping matches, as far as it is known, of the products after a place in the list:
    /// those whose title or SKU has this text in it, where one is given. All variants of a product come together, so that there may
    /// be more than `limit`.
    pub async fn suggestions(
        &self,
        viewer: &Viewer,
        row: &IntegrationRow,
        search: Option<&str>,
        (after, limit): (Position, usize),
    ) -> Result<Suggestions, Error> {
        viewer.require_seeing(&row.account_id)?;
        let provider = Provider::parse(&row.provider);
        let (mappings, search) = (row.mappings(), search.map(str::to_lowercase));
        let filter = Filter { integration_id: Some(row.id.clone()), ..Filter::default() };
        let (mut found, mut after) = (Suggestions::default(), after);
        for _ in 0..MAX_PAGES {
            let page = products::page(&self.data.views, &filter, Start::After(after), PAGE).await?;
            let is_last = i64::try_from(page.len()).unwrap_or(PAGE) < PAGE;
            for product in page {
                after = product.listed_at;
                let of_product = variants(&product, provider).filter(|(item, suggestion)| {
                    let is_mapped = !domain::asset::mappings_for(item, &mappings).is_empty();
                    !is_mapped && search.as_ref().is_none_or(|search| suggestion.has(search))
                });
                found.suggestions.extend(of_product.map(|(_, suggestion)| suggestion));
                if found.suggestions.len() >= limit {
                    found.next = Some(after);
                    return Ok(found);
                }
            }
            if is_last {
                return Ok(found);
            }
        }
        found.next = Some(after);
        Ok(found)
    }
}

impl Suggestion {
    fn has(&self, search: &str) -> bool {
        let texts = [&self.title, &self.variant_title, &self.sku];
        texts.into_iter().flatten().any(|text| text.to_lowercase().contains(search))
    }
}

/// Each variant of a product, as an order would name it; the product itself where it has none.
fn variants(row: &ProductRow, provider: Option<Provider>) -> impl Iterator<Item = (LineItem, Suggestion)> {
    let (product, product_id) = (row.product(), row.product_id.clone());
    let title = product.title.clone();
    let mut variants: Vec<_> = product
        .variants
        .into_iter()
        // WooCommerce has a product without variations as its own variant, which orders do not name.
        .map(|variant| (Some(variant.variant_id).filter(|id| *id != product_id), variant.title, variant.sku))
        .collect();
    if variants.is_empty() {
        variants.push((None, None, None));
    }
    variants.into_iter().map(move |(variant_id, variant_title, sku)| {
        // Orders of Square name no SKU.
        let usable_sku = sku.clone().filter(|_| provider != Some(Provider::Square));
        let (match_type, external_ref) = match (usable_sku, &variant_id) {
            (Some(sku), _) => (MatchType::Sku, sku),
            (None, Some(variant_id)) => (MatchType::VariantId, variant_id.clone()),
            (None, None) => (MatchType::ProductId, product_id.clone()),
        };
        let item = LineItem {
            sku: sku.clone(),
            product_id: Some(product_id.clone()),
            variant_id: variant_id.clone(),
            title: title.clone(),
            quantity: 1,
        };
        let (product_id, title) = (product_id.clone(), title.clone());
        let suggestion = Suggestion { product_id, title, variant_id, variant_title, sku, match_type, external_ref };
        (item, suggestion)
    })
}
