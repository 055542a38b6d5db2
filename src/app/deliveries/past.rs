//! Deliveries as they were.

use chrono::{DateTime, Utc};
use event_log::Sequence;
use event_log::recorded::Recorded;
use projections::delivery_log::{self, DeliveryRow};

use super::Deliveries;
use super::reading::stream_of;
use crate::app::error::Error;
use crate::app::viewer::Viewer;

/// Stories that are folded to a moment of the past at a time, for all callers together.
pub(super) const PAST_AT_A_TIME: usize = 2;
/// Longer streams are not folded to a moment.
const MAX_FOLDED_EVENTS: usize = 20_000;
const FOLDED_AT_A_TIME: i64 = 500;

impl Deliveries {
    /// A row of the log as it was at a moment, folded from the events until then. None where it was not there yet.
    pub async fn as_of(
        &self,
        viewer: &Viewer,
        row: &DeliveryRow,
        at: DateTime<Utc>,
    ) -> Result<Option<DeliveryRow>, Error> {
        viewer.require_seeing(&row.account_id)?;
        // However many a request asks for, they leave the connections to others.
        let _permit = self.past_reads.acquire().await.map_err(|_| Error::Unavailable)?;
        let mut until: Vec<Recorded> = vec![];
        while until.len() < MAX_FOLDED_EVENTS {
            let after = until.last().map_or(Sequence::START, |event| event.sequence);
            if !after.is_start() {
                // The first page is in the cost of the request; how many more there are is known only now.
                self.api_keys.admit(viewer, 1).await?;
            }
            let page = self.data.log.recorded_of("delivery", stream_of(row), after, FOLDED_AT_A_TIME).await?;
            until.extend(page.into_iter().take_while(|event| event.recorded_at <= at));
            // The page was the last of the stream, or has events of later than the moment.
            if until.last().is_none_or(|last| last.sequence < after.plus(FOLDED_AT_A_TIME)) {
                break;
            }
        }
        Ok(delivery_log::folded(&until, &row.id))
    }
}
