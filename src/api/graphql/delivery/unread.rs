//! A change of an order that could not be read at its store.

use async_graphql::SimpleObject;

use crate::api::graphql::moment::Moment;
use crate::api::graphql::words::ResolutionCode;

/// A change of an order that its store announced and that could not be read there. What was delivered stays delivered.
#[derive(SimpleObject)]
pub(super) struct UnreadChange {
    /// `STORE_ACCESS_MISSING` or `STORE_UNAVAILABLE`.
    code: ResolutionCode,
    /// Why it could not be read and what to do about it, in a sentence or some a merchant understands.
    resolution: String,
    announced_at: Moment,
    /// When it is tried again by itself; null where it was given up.
    next_read_at: Option<Moment>,
}

impl From<crate::app::deliveries::UnreadChange> for UnreadChange {
    fn from(unread: crate::app::deliveries::UnreadChange) -> Self {
        Self {
            code: unread.code.into(),
            resolution: unread.resolution,
            announced_at: Moment(unread.announced_at),
            next_read_at: unread.next_read_at.map(Moment),
        }
    }
}
