//! Square's amounts: whole numbers of the smallest unit, each with its currency.

use domain::commerce::Money;
use serde::Deserialize;

use crate::scalar::Scalar;

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
pub(super) struct BodyMoney<'a> {
    amount: Scalar<'a>,
    currency: Scalar<'a>,
}

impl BodyMoney<'_> {
    /// The amount alone, which counts also where no currency is said.
    pub(super) fn units(self) -> Option<i64> {
        self.amount.written()?.parse().ok()
    }

    pub(super) fn read(self) -> Option<Money> {
        self.amount.smallest_units(self.currency.currency())
    }
}
