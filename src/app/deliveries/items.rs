//! The items of a delivery: what was ordered, and what recorded events say was planned and shared for it.

use domain::delivery::{OrderLine, PlannedAsset};
use domain::{Asset, ItemMapping, LineItem, MatchType};
use projections::delivery_log::DeliveryRow;

use crate::app::viewer::Viewer;

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemState {
    /// No attempt has planned it yet.
    Pending,
    /// No mapping was found for it.
    Unmapped,
    /// It is to be shared, in whole or in part.
    Outstanding,
    Shared,
    /// It is no longer part of the order. What was shared for it is never taken back.
    Removed,
}

/// What was ordered, and what became of it.
pub struct Item {
    /// None of it where it was removed.
    pub item: LineItem,
    pub state: ItemState,
    /// The mapping by which it was delivered, as it was then; the first of several.
    pub mapping: Option<ItemMapping>,
    /// Everything that was planned for it.
    pub assets: Vec<ItemAsset>,
    /// When the last of its assets was shared: microseconds since 1970.
    pub shared_at: Option<i64>,
}

/// An asset that an attempt planned for an item.
pub struct ItemAsset {
    pub asset: Asset,
    /// Microseconds since 1970.
    pub shared_at: Option<i64>,
    /// With which username, as far as the caller reads it.
    pub shared_with: Option<String>,
    /// Whether Cortex Cloud does not have it.
    pub missing: bool,
}

/// The items of a delivery, and then those that its order had before.
pub fn items(viewer: &Viewer, row: &DeliveryRow) -> Vec<Item> {
    let lines = &row.summary().lines;
    let current = lines.current.iter().map(|line| (line, false));
    let all = current.chain(lines.former.iter().map(|line| (line, true)));
    all.map(|(line, is_former)| Item::of(line.clone(), is_former, viewer, row)).collect()
}

impl Item {
    fn of(line: OrderLine, is_former: bool, viewer: &Viewer, row: &DeliveryRow) -> Self {
        let OrderLine { mut item, planned } = line;
        let is_gone = is_former || item.quantity == 0;
        let is_planned_for = planned.is_some();
        let planned = planned.unwrap_or_default();
        let mapping = planned.first().map(|planned| mapping(planned, &item));
        let assets: Vec<ItemAsset> =
            planned.into_iter().map(|planned| ItemAsset::of(planned.asset, viewer, row)).collect();
        let moments: Option<Vec<i64>> = assets.iter().map(|asset| asset.shared_at).collect();
        let shared_at = moments.and_then(|moments| moments.into_iter().max());
        let state = match (is_gone, is_planned_for, shared_at) {
            (true, _, _) => ItemState::Removed,
            (false, false, _) => ItemState::Pending,
            (false, true, _) if assets.is_empty() => ItemState::Unmapped,
            (false, true, Some(_)) => ItemState::Shared,
            (false, true, None) => ItemState::Outstanding,
        };
        if is_gone {
            item.quantity = 0;
        }
        Self { item, state, mapping, assets, shared_at }
    }
}

impl ItemAsset {
    fn of(asset: Asset, viewer: &Viewer, row: &DeliveryRow) -> Self {
        let shared = row.shared().find(|(shared, _)| shared.asset == asset);
        let username = shared.and_then(|(shared, _)| shared.username.known());
        Self {
            shared_at: shared.map(|(_, at)| at),
            shared_with: username.map(|name| viewer.shown_username(&row.account_id, name)),
            missing: row.summary().reason.missing.contains(&asset),
            asset,
        }
    }
}

/// The mapping as it was when the attempt planned by it.
fn mapping(planned: &PlannedAsset, item: &LineItem) -> ItemMapping {
    let reference = match planned.match_type {
        MatchType::Title => &item.title,
        MatchType::ProductId => &item.product_id,
        MatchType::Sku => &item.sku,
        MatchType::VariantId => &item.variant_id,
    };
    ItemMapping {
        id: planned.mapping_id,
        match_type: planned.match_type,
        external_ref: reference.clone().unwrap_or_default(),
        asset: planned.asset.clone(),
    }
}
