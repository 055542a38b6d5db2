//! What is known of an order by several reports: what one of them leaves out, and what it changed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Order, OrderLine, Refunded};
use crate::commerce::Money;

/// Changes that are kept of one report.
const MAX_CHANGES: usize = 50;

/// What a report changed of an order. These names are the storage format: add, never rename.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum OrderChange {
    Status {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        to: String,
    },
    Paid {},
    /// It was said to be paid, and is not.
    Unpaid {},
    Cancelled {},
    /// It was cancelled, and is not any more.
    Reopened {},
    Refunded {
        to: Refunded,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Money>,
    },
    Total {
        from: Money,
        to: Money,
    },
    /// Of an item, by its title or else the store's name of it. From zero where it was added.
    Quantity {
        item: String,
        from: u32,
        to: u32,
    },
}

impl Order {
    /// What a report that says little of an order means beside what was known of it.
    pub(super) fn over(self, known: &Self) -> Self {
        let says_its_status = self.status.is_some();
        Self {
            number: self.number.or_else(|| known.number.clone()),
            session_id: self.session_id.or_else(|| known.session_id.clone()),
            checkout_id: self.checkout_id.or_else(|| known.checkout_id.clone()),
            total: self.total.or(known.total),
            paid: self.paid || known.paid,
            // The status says so, where there is one.
            cancelled: self.cancelled || (known.cancelled && !says_its_status),
            refunded: self.refunded.max(known.refunded),
            refunded_amount: self.refunded_amount.or(known.refunded_amount),
            lines: if self.lines.is_empty() { known.lines.clone() } else { self.lines },
            thin: known.thin,
            status: self.status.or_else(|| known.status.clone()),
        }
    }

    /// What changed since it was `before`, as far as both say it.
    pub(super) fn changes_since(&self, before: &Self) -> Vec<OrderChange> {
        let mut changes = vec![];
        if let Some(to) = self.status.as_ref().filter(|to| before.status.as_ref() != Some(*to)) {
            changes.push(OrderChange::Status { from: before.status.clone(), to: to.clone() });
        }
        if self.paid != before.paid {
            changes.push(if self.paid { OrderChange::Paid {} } else { OrderChange::Unpaid {} });
        }
        if self.cancelled != before.cancelled {
            changes.push(if self.cancelled { OrderChange::Cancelled {} } else { OrderChange::Reopened {} });
        }
        if (self.refunded, self.refunded_amount) != (before.refunded, before.refunded_amount)
            && self.refunded != Refunded::None
        {
            changes.push(OrderChange::Refunded { to: self.refunded, amount: self.refunded_amount });
        }
        // Of an order that was only named until now, everything else is new, and nothing of it changed.
        if before.thin || self.thin {
            return changes;
        }
        if let (Some(from), Some(to)) = (before.total, self.total)
            && from != to
        {
            changes.push(OrderChange::Total { from, to });
        }
        changes.extend(self.quantities_since(before));
        changes.truncate(MAX_CHANGES);
        changes
    }

    fn quantities_since(&self, before: &Self) -> Vec<OrderChange> {
        let mut items: Vec<(&OrderLine, u32, u32)> = vec![];
        for (lines, is_now) in [(&before.lines, false), (&self.lines, true)] {
            for line in lines {
                let index = items.iter().position(|(known, ..)| known.is_of_same(line)).unwrap_or_else(|| {
                    items.push((line, 0, 0));
                    items.len() - 1
                });
                if let Some((_, from, to)) = items.get_mut(index) {
                    let quantity = if is_now { to } else { from };
                    *quantity = quantity.saturating_add(line.quantity);
                }
            }
        }
        let changed = items.into_iter().filter(|(_, from, to)| from != to);
        changed.map(|(line, from, to)| OrderChange::Quantity { item: line.name(), from, to }).collect()
    }
}

impl OrderLine {
    fn is_of_same(&self, other: &Self) -> bool {
        (&self.product_id, &self.variant_id, &self.sku, &self.title)
            == (&other.product_id, &other.variant_id, &other.sku, &other.title)
    }

    /// By what a person knows it.
    fn name(&self) -> String {
        let names = [&self.title, &self.sku, &self.variant_id, &self.product_id];
        names.into_iter().flatten().next().map_or_else(|| "an item without a name".to_owned(), Clone::clone)
    }
}
