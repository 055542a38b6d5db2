//! Whether a store still posts its webhooks to us.

use async_graphql::{Enum, SimpleObject};
use domain::store::{Checked, RefusedTopics as Refused, Store};

use crate::api::graphql::account::int;
use crate::api::graphql::moment::Moment;

#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "domain::store::CheckCause")]
pub(in crate::api::graphql) enum StoreCheckCause {
    Connected,
    /// What is needed, or where it is posted, was changed.
    Changed,
    /// The integration was switched on again.
    Activated,
    Daily,
    /// Nothing came for longer than usual.
    Silent,
    /// Something happened at the store that it did not report.
    Missed,
    /// The store said that the app was removed.
    Revoked,
    /// A person wanted to know.
    Requested,
}

/// The webhooks that a connected store was asked to send: checked every day, and whenever what is needed changes.
#[derive(SimpleObject)]
pub(super) struct StoreWebhooks {
    /// The latest check; null where there was none yet.
    checked_at: Option<Moment>,
    cause: Option<StoreCheckCause>,
    /// Of so many of the needed topics there were webhooks.
    present: i32,
    /// Topics of which there were none. They were made, unless they are among those that were refused.
    missing: Vec<String>,
    /// Topics that the store had stopped sending. It goes on.
    disabled: Vec<String>,
    /// Topics that the store would not send.
    refused: Vec<RefusedTopics>,
    /// Why they could not be checked the last time.
    failure: Option<String>,
    next_check_at: Option<Moment>,
}

/// Topics that a store would not send.
#[derive(SimpleObject)]
struct RefusedTopics {
    topics: Vec<String>,
    reason: String,
}

impl From<&Store> for StoreWebhooks {
    fn from(store: &Store) -> Self {
        let checked = store.checked().cloned();
        let (missing, disabled, refused) = match &checked {
            Some(Checked { missing, disabled, refused, .. }) => (missing.clone(), disabled.clone(), refused.clone()),
            None => (vec![], vec![], vec![]),
        };
        let shown = |Refused { topics, reason }| RefusedTopics { topics, reason };
        Self {
            checked_at: checked.as_ref().map(|checked| Moment(checked.at)),
            cause: checked.as_ref().map(|checked| checked.cause.into()),
            present: checked.map_or(0, |checked| int(checked.present.into())),
            missing,
            disabled,
            refused: refused.into_iter().map(shown).collect(),
            failure: store.failure().map(str::to_owned),
            next_check_at: store.check_at().map(Moment),
        }
    }
}
