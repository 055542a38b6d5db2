//! What a store sells.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::ControlError;
use super::order::MAX_TEXT_BYTES;

/// Variants that a product may have here.
const MAX_VARIANTS: usize = 100;

/// A product as a test or a person wants it offered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewProduct {
    /// The one with this number is changed. The next free one where none is given.
    #[serde(default)]
    pub id: Option<u64>,
    pub title: String,
    #[serde(default)]
    pub variants: Vec<NewVariant>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewVariant {
    pub sku: String,
    pub title: String,
    /// How many there are; none are counted where this is left out.
    #[serde(default)]
    pub stock: Option<u32>,
}

/// A product of a store.
pub(super) struct Product {
    pub(super) id: u64,
    pub(super) offered: NewProduct,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

impl NewProduct {
    pub(super) fn check(&self) -> Result<(), ControlError> {
        let texts = self.variants.iter().flat_map(|variant| [&variant.sku, &variant.title]);
        if texts.chain([&self.title]).any(|text| text.len() > MAX_TEXT_BYTES) {
            return Err(ControlError::OutOfBounds("a text has at most 1000 bytes"));
        }
        if self.variants.len() > MAX_VARIANTS {
            return Err(ControlError::OutOfBounds("a product has at most 100 variants"));
        }
        Ok(())
    }
}

impl Product {
    /// Of its variants, which each platform knows by ids of their own.
    pub(super) fn variant_id(&self, at: usize) -> u64 {
        self.id * 1_000 + at as u64 + 1
    }
}
