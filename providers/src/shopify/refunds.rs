//! What was refunded of an order, line by line.

use std::collections::HashMap;

use serde::Deserialize;

use crate::Malformed;
use crate::scalar::Scalar;
use crate::shape::{List, Object, Shape};

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Refund<'a> {
    refund_line_items: List<Object<RefundedLine<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct RefundedLine<'a> {
    line_item_id: Scalar<'a>,
    quantity: Scalar<'a>,
}

/// How many of each line were refunded, by the line's id.
#[derive(Default)]
pub(super) struct Refunded(HashMap<String, u32>);

impl Refunded {
    /// A refund of money alone has no lines. What is no list refunds nothing.
    pub(super) fn of(refunds: List<Object<Refund<'_>>>) -> Result<Self, Malformed> {
        let mut refunded = HashMap::new();
        let Shape::List(refunds) = refunds else { return Ok(Self::default()) };
        for refund in refunds.bounded("refunds")?.into_iter().filter_map(Shape::object) {
            let Shape::List(lines) = refund.refund_line_items else { continue };
            for line in lines.bounded("refund_line_items")?.into_iter().filter_map(Shape::object) {
                if let (Some(id), Some(quantity)) = (line.line_item_id.id_or_zero(), line.quantity.quantity()) {
                    let of_line: &mut u32 = refunded.entry(id).or_default();
                    *of_line = of_line.saturating_add(quantity);
                }
            }
        }
        Ok(Self(refunded))
    }

    pub(super) fn of_line(&self, id: Scalar<'_>) -> u32 {
        id.id_or_zero().and_then(|id| self.0.get(&id).copied()).unwrap_or(0)
    }
}
