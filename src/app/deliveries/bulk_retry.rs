//! Retrying every delivery that a filter finds, some at a time.

use domain::ResolutionCode;
use domain::delivery::{Delivery, DeliveryCommand, DeliveryStatus as Status};
use event_log::{CommandError, Position};
use futures_util::stream::{StreamExt as _, TryStreamExt as _, iter};
use projections::delivery_log::{self, DeliveryRow, Filter, Page};

use super::Deliveries;
use super::reading::visible;
use crate::app::error::Error;
use crate::app::viewer::Viewer;

/// Deliveries that one bulk retry touches at most.
const MAX_TOUCHED: usize = 1_000;
/// Those of them that are shown.
const MAX_SHOWN: usize = 100;
/// Commands that are under way at a time: the log commits together what waits.
const CONCURRENCY: usize = 16;

/// Which deliveries are retried.
pub struct BulkRetry {
    /// Without a status, those that are neither done nor cancelled. Orders whose status is not delivered are left alone unless
    /// a resolution code names them.
    pub filter: Filter,
    /// Goes on after this place.
    pub after: Option<Position>,
    /// Touches none.
    pub dry_run: bool,
}

/// What a bulk retry did, or would do.
pub struct Retried {
    pub matched: usize,
    pub retried: usize,
    /// Whether the filter finds more than were touched.
    pub more: bool,
    /// Where the next call goes on.
    pub end: Option<Position>,
    /// Some of those that were touched, the newest first.
    pub shown: Vec<DeliveryRow>,
}

impl Deliveries {
    /// Puts back in the queue what a filter finds.
    pub async fn retry_all(&self, viewer: &Viewer, wanted: BulkRetry) -> Result<Retried, Error> {
        let filter = to_retry(visible(viewer, wanted.filter)?);
        let limit = i64::try_from(MAX_TOUCHED + 1).unwrap_or(i64::MAX);
        let page = Page { after: wanted.after, limit, ..Page::default() };
        let mut found = delivery_log::page(&self.data.views, &filter, page).await?;
        let more = found.len() > MAX_TOUCHED;
        found.truncate(MAX_TOUCHED);
        let end = found.last().map(|row| row.listed_at);
        found.retain(|row| is_retried(row, &filter));
        let matched = found.len();
        let retried = if wanted.dry_run {
            found = self.retriable(found).await?;
            found.len()
        } else {
            self.retry_each(viewer, &found).await?
        };
        let ids: Vec<String> = found.iter().take(MAX_SHOWN).map(|row| row.id.clone()).collect();
        let mut shown = delivery_log::find_many(&self.data.views, &ids).await?;
        shown.sort_by_key(|row| std::cmp::Reverse(row.listed_at));
        Ok(Retried { matched, retried, more, end, shown })
    }

    /// Those that a retry would put back in the queue, as they are recorded.
    async fn retriable(&self, rows: Vec<DeliveryRow>) -> Result<Vec<DeliveryRow>, Error> {
        let is_retriable = async |row: DeliveryRow| {
            let delivery = self.data.log.load::<Delivery>(&row.id).await?.aggregate;
            let events = delivery.decide(DeliveryCommand::Retry { username: None });
            Ok::<_, Error>(events.is_ok_and(|events| !events.is_empty()).then_some(row))
        };
        let reads: Vec<_> = rows.into_iter().map(is_retriable).collect();
        let found: Vec<Option<DeliveryRow>> = iter(reads).buffered(CONCURRENCY).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Returns how many were put back in the queue.
    async fn retry_each(&self, viewer: &Viewer, rows: &[DeliveryRow]) -> Result<usize, Error> {
        self.data.log.yield_to_webhooks().await;
        let commands: Vec<_> = rows.iter().map(|row| self.retry_one(viewer, row)).collect();
        // All of them, also when one fails: each that is queued is one less.
        let done: Vec<_> = iter(commands).buffer_unordered(CONCURRENCY).collect().await;
        let (mut retried, mut last) = (0, None);
        for position in done {
            let position = position?;
            retried += usize::from(position.is_some());
            last = position.max(last);
        }
        self.data.wait_for_views(last).await;
        Ok(retried)
    }

    async fn retry_one(&self, viewer: &Viewer, row: &DeliveryRow) -> Result<Option<Position>, Error> {
        let (retry, actor) = (DeliveryCommand::Retry { username: None }, viewer.actor(Some(&row.account_id)));
        match self.data.log.execute::<Delivery>(&row.id, retry, &actor).await {
            Ok(committed) => Ok(committed.position),
            // What is running or done is not touched.
            Err(CommandError::Refused(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Unless it is named, what is done, cancelled, or being done anyway is not taken up again.
fn to_retry(mut filter: Filter) -> Filter {
    if filter.statuses.is_empty() {
        let unfinished = [Status::RetryScheduled, Status::ActionRequired, Status::FailedPermanent];
        filter.statuses = unfinished.iter().map(|status| status.as_str().to_owned()).collect();
    }
    filter
}

/// Nor is an order that its store has not released yet: it may not even be paid.
fn is_retried(row: &DeliveryRow, filter: &Filter) -> bool {
    let filtered = ResolutionCode::OrderStatusFiltered;
    let is_filtered = row.resolution_code() == Some(filtered);
    let is_wanted = filter.resolution_codes.iter().any(|code| code == filtered.as_str());
    !row.is_duplicate() && (!is_filtered || is_wanted)
}
