//! Amounts of money as stores state them. Whole numbers of the smallest unit, so nothing is ever lost to a float.

mod currency;
#[cfg(test)]
mod tests;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use currency::Currency;

/// Longest decimal text that is read, in bytes: what a column of any store holds, with room.
const MAX_TEXT_LENGTH: usize = 40;

/// An amount in a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Money {
    /// In the smallest unit of the currency: 1999 is 19.99 EUR, and 1999 JPY. Negative for what is given back.
    pub amount: i64,
    /// The currency's ISO 4217 code.
    pub currency: Currency,
}

impl Money {
    /// Furthest from zero that an amount may be: what every JSON parser reads exactly (RFC 8259, section 6).
    pub const MAX_AMOUNT: i64 = (1 << 53) - 1;

    /// Reads a store's decimal text, such as `19.99` or `-5`. None for what is no plain decimal number, or is out of bounds.
    ///
    /// Decimals beyond those of the currency are rounded, half to even, as accountants do: stores calculate prices without
    /// tax to four and more decimals.
    pub fn parse(text: &str, currency: Currency) -> Option<Self> {
        let text = text.trim();
        if text.len() > MAX_TEXT_LENGTH {
            return None;
        }
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(whole) || !is_number(fraction) || (whole.is_empty() && fraction.is_empty()) {
            return None;
        }
        let (kept, rest) = fraction.split_at(fraction.len().min(currency.decimals()));
        let digits = format!("{whole}{kept:0<width$}", width = currency.decimals());
        // No digit at all, as in `.7 JPY`, is zero.
        let truncated = if digits.is_empty() { 0 } else { digits.parse::<i64>().ok()? };
        let size = truncated.checked_add(i64::from(rounds_up(truncated, rest)))?;
        let amount = if text.starts_with('-') { -size } else { size };
        (size <= Self::MAX_AMOUNT).then_some(Self { amount, currency })
    }
}

/// Whether the digits that are left out make the last one that is kept one more.
fn rounds_up(kept: i64, rest: &str) -> bool {
    let Some(first) = rest.bytes().next() else { return false };
    let is_half = first == b'5' && rest.bytes().skip(1).all(|digit| digit == b'0');
    if is_half { kept % 2 == 1 } else { first >= b'5' }
}

/// As people read it: `19.99 EUR`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = self.currency.decimals();
        let sign = if self.amount < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", self.amount.unsigned_abs(), width = decimals + 1);
        let (whole, fraction) = digits.split_at(digits.len() - decimals);
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction} {}", self.currency)
    }
}
