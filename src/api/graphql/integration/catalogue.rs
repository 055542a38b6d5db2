//! How far what a store sells is read.

use async_graphql::{ID, SimpleObject};
use projections::stores::StoreRow;

use crate::api::graphql::account::int;
use crate::api::graphql::moment::Moment;

/// What a connected store sells is read once it is connected, and on demand: its products and collections. What changes later comes
/// by its webhooks.
#[derive(SimpleObject)]
pub(in crate::api::graphql) struct StoreCatalogue {
    integration_id: ID,
    /// Whether all of it is still to be read.
    under_way: bool,
    /// Of this reading, or else of the latest.
    products: i32,
    collections: i32,
    /// Of these, so many were new here or had changed.
    news: i32,
    began_at: Option<Moment>,
    /// When all of it was last read; null where it never was.
    done_at: Option<Moment>,
    /// Why it could not be gone on with the last time. What was read counts.
    failure: Option<String>,
    next_try_at: Option<Moment>,
}

impl StoreCatalogue {
    /// None where it never was to be read.
    pub(in crate::api::graphql) fn of(row: &StoreRow) -> Option<Self> {
        let store = row.store();
        let filling = store.filling()?;
        Some(Self {
            integration_id: ID(row.id.clone()),
            under_way: filling.is_under_way,
            products: int(filling.products.into()),
            collections: int(filling.collections.into()),
            news: int(filling.news.into()),
            began_at: filling.began_at.map(Moment),
            done_at: filling.done_at.map(Moment),
            failure: filling.failure.clone(),
            next_try_at: filling.fill_at.map(Moment),
        })
    }
}
