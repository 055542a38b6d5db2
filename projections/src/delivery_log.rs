//! The delivery log: one entry for each delivery and for each duplicate, as merchants list, search and read it; and the
//! queue of what is to be done by itself, which is a part of where deliveries stand.

pub mod due_deliveries;
mod filter;
mod fold;
pub mod personal;
mod query;
mod row;
mod search;

pub use filter::Filter;
pub use fold::{duplicate_id, folded};
pub use query::{Page, completed_of, find, find_many, page, waiting_for};
pub use row::DeliveryRow;

use crate::schema::Schema;
use crate::view::View;

pub const VIEW: View = View {
    name: "delivery_log",
    schema: Schema {
        version: 8,
        tables: &["delivery_log", "delivery_states", "delivery_terms", "delivery_customers"],
        holds_personal_data: true,
        statements: include_str!("../../migrations/views/delivery_log.sql"),
    },
    fold: |tables, events| Box::pin(fold::apply(tables, events)),
};
