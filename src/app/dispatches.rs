//! What was sent to which endpoint, and sending it again.

mod redrive;
mod watching;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate as _;
use domain::Private;
use domain::dispatch::{AttemptOutcome, Attempted, Dispatch, DispatchEvent, ResponseBody};
use event_log::Sequence;
use event_log::recorded::AnyEvent;
use projections::commerce::dispatch_list::{self, DispatchEntry, Filter, Place};

use super::api_keys::ApiKeys;
use super::changes::Changes;
use super::error::Error;
use super::log_and_views::LogAndViews;
use super::viewer::Viewer;
pub use redrive::{Redrive, Redriven};

/// Attempts of a dispatch that are shown: more were made of none that was not redriven many times.
const MAX_ATTEMPTS: i64 = 200;

/// What can be done about dispatches.
pub struct Dispatches {
    data: LogAndViews,
    api_keys: Arc<ApiKeys>,
    changes: Changes,
}

/// An attempt to send an event.
pub struct Attempt {
    pub number: u32,
    pub at: DateTime<Utc>,
    pub outcome: AttemptOutcome,
    pub status: Option<u16>,
    pub duration_ms: u32,
    pub address: Option<String>,
    pub reason: Option<String>,
    pub response: Response,
}

/// The first kilobyte of what an endpoint responded.
pub enum Response {
    /// It had no body, or there was none.
    None,
    Kept(ResponseBody),
    /// With what the event is about.
    Erased,
    /// From who may not read personal data of the account: it may repeat what it was sent.
    Withheld,
}

impl Dispatches {
    pub fn new(data: LogAndViews, api_keys: Arc<ApiKeys>, changes: Changes) -> Self {
        Self { data, api_keys, changes }
    }

    /// Dispatches before a place, those of the newest events first: of the account that is named, or of all that the caller sees.
    pub async fn page(
        &self,
        viewer: &Viewer,
        filter: Filter,
        (before, limit): (Option<Place>, i64),
    ) -> Result<Vec<DispatchEntry>, Error> {
        let filter = visible(viewer, filter)?;
        Ok(dispatch_list::page(&self.data.views, &filter, before.as_ref(), limit).await?)
    }

    pub async fn find(&self, viewer: &Viewer, id: &str) -> Result<Option<DispatchEntry>, Error> {
        let found = dispatch_list::find(&self.data.views, &id.to_lowercase().replace('\0', "")).await?;
        Ok(found.filter(|entry| viewer.sees(&entry.event.account_id)))
    }

    /// The attempts that were made, the oldest first.
    pub async fn attempts(&self, viewer: &Viewer, entry: &DispatchEntry) -> Result<Vec<Attempt>, Error> {
        viewer.require_seeing(&entry.event.account_id)?;
        let reads = viewer.reads_personal_data(&entry.event.account_id);
        let log = &self.data.log;
        let stream = log.opened_stream(Dispatch::TYPE, &entry.dispatch_id, Sequence::START, MAX_ATTEMPTS).await?;
        let attempts = stream.into_iter().filter_map(|opened| {
            let AnyEvent::Dispatch(DispatchEvent::Attempted(attempted)) = opened.recorded.event else { return None };
            Some(Attempt::of(*attempted, reads))
        });
        Ok(attempts.collect())
    }
}

/// Limited to what the caller sees.
fn visible(viewer: &Viewer, filter: Filter) -> Result<Filter, Error> {
    Ok(Filter { account_id: viewer.scope_within(filter.account_id)?, ..filter })
}

impl Attempt {
    fn of(attempted: Attempted, reads: bool) -> Self {
        let Attempted { attempt, attempted_at, outcome, status, duration_ms, address, reason, response, message: _ } =
            attempted;
        let response = match response {
            None => Response::None,
            Some(_) if !reads => Response::Withheld,
            Some(Private::Known(response)) => Response::Kept(response),
            Some(_) => Response::Erased,
        };
        Self { number: attempt, at: attempted_at, outcome, status, duration_ms, address, reason, response }
    }
}
