//! Who a customer is, as far as the views know: tokens alone, keyed hashes that only the service can make, and where they
//! lie.

mod known_as;

pub(crate) use self::known_as::{DELIVERIES, NOTICES, naming};
pub use self::known_as::{StoreCustomer, with_emails};
