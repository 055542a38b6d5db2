//! The items of a delivery: what was ordered, and what recorded events say was planned and shared for it.

use async_graphql::{Enum, ID, SimpleObject};
use domain::delivery::{OrderLine, PlannedAsset};
use domain::{LineItem, MatchType as DomainMatchType};
use projections::delivery_log::DeliveryRow;

use super::super::integration::ItemMapping;
use super::super::words::ResourceType;
use crate::api::graphql::moment::{Moment, moment};

/// What became of an item.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
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

impl DeliveryItem {
    /// `shown` makes of a username what the caller may read.
    pub(super) fn of(row: &DeliveryRow, shown: impl Fn(&str) -> String) -> Vec<Self> {
        let lines = &row.summary().lines;
        let current = lines.current.iter().map(|line| (line, false));
        let all = current.chain(lines.former.iter().map(|line| (line, true)));
        all.map(|(line, is_gone)| Self::new(line.clone(), is_gone, row, &shown)).collect()
    }

    fn new(line: OrderLine, is_gone: bool, row: &DeliveryRow, shown: &impl Fn(&str) -> String) -> Self {
        let OrderLine { item, planned } = line;
        let is_gone = is_gone || item.quantity == 0;
        let is_planned_for = planned.is_some();
        let planned = planned.unwrap_or_default();
        let mapping = planned.first().map(|planned| mapping(planned, &item));
        let assets: Vec<DeliveryAsset> = planned
            .into_iter()
            .map(|PlannedAsset { asset, .. }| {
                let mut shared = row.shared();
                let shared = shared.find(|(shared, _)| shared.asset == asset);
                DeliveryAsset {
                    shared_at: shared.map(|(_, at)| moment(at)),
                    shared_with: shared.and_then(|(shared, _)| shared.username.known()).map(|name| shown(name)),
                    missing: row.summary().reason.missing.contains(&asset),
                    resource_type: asset.resource_type.into(),
                    resource_id: asset.resource_id,
                }
            })
            .collect();
        let moments: Option<Vec<Moment>> = assets.iter().map(|asset| asset.shared_at).collect();
        let shared_at = moments.and_then(|moments| moments.into_iter().max());
        let state = match (is_gone, is_planned_for, shared_at) {
            (true, _, _) => DeliveryItemState::Removed,
            (false, false, _) => DeliveryItemState::Pending,
            (false, true, _) if assets.is_empty() => DeliveryItemState::Unmapped,
            (false, true, Some(_)) => DeliveryItemState::Shared,
            (false, true, None) => DeliveryItemState::Outstanding,
        };
        Self {
            title: item.title,
            sku: item.sku,
            product_id: item.product_id,
            variant_id: item.variant_id,
            quantity: if is_gone { 0 } else { i32::try_from(item.quantity).unwrap_or(i32::MAX) },
            state,
            mapping,
            assets,
            shared_at,
        }
    }
}

/// The mapping as it was when the attempt planned by it.
fn mapping(planned: &PlannedAsset, item: &LineItem) -> ItemMapping {
    let reference = match planned.match_type {
        DomainMatchType::Title => &item.title,
        DomainMatchType::ProductId => &item.product_id,
        DomainMatchType::Sku => &item.sku,
        DomainMatchType::VariantId => &item.variant_id,
    };
    ItemMapping {
        id: ID(planned.mapping_id.to_string()),
        match_type: planned.match_type.into(),
        external_ref: reference.clone().unwrap_or_default(),
        resource_type: planned.asset.resource_type.into(),
        resource_id: planned.asset.resource_id.clone(),
    }
}
