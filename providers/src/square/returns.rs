//! What was returned of an order, line by line and in money.

use std::collections::HashMap;

use domain::commerce::Money;
use serde::Deserialize;

use super::money::BodyMoney;
use crate::Malformed;
use crate::sale::given_back;
use crate::scalar::Scalar;
use crate::shape::{List, Object, Shape};

/// An entry of an order's `returns`.
#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Return<'a> {
    /// The order that sold what is returned. A refund makes an order of its own, whose returns name the one before, and an
    /// exchange has lines of its own beside them (developer.squareup.com, "Returns and Exchanges").
    source_order_id: Scalar<'a>,
    return_line_items: List<Object<ReturnedLine<'a>>>,
    return_amounts: Object<Amounts<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Amounts<'a> {
    total_money: Object<BodyMoney<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct ReturnedLine<'a> {
    source_line_item_uid: Scalar<'a>,
    quantity: Scalar<'a>,
}

/// How many of each line were returned, by the line's `uid`.
#[derive(Default)]
pub(super) struct Returned {
    of_lines: HashMap<String, u32>,
    /// Whether the order has returns at all, of whatever order.
    pub(super) is_any: bool,
    /// What was given back: for lines of the order itself, and of an order of returns alone, for all that it returns.
    pub(super) amount: Option<Money>,
}

impl Returned {
    /// What `returns` take back of the order itself, or of whatever order where it sells nothing. What is no list returns
    /// nothing.
    pub(super) fn of(
        returns: List<Object<Return<'_>>>,
        order_id: &str,
        sells_nothing: bool,
    ) -> Result<Self, Malformed> {
        let mut amounts = vec![];
        let mut returned = Self::default();
        let Shape::List(returns) = returns else { return Ok(returned) };
        for one in returns.bounded("returns")?.into_iter().filter_map(Shape::object) {
            returned.is_any = true;
            // A `uid` is one line of its order only; another order may have the same.
            let is_of_another = one.source_order_id.text().is_some_and(|source| source != order_id);
            if sells_nothing || !is_of_another {
                amounts.extend(one.return_amounts.object().and_then(|amounts| amounts.total_money.object()?.read()));
            }
            let Shape::List(lines) = one.return_line_items else { continue };
            if is_of_another {
                continue;
            }
            for line in lines.bounded("return_line_items")?.into_iter().filter_map(Shape::object) {
                if let (Some(uid), Some(quantity)) = (line.source_line_item_uid.text(), line.quantity.quantity()) {
                    let of_line = returned.of_lines.entry(uid).or_default();
                    *of_line = of_line.saturating_add(quantity);
                }
            }
        }
        returned.amount = given_back(amounts);
        Ok(returned)
    }

    pub(super) fn of_line(&self, uid: Scalar<'_>) -> u32 {
        uid.text().and_then(|uid| self.of_lines.get(&uid).copied()).unwrap_or(0)
    }
}
