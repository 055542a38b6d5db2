//! Reading commerce events.

use commerce::Event;
use projections::commerce::events::{self as commerce_events, CommerceEventRow, Filter, ListPosition};

use super::error::Error;
use super::links::Links;
use super::log_and_views::LogAndViews;
use super::viewer::Viewer;
use crate::rendering::{self, Persons};

/// Events of one shopping conversation that are shown: the newest, since they say how it ended.
const MAX_OF_SESSION: i64 = 100;

/// What happened in stores and here.
pub struct CommerceEvents {
    data: LogAndViews,
    links: Links,
}

impl CommerceEvents {
    pub fn new(data: LogAndViews, links: Links) -> Self {
        Self { data, links }
    }

    /// Events before a place, the newest first: of the account that is named, or of all that the caller sees.
    pub async fn page(
        &self,
        viewer: &Viewer,
        filter: Filter,
        (before, limit): (Option<ListPosition>, i64),
    ) -> Result<Vec<CommerceEventRow>, Error> {
        let account_id = viewer.scope_within(filter.account_id)?;
        let integration_id = filter.integration_id.as_deref();
        let integration_id = viewer.integration_within(&self.links, account_id.as_deref(), integration_id).await?;
        let filter = Filter { account_id, integration_id, ..filter };
        Ok(commerce_events::page(&self.data.views, &filter, before, limit).await?)
    }

    pub async fn find(&self, viewer: &Viewer, id: &str) -> Result<Option<CommerceEventRow>, Error> {
        let found = commerce_events::find(&self.data.views, &id.to_lowercase().replace('\0', "")).await?;
        Ok(found.filter(|row| viewer.sees(&row.account_id)))
    }

    /// What became of a shopping conversation: its newest events, the oldest of them first. Of the caller's own account, or of one that support names.
    pub async fn of_session(
        &self,
        viewer: &Viewer,
        session_id: &str,
        account_id: Option<String>,
    ) -> Result<Vec<CommerceEventRow>, Error> {
        let filter = Filter {
            account_id: viewer.scope_within(account_id)?,
            session_id: Some(session_id.replace('\0', "")),
            ..Filter::default()
        };
        let mut rows = commerce_events::page(&self.data.views, &filter, None, MAX_OF_SESSION).await?;
        rows.reverse();
        Ok(rows)
    }

    /// What an event says. What is known of a person is in it for the account's own keys.
    pub async fn read(&self, viewer: &Viewer, row: &CommerceEventRow) -> Result<Option<Event>, Error> {
        viewer.require_seeing(&row.account_id)?;
        let reads = viewer.reads_personal_data(&row.account_id);
        let persons = if reads { Persons::Shown } else { Persons::LeftOut };
        let rendered = rendering::event(&self.data.log, row, persons).await?;
        Ok(rendered.map(|rendered| rendered.event))
    }
}
