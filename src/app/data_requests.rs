//! What stores asked by law of a customer, for the merchant to answer.

use chrono::{DateTime, TimeDelta, Utc};
use event_log::Position;
use projections::data_requests::{self, DataRequestRow, Filter};

use super::error::Error;
use super::links::Links;
use super::log_and_views::LogAndViews;
use super::viewer::Viewer;

/// What the law gives the merchant to answer.
pub(crate) const TIME_TO_ANSWER: TimeDelta = TimeDelta::days(30);

/// Reads stores' questions.
pub struct DataRequests {
    data: LogAndViews,
    links: Links,
}

/// A store's question, and until when the customer is to be answered.
pub struct DataRequest {
    pub row: DataRequestRow,
    pub answer_by: DateTime<Utc>,
}

impl DataRequests {
    pub fn new(data: LogAndViews, links: Links) -> Self {
        Self { data, links }
    }

    /// The questions before a place in the list, the newest first: of the account that is named, or of all that the caller
    /// sees.
    pub async fn page(
        &self,
        viewer: &Viewer,
        filter: Filter,
        (before, limit): (Option<Position>, i64),
    ) -> Result<Vec<DataRequest>, Error> {
        let account_id = viewer.scope_within(filter.account_id)?;
        let integration_id = filter.integration_id.as_deref();
        let integration_id = viewer.integration_within(&self.links, account_id.as_deref(), integration_id).await?;
        let filter = Filter { account_id, integration_id, ..filter };
        let rows = data_requests::page(&self.data.views, &filter, before, limit).await?;
        Ok(rows.into_iter().map(DataRequest::from).collect())
    }
}

impl From<DataRequestRow> for DataRequest {
    fn from(row: DataRequestRow) -> Self {
        let received_at = DateTime::from_timestamp_micros(row.received_at).unwrap_or_default();
        Self { answer_by: received_at + TIME_TO_ANSWER, row }
    }
}
