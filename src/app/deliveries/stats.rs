//! Counts over time for charts.

use chrono::{DateTime, Utc};
use projections::delivery_stats::{self, Bucket, Counts, CountsAt};

use super::Deliveries;
use crate::app::error::Error;
use crate::app::viewer::Viewer;

const MAX_BUCKETS: i64 = 400;

/// What is counted.
pub struct StatsRequest {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub bucket: Bucket,
    /// None for that of the integration, or else for the caller's own account.
    pub account_id: Option<String>,
    pub integration_id: Option<String>,
}

impl Deliveries {
    /// Every bucket from one moment to another with its counts, of one account.
    pub async fn stats(&self, viewer: &Viewer, request: StatsRequest) -> Result<Vec<CountsAt>, Error> {
        let StatsRequest { from, to, bucket, account_id, integration_id } = request;
        let (from_us, to_us) = (from.timestamp_micros(), to.timestamp_micros());
        let begin = bucket.start_us(from_us);
        if from_us >= to_us {
            return Err(Error::InvalidArgument { argument: "to", reason: "must come after from" });
        }
        // Dates may lie as far apart as dates can; their distance need not fit a number of microseconds.
        if to_us.saturating_sub(begin) / bucket.length_us() >= MAX_BUCKETS {
            return Err(Error::InvalidArgument { argument: "bucket", reason: "gives more than 400 buckets" });
        }
        let (account_id, named) = (account_id.as_deref(), integration_id.as_deref());
        let account_id = viewer.account_within(&self.links, account_id, named).await?;
        let integration_id = viewer.integration_within(&self.links, Some(&account_id), named).await?;
        let integration_id = integration_id.as_deref();
        let views = &self.data.views;
        let counted = delivery_stats::between(views, &account_id, integration_id, bucket, from_us, to_us).await?;
        let mut counted = counted.into_iter().peekable();
        let mut buckets = vec![];
        let mut start = begin;
        while start < to_us {
            let counts = counted.next_if(|at| at.start == start).map_or_else(Counts::default, |at| at.counts);
            buckets.push(CountsAt { start, counts });
            start += bucket.length_us();
        }
        Ok(buckets)
    }
}
