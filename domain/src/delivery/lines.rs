//! The lines of an order as the store has them now, each with what was planned and shared for it.
//!
//! The aggregate and the delivery log fold lines by the same functions, so what is shown is what was decided.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PlannedAsset, PlannedItem};
use crate::asset::mappings_for;
use crate::{Asset, ItemMapping, LineItem, MappingId};

/// One line of an order, and what the latest attempt planned to share for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    pub item: LineItem,
    /// None before an attempt planned it; empty where no mapping was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<Vec<PlannedAsset>>,
}

/// The lines of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLines {
    /// As last revised.
    pub current: Vec<OrderLine>,
    /// No longer part of the order, but something was planned for them: what was shared is never taken back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub former: Vec<OrderLine>,
}

/// What a revision changed in an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    LineAdded {
        line: String,
        quantity: u32,
    },
    LineRemoved {
        line: String,
    },
    QuantityChanged {
        line: String,
        from: u32,
        to: u32,
    },
    /// The store names another customer, or names one for the first time.
    UsernameChanged,
    StatusChanged {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
    /// The API key that the webhook names, while the delivery waits for an active one.
    ApiKeyChanged,
}

impl OrderLines {
    pub fn new(items: Vec<LineItem>) -> Self {
        Self { current: items.into_iter().map(|item| OrderLine { item, planned: None }).collect(), former: vec![] }
    }

    /// The lines as a newer webhook has them. A product that stays keeps what was planned for it, and one that goes is
    /// remembered where anything was.
    pub fn revise(&mut self, items: &[LineItem]) {
        let mut before = std::mem::take(&mut self.current);
        before.append(&mut self.former);
        self.current = items
            .iter()
            .map(|item| {
                let known = before.iter().find(|line| line.item.is_same_product(item));
                OrderLine { item: item.clone(), planned: known.and_then(|line| line.planned.clone()) }
            })
            .collect();
        self.former = before
            .into_iter()
            .filter(|line| line.planned.as_ref().is_some_and(|planned| !planned.is_empty()))
            .filter(|line| !items.iter().any(|item| item.is_same_product(&line.item)))
            .collect();
    }

    /// Takes over what an attempt planned.
    pub fn apply_plan(&mut self, plan: &[PlannedItem]) {
        for planned in plan {
            let index = usize::try_from(planned.line_index).unwrap_or(usize::MAX);
            if let Some(line) = self.current.get_mut(index) {
                line.planned = Some(planned.assets.clone());
            }
        }
    }

    /// No attempt could be made, since nothing that was bought is mapped.
    pub fn apply_no_mapping(&mut self) {
        for line in self.current.iter_mut().filter(|line| line.item.quantity > 0) {
            line.planned.get_or_insert_default();
        }
    }

    /// Whether something is still bought that no mapping was found for.
    pub fn has_unmapped(&self) -> bool {
        self.current.iter().any(OrderLine::is_unmapped)
    }

    /// Whether a line that is still bought is what a mapping names.
    pub(super) fn buy(&self, mapping: &ItemMapping) -> bool {
        self.current.iter().any(|line| mapping.matches(&line.item))
    }

    /// Whether something is still bought that no attempt has planned anything for.
    pub fn has_undelivered(&self) -> bool {
        self.current.iter().any(OrderLine::is_undelivered)
    }

    /// Whether everything that was ordered was refunded or taken off again.
    pub fn is_emptied(&self) -> bool {
        !self.current.is_empty() && self.current.iter().all(|line| line.item.quantity == 0)
    }

    /// What an attempt plans today for each line that is still bought. A line of which everything was shared keeps what it
    /// got, whatever the mappings say today, and gets only what `late` ones add to it.
    pub(super) fn planned_by(
        &self,
        mappings: &[ItemMapping],
        late: &[MappingId],
        is_shared: impl Fn(&Asset) -> bool,
    ) -> Vec<PlannedItem> {
        let bought = (0..).zip(&self.current).filter(|(_, line)| line.item.quantity > 0);
        bought
            .map(|(line_index, line)| {
                let done = line
                    .planned
                    .as_ref()
                    .filter(|planned| !planned.is_empty() && planned.iter().all(|planned| is_shared(&planned.asset)));
                let today = mappings_for(&line.item, mappings).into_iter();
                let assets = match done {
                    Some(planned) => {
                        let is_new = |new: &PlannedAsset| !planned.iter().any(|known| known.asset == new.asset);
                        let added = today.filter(|mapping| late.contains(&mapping.id)).map(PlannedAsset::by);
                        planned.iter().cloned().chain(added.filter(is_new)).collect()
                    }
                    None => today.map(PlannedAsset::by).collect(),
                };
                PlannedItem { line_index, assets }
            })
            .collect()
    }

