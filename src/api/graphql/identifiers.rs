//! Ids as people type them at a terminal: their beginnings, as far as the caller may see what they are of.

use async_graphql::{Enum, ID, SimpleObject};
use projections::identifiers::Kind;

/// What an id is of.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "Kind")]
pub(super) enum IdKind {
    Account,
    ApiKey,
    Integration,
    /// Deliveries, and the webhooks that repeat them.
    Delivery,
    Endpoint,
    Dispatch,
    CommerceEvent,
    DataRequest,
}

/// As much of an id as distinguishes it from all others of its kind.
#[derive(SimpleObject)]
pub(super) struct ShortId {
    id: ID,
    /// 8 characters at least.
    short: String,
}

impl From<(String, String)> for ShortId {
    fn from((id, short): (String, String)) -> Self {
        Self { id: ID(id), short }
    }
}
