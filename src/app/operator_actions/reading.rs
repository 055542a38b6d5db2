//! Reading what was done with API keys: by whom, to what, when and why.

use std::collections::HashMap;

use domain::Private;
use event_log::Position;
use event_log::recorded::Recorded;
use projections::operator_actions::{self, Filter, OperatorActionRow};

use crate::app::error::Error;
use crate::app::log_and_views::LogAndViews;
use crate::app::summary::summary;
use crate::app::viewer::Viewer;

/// Reads operator actions.
pub struct OperatorActions {
    data: LogAndViews,
}

/// Something that was done with an API key.
pub struct DescribedAction {
    pub row: OperatorActionRow,
    /// Why, in their words, where they said so.
    pub reason: Option<Private<String>>,
    /// What it changed, in a sentence.
    pub summary: String,
}

impl OperatorActions {
    pub fn new(data: LogAndViews) -> Self {
        Self { data }
    }

    /// Actions before a position, the newest first: about the account that is named, or about all that the caller sees.
    pub async fn page(
        &self,
        viewer: &Viewer,
        filter: Filter,
        (before, limit): (Option<Position>, i64),
    ) -> Result<Vec<DescribedAction>, Error> {
        let filter = Filter { account_id: viewer.scope_within(filter.account_id)?, ..filter };
        let rows = operator_actions::page(&self.data.views, &filter, before, limit).await?;
        let positions: Vec<Position> = rows.iter().map(|row| row.position).collect();
        let events = self.data.log.read_at(&positions).await?;
        let mut events: HashMap<Position, Recorded> = events.into_iter().map(|event| (event.position, event)).collect();
        let described = |row: OperatorActionRow| {
            let event = events.remove(&row.position);
            let summary = event.as_ref().map(summary).unwrap_or_default();
            DescribedAction { row, reason: event.and_then(|event| event.operator?.reason), summary }
        };
        Ok(rows.into_iter().map(described).collect())
    }
}
