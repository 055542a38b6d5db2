//! Orders of an integration that are to be read at their store.

use async_graphql::{ID, SimpleObject};

use crate::api::graphql::moment::Moment;
use crate::api::graphql::words::ResolutionCode;

/// An order that is only published, that a webhook named, and that was not read at its store since: nothing is published of it
/// before.
#[derive(SimpleObject)]
pub(super) struct UnreadOrder {
    /// Of its stream in the event log, which says what was tried.
    stream_id: ID,
    /// The store's own order id.
    order_id: String,
    /// Why it could not be read when that was last tried; null where it was not tried yet.
    code: Option<ResolutionCode>,
    /// What keeps it from being read and what to do about it, in a sentence or some a merchant understands.
    resolution: String,
    announced_at: Moment,
    /// When it is tried by itself; null where it waits for an access token, or was given up.
    next_read_at: Option<Moment>,
}

impl From<crate::app::integrations::UnreadOrder> for UnreadOrder {
    fn from(unread: crate::app::integrations::UnreadOrder) -> Self {
        Self {
            stream_id: ID(unread.id),
            order_id: unread.order_id,
            code: unread.code.map(ResolutionCode::from),
            resolution: unread.resolution,
            announced_at: Moment(unread.announced_at),
            next_read_at: unread.next_read_at.map(Moment),
        }
    }
}
