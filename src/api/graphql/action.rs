//! What was done with API keys: by whom, to what, when and why.

use std::collections::HashMap;

use async_graphql::{ID, InputObject, SimpleObject};
use event_log::Position;
use projections::operator_actions::{self, Filter, OperatorActionRow};

use super::ApiError;
use super::moment::{Moment, moment};
use super::page::Wanted;
use crate::app::App;
use crate::app::Viewer;
use crate::app::summary::summary;

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

/// Actions that the caller may see, the newest first.
pub(super) async fn actions(
    app: &App,
    viewer: &Viewer,
    filter: Option<OperatorActionFilter>,
    wanted: Wanted<Position>,
) -> Result<Vec<(Position, OperatorAction)>, ApiError> {
    let filter = filter.unwrap_or_default();
    let text = |id: Option<ID>| id.map(|id| id.replace('\0', ""));
    let account_id = match text(filter.account_id) {
        Some(account_id) if !viewer.sees(&account_id) => return Err(ApiError::Forbidden),
        Some(account_id) => Some(account_id),
        None => viewer.scope(),
    };
    let filter = Filter {
        account_id,
        key_id: text(filter.key_id),
        event_type: filter.event_type.map(|name| name.replace('\0', "")),
        aggregate_id: text(filter.aggregate_id),
        from: filter.from.map(|at| at.0.timestamp_micros()),
        to: filter.to.map(|at| at.0.timestamp_micros()),
    };
    let rows = operator_actions::page(&app.core.views, &filter, wanted.after, wanted.limit()).await?;
    let positions: Vec<Position> = rows.iter().map(|row| row.position).collect();
    let sentences: HashMap<Position, String> =
        app.core.log.read_at(&positions).await?.iter().map(|event| (event.position, summary(event))).collect();
    let action = |row: OperatorActionRow| {
        let summary = sentences.get(&row.position).cloned().unwrap_or_default();
        (row.position, OperatorAction::of(row, summary))
    };
    Ok(rows.into_iter().map(action).collect())
}

impl OperatorAction {
    fn of(row: OperatorActionRow, summary: String) -> Self {
        Self {
            position: row.position.to_string(),
            recorded_at: moment(row.recorded_at),
            key_id: ID(row.key_id),
            key_name: row.key_name,
            reason: row.reason,
            account_id: row.account_id.map(ID),
            aggregate_type: row.aggregate_type,
            aggregate_id: ID(row.aggregate_id),
            event_type: row.event_type,
            summary,
        }
    }
}
