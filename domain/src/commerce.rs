//! Commerce events: what happened in a store, at this service or in an account's own programs, in words that are the same whichever
//! platform it happened on. Subscribers get them; `docs/events` has the schema of each.

mod event_type;
mod money;

pub use event_type::{CommerceEventType, Publisher};
pub use money::{Currency, Money};
