//! The items of a delivery: what was ordered, and what was planned and shared for it.

use async_graphql::{Enum, SimpleObject};

use super::super::integration::ItemMapping;
use super::super::words::ResourceType;
use crate::api::graphql::moment::{Moment, moment};
use crate::app::deliveries::{Item, ItemAsset, ItemState};

/// What became of an item.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "ItemState")]
pub(super) enum DeliveryItemState {
    /// No attempt has planned it yet.
    Pending,
    /// No mapping was found for it.
    Unmapped,
    /// It is to be shared, in whole or in part.
    Outstanding,
    Shared,
    /// It is no longer part of the order: refunded, or taken off. What was shared for it is never taken back.
    Removed,
}

#[derive(SimpleObject)]
pub(super) struct DeliveryItem {
    title: Option<String>,
    sku: Option<String>,
    product_id: Option<String>,
    variant_id: Option<String>,
    quantity: i32,
    state: DeliveryItemState,
    /// The mapping by which it was delivered, as it was then; the first of several.
    mapping: Option<ItemMapping>,
    /// Everything that was planned for it.
    assets: Vec<DeliveryAsset>,
    /// When the last of its assets was shared.
    shared_at: Option<Moment>,
}

/// An asset that an attempt planned for an item.
#[derive(SimpleObject)]
pub(super) struct DeliveryAsset {
    resource_type: ResourceType,
    resource_id: String,
    /// Null while it was not shared.
    shared_at: Option<Moment>,
    /// With which username, which may be another than the order names now; of another account's delivery its beginning.
    shared_with: Option<String>,
    /// Whether Cortex Cloud does not have it.
    missing: bool,
}

impl From<Item> for DeliveryItem {
    fn from(Item { item, state, mapping, assets, shared_at }: Item) -> Self {
        Self {
            title: item.title,
            sku: item.sku,
            product_id: item.product_id,
            variant_id: item.variant_id,
            quantity: i32::try_from(item.quantity).unwrap_or(i32::MAX),
            state: state.into(),
            mapping: mapping.map(ItemMapping::from),
            assets: assets.into_iter().map(DeliveryAsset::from).collect(),
            shared_at: shared_at.map(moment),
        }
    }
}

impl From<ItemAsset> for DeliveryAsset {
    fn from(ItemAsset { asset, shared_at, shared_with, missing }: ItemAsset) -> Self {
        Self {
            resource_type: asset.resource_type.into(),
            resource_id: asset.resource_id,
            shared_at: shared_at.map(moment),
            shared_with,
            missing,
        }
    }
}
