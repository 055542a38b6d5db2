//! Values that samples share: one store, one order, one product.

use chrono::{DateTime, Utc};
use domain::commerce::{Currency, Money};

pub(crate) const TIME: DateTime<Utc> = DateTime::from_timestamp(1_773_489_600, 0).expect("2026-03-14T12:00:00Z");
pub(crate) const ORDER_ID: &str = "450789469";
pub(crate) const ORDER_NUMBER: &str = "1042";
pub(crate) const SESSION_ID: &str = "sess_m8xk2a_7f3q9z";
pub(crate) const PRODUCT_ID: &str = "632910392";
pub(crate) const VARIANT_ID: &str = "808950810";
pub(crate) const SKU: &str = "STORM-LEAD-V2";
pub(crate) const TITLE: &str = "Storm Lead";
pub(crate) const PLATFORM: &str = "shopify";

pub(crate) fn euros(cents: i64) -> Money {
    Money { amount: cents, currency: Currency::parse("EUR").expect("it is three letters") }
}
