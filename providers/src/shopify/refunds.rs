//! What was refunded of an order, line by line and in money.

use std::collections::HashMap;

use domain::commerce::{Currency, Money};
use serde::Deserialize;

use crate::Malformed;
use crate::sale::given_back;
use crate::scalar::Scalar;
use crate::shape::{List, Object, Shape};

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct Refund<'a> {
    refund_line_items: List<Object<RefundedLine<'a>>>,
    /// What was paid back. Empty where only lines were taken off, of an order that is not paid.
    transactions: List<Object<Transaction<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct RefundedLine<'a> {
    line_item_id: Scalar<'a>,
    quantity: Scalar<'a>,
    /// Numbers, where Shopify writes all other amounts as texts.
    subtotal: Scalar<'a>,
    total_tax: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Transaction<'a> {
    kind: Scalar<'a>,
    status: Scalar<'a>,
    amount: Scalar<'a>,
    currency: Scalar<'a>,
}

/// How many of each line were refunded, by the line's id, and how much was paid back.
#[derive(Default)]
pub(super) struct Refunds {
    of_lines: HashMap<String, u32>,
    pub(super) amount: Option<Money>,
}

impl Refunds {
    /// A refund of money alone has no lines. What is no list refunds nothing. `currency` is that of the order.
    pub(super) fn of(refunds: List<Object<Refund<'_>>>, currency: Option<Currency>) -> Result<Self, Malformed> {
        let mut of_lines = HashMap::new();
        let mut amounts = vec![];
        let Shape::List(refunds) = refunds else { return Ok(Self::default()) };
        for refund in refunds.bounded("refunds")?.into_iter().filter_map(Shape::object) {
            let mut of_refund = vec![];
            let lines = bounded(refund.refund_line_items, "refund_line_items")?.unwrap_or_default();
            for line in lines {
                if let (Some(id), Some(quantity)) = (line.line_item_id.id_or_zero(), line.quantity.quantity()) {
                    let of_line: &mut u32 = of_lines.entry(id).or_default();
                    *of_line = of_line.saturating_add(quantity);
                }
                of_refund.extend([line.subtotal, line.total_tax].map(|amount| amount.money(currency)));
            }
            let paid_back = bounded(refund.transactions, "transactions")?;
            match paid_back.and_then(|transactions| paid_back_in(currency, transactions)) {
                Some(paid_back) => amounts.extend(paid_back),
                None => amounts.extend(of_refund.into_iter().flatten()),
            }
        }
        Ok(Self { of_lines, amount: given_back(amounts) })
    }

    pub(super) fn of_line(&self, id: Scalar<'_>) -> u32 {
        id.id_or_zero().and_then(|id| self.of_lines.get(&id).copied()).unwrap_or(0)
    }
}

/// The amounts that reached the customer. None where one is in another currency than the order, in which a shopper may have
/// paid: what the lines cost is in that of the order.
fn paid_back_in(currency: Option<Currency>, transactions: Vec<Transaction<'_>>) -> Option<Vec<Money>> {
    let is = |field: Scalar<'_>, wanted: &str| field.written().is_some_and(|text| text.eq_ignore_ascii_case(wanted));
    let paid_back =
        transactions.into_iter().filter(|one| is(one.kind, "refund") && is(one.status, "success")).map(|one| {
            let is_in_another = one.currency.currency().is_some_and(|of_one| Some(of_one) != currency);
            if is_in_another { None } else { one.amount.money(currency) }
        });
    paid_back.collect()
}

/// The objects of a list; none where there is no list.
fn bounded<T>(list: List<Object<T>>, field: &str) -> Result<Option<Vec<T>>, Malformed> {
    let Shape::List(list) = list else { return Ok(None) };
    Ok(Some(list.bounded(field)?.into_iter().filter_map(Shape::object).collect()))
}