    /// What differs between these lines and those of a newer webhook, product by product.
    pub(super) fn changes(&self, items: &[LineItem]) -> Vec<Change> {
        let before: Vec<&LineItem> = self.current.iter().map(|line| &line.item).collect();
        let after: Vec<&LineItem> = items.iter().collect();
        let mut changes = vec![];
        for item in products(&after) {
            let (from, to) = (bought(&before, item), bought(&after, item));
            let line = item.label();
            match (from, to) {
                (from, to) if from == to => {}
                (0, quantity) => changes.push(Change::LineAdded { line, quantity }),
                (_, 0) => changes.push(Change::LineRemoved { line }),
                (from, to) => changes.push(Change::QuantityChanged { line, from, to }),
            }
        }
        let gone = products(&before).into_iter().filter(|item| !after.iter().any(|new| new.is_same_product(item)));
        changes.extend(
            gone.filter(|item| bought(&before, item) > 0).map(|item| Change::LineRemoved { line: item.label() }),
        );
        changes
    }
}

impl OrderLine {
    /// Whether it is bought, and no attempt has planned anything for it.
    pub fn is_undelivered(&self) -> bool {
        self.item.quantity > 0 && self.planned.as_ref().is_none_or(Vec::is_empty)
    }

    pub fn is_unmapped(&self) -> bool {
        self.item.quantity > 0 && self.planned.as_ref().is_some_and(Vec::is_empty)
    }
}

impl Change {
    /// Whether a delivery may have something else to do after it.
    pub fn concerns_delivery(&self) -> bool {
        match self {
            Self::LineAdded { .. } | Self::LineRemoved { .. } | Self::UsernameChanged | Self::ApiKeyChanged => true,
            // An asset is shared once, however often it was bought.
            Self::QuantityChanged { .. } | Self::StatusChanged { .. } => false,
        }
    }
}

/// Changes that are named one by one; beyond, they are only counted.
const MAX_NAMED_CHANGES: usize = 10;

/// What a revision changed, as people read it: `added Storm; removed Rain; status from pending to paid`.
pub fn describe_changes(changes: &[Change]) -> String {
    let mut parts: Vec<String> = changes.iter().take(MAX_NAMED_CHANGES).map(ToString::to_string).collect();
    if changes.len() > MAX_NAMED_CHANGES {
        parts.push(format!("and {} more", changes.len() - MAX_NAMED_CHANGES));
    }
    parts.join("; ")
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |status: &Option<String>| status.clone().unwrap_or_else(|| "none".to_owned());
        match self {
            Self::LineAdded { line, quantity: 1 } => write!(f, "added {line}"),
            Self::LineAdded { line, quantity } => write!(f, "added {quantity} × {line}"),
            Self::LineRemoved { line } => write!(f, "removed {line}"),
            Self::QuantityChanged { line, from, to } => write!(f, "quantity of {line} from {from} to {to}"),
            Self::UsernameChanged => f.write_str("the username"),
            Self::StatusChanged { from, to } => write!(f, "status from {} to {}", or_none(from), or_none(to)),
            Self::ApiKeyChanged => f.write_str("the API key"),
        }
    }
}

/// Each product once.
fn products<'i>(items: &[&'i LineItem]) -> Vec<&'i LineItem> {
    let mut products: Vec<&LineItem> = vec![];
    for item in items {
        if !products.iter().any(|known| known.is_same_product(item)) {
            products.push(item);
        }
    }
    products
}

/// How many of a product are bought, over all lines.
fn bought(items: &[&LineItem], product: &LineItem) -> u32 {
    let quantities = items.iter().filter(|item| item.is_same_product(product)).map(|item| item.quantity);
    quantities.fold(0, u32::saturating_add)
}
