//! What things cost here: every unit the same, so that no order has to say it.

use serde_json::{Value, json};

const UNIT_CENTS: u64 = 1_900;

/// So many units, in cents.
pub(super) fn cents(units: u32) -> u64 {
    u64::from(units) * UNIT_CENTS
}

/// As BigCommerce writes it: "19.0000".
pub(super) fn decimal(cents: u64) -> String {
    format!("{}.{:02}00", cents / 100, cents % 100)
}

/// As Square writes it.
pub(super) fn money(cents: u64) -> Value {
    json!({ "amount": cents, "currency": "USD" })
}
