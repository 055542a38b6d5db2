//! What was sent to which endpoint, and sending it again.

mod redrive;
mod watching;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate as _;
use domain::dispatch::{AttemptOutcome, Attempted, Dispatch, DispatchEvent, RedriveCause, ResponseBody};
use domain::endpoint::Endpoint;
use domain::{EndpointId, Private};
use event_log::Sequence;
use event_log::recorded::{AnyEvent, Recorded};
use projections::commerce::dispatch_list::{self, DispatchEntry, Filter, Place};

use super::api_keys::ApiKeys;
use super::changes::Changes;
use super::error::Error;
use super::log_and_views::LogAndViews;
use super::viewer::Viewer;
pub use redrive::{Redrive, Redriven};

/// Events of a dispatch that are shown: there are more of none that was not redriven many times.
const MAX_STORY: i64 = 200;

/// What can be done about dispatches.
pub struct Dispatches {
    data: LogAndViews,
    api_keys: Arc<ApiKeys>,
    changes: Changes,
}

/// An attempt to send an event.
pub struct Attempt {
    pub number: u32,
    /// It was made before its time, to learn whether a degraded endpoint responds again.
    pub is_probe: bool,
    pub at: DateTime<Utc>,
    pub outcome: AttemptOutcome,
    pub status: Option<u16>,
    pub duration_ms: u32,
    pub address: Option<String>,
    pub reason: Option<String>,
    pub response: Response,
}

/// What made a dispatch be sent again before its time, or after its last attempt.
pub struct RedriveNote {
    pub at: DateTime<Utc>,
    pub cause: RedriveCause,
    pub by: String,
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
        let filter = self.within(viewer, filter).await?;
        Ok(dispatch_list::page(&self.data.views, &filter, before.as_ref(), limit).await?)
    }

    /// Limited to what the caller sees.
    async fn within(&self, viewer: &Viewer, filter: Filter) -> Result<Filter, Error> {
        let filter = Filter { account_id: viewer.scope_within(filter.account_id)?, ..filter };
        if let Some(endpoint_id) = &filter.endpoint_id {
            self.require_endpoint(viewer, filter.account_id.as_deref(), endpoint_id).await?;
        }
        Ok(filter)
    }

    /// An empty list would hide a typing error. What was sent to a deleted endpoint is still listed.
    async fn require_endpoint(&self, viewer: &Viewer, account_id: Option<&str>, id: &str) -> Result<(), Error> {
        let refused = Error::InvalidArgument { argument: "endpointId", reason: "names no endpoint of the account" };
        let Ok(id) = id.parse::<EndpointId>() else { return Err(refused) };
        let endpoint = self.data.log.current::<Endpoint>(id).await?;
        let owner = endpoint.aggregate.account_id().map(|owner| owner.to_string());
        let is_within =
            |owner: &String| viewer.sees(owner) && account_id.is_none_or(|of| owner.eq_ignore_ascii_case(of));
        if owner.as_ref().is_some_and(is_within) { Ok(()) } else { Err(refused) }
    }

    pub async fn find(&self, viewer: &Viewer, id: &str) -> Result<Option<DispatchEntry>, Error> {
        let found = dispatch_list::find(&self.data.views, &id.to_lowercase().replace('\0', "")).await?;
        Ok(found.filter(|entry| viewer.sees(&entry.event.account_id)))
    }

    /// The attempts that were made, the oldest first.
    pub async fn attempts(&self, viewer: &Viewer, entry: &DispatchEntry) -> Result<Vec<Attempt>, Error> {
        let reads = viewer.reads_personal_data(&entry.event.account_id);
        let attempts = self.story(viewer, entry).await?.into_iter().filter_map(|recorded| {
            let AnyEvent::Dispatch(DispatchEvent::Attempted(attempted)) = recorded.event else { return None };
            Some(Attempt::of(*attempted, reads))
        });
        Ok(attempts.collect())
    }

    /// When it was redriven, and by whom, the oldest first.
    pub async fn redrives(&self, viewer: &Viewer, entry: &DispatchEntry) -> Result<Vec<RedriveNote>, Error> {
        let redrives = self.story(viewer, entry).await?.into_iter().filter_map(|recorded| {
            let AnyEvent::Dispatch(DispatchEvent::Redriven { cause, retry_at: _ }) = recorded.event else {
                return None;
            };
            Some(RedriveNote { at: recorded.recorded_at, cause, by: recorded.actor })
        });
        Ok(redrives.collect())
    }

    async fn story(&self, viewer: &Viewer, entry: &DispatchEntry) -> Result<Vec<Recorded>, Error> {
        viewer.require_seeing(&entry.event.account_id)?;
        let log = &self.data.log;
        let stream = log.opened_stream(Dispatch::TYPE, &entry.dispatch_id, Sequence::START, MAX_STORY).await?;
        Ok(stream.into_iter().map(|opened| opened.recorded).collect())
    }

    /// What is sent to its endpoint before it, where that keeps order: the first event about the same object that is yet to be sent.
    pub async fn waits_for(&self, viewer: &Viewer, entry: &DispatchEntry) -> Result<Option<DispatchEntry>, Error> {
        viewer.require_seeing(&entry.event.account_id)?;
        if entry.due_at.is_none() {
            return Ok(None);
        }
        let endpoint = self.data.log.current::<Endpoint>(&entry.endpoint_id).await?;
        match endpoint.aggregate.subscription() {
            Some(subscription) if subscription.settings.ordered => {
                Ok(dispatch_list::first_before(&self.data.views, entry).await?)
            }
            _ => Ok(None),
        }
    }
}

impl Attempt {
    fn of(attempted: Attempted, reads: bool) -> Self {
        let Attempted {
            attempt,
            probe,
            attempted_at,
            outcome,
            status,
            duration_ms,
            address,
            reason,
            response,
            message: _,
            not_before: _,
        } = attempted;
        let response = match response {
            None => Response::None,
            Some(_) if !reads => Response::Withheld,
            Some(Private::Known(response)) => Response::Kept(response),
            Some(_) => Response::Erased,
        };
        Self {
            number: attempt,
            is_probe: probe,
            at: attempted_at,
            outcome,
            status,
            duration_ms,
            address,
            reason,
            response,
        }
    }
}
