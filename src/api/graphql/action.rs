//! What was done with API keys: by whom, to what, when and why.

use async_graphql::{ID, InputObject, SimpleObject};
use domain::Private;
use projections::operator_actions::Filter;

use super::moment::{Moment, moment};
use crate::app::operator_actions::DescribedAction;

/// Something that was done with an API key, which is an event of the log.
#[derive(SimpleObject)]
pub(super) struct OperatorAction {
    /// 64-bit: the place of its event among all events.
    position: String,
    recorded_at: Moment,
    key_id: ID,
    key_name: String,
    /// Why, in their words, where they said so.
    reason: Option<String>,
    /// Whether a reason was given that was erased since, with the customer whom it may have named.
    reason_erased: bool,
    /// The account that it was about, where it was about one.
    account_id: Option<ID>,
    aggregate_type: String,
    aggregate_id: ID,
    #[graphql(name = "type")]
    event_type: String,
    /// What it changed, in a sentence.
    summary: String,
}

#[derive(InputObject, Default)]
pub(super) struct OperatorActionFilter {
    /// Support and admin only: about another account.
    account_id: Option<ID>,
    key_id: Option<ID>,
    /// The type of the event, such as `retry_requested`.
    #[graphql(name = "type")]
    event_type: Option<String>,
    /// The stream that was changed: a delivery's id, for one.
    aggregate_id: Option<ID>,
    from: Option<Moment>,
    to: Option<Moment>,
}

impl From<OperatorActionFilter> for Filter {
    fn from(filter: OperatorActionFilter) -> Self {
        let text = |id: Option<ID>| id.map(|id| id.replace('\0', ""));
        Self {
            account_id: text(filter.account_id),
            key_id: text(filter.key_id),
            event_type: filter.event_type.map(|name| name.replace('\0', "")),
            aggregate_id: text(filter.aggregate_id),
            from: filter.from.map(|at| at.0.timestamp_micros()),
            to: filter.to.map(|at| at.0.timestamp_micros()),
        }
    }
}

impl From<DescribedAction> for OperatorAction {
    fn from(DescribedAction { row, reason, summary }: DescribedAction) -> Self {
        Self {
            position: row.position.to_string(),
            recorded_at: moment(row.recorded_at),
            key_id: ID(row.key_id),
            key_name: row.key_name,
            reason: reason.as_ref().and_then(Private::known).cloned(),
            reason_erased: reason == Some(Private::Erased),
            account_id: row.account_id.map(ID),
            aggregate_type: row.aggregate_type,
            aggregate_id: ID(row.aggregate_id),
            event_type: row.event_type,
            summary,
        }
    }
}
