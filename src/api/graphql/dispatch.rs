//! Dispatches: what was sent to which endpoint, and what came of each attempt.

use std::fmt;
use std::str::FromStr;

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use domain::dispatch::{AttemptOutcome, ResponseBody};
use projections::commerce::dispatch_list::{DispatchEntry, Filter, Place};

use super::ApiError;
use super::commerce_event::{CommerceEvent, types};
use super::endpoint::Endpoint;
use super::moment::{Moment, moment};
use super::viewer::app_and_viewer;
use super::words::DispatchStatus;
use crate::app::dispatches::{Attempt, RedriveNote, Response};

#[derive(InputObject, Default)]
pub(super) struct DispatchFilter {
    endpoint_id: Option<ID>,
    statuses: Option<Vec<DispatchStatus>>,
    /// Of events of these types, such as `order.paid`, or `order.*` for all of orders.
    types: Option<Vec<String>>,
    /// Of this event.
    event_id: Option<ID>,
    /// Of events about this order, product or customer: the store's own id of it. Of a delivery: its id.
    object_id: Option<String>,
    /// Support and admin only: of this account. Without it they get those of every account.
    account_id: Option<ID>,
}

impl TryFrom<DispatchFilter> for Filter {
    type Error = ApiError;

    fn try_from(filter: DispatchFilter) -> Result<Self, ApiError> {
        let clean = |text: String| text.replace('\0', "");
        let id = |id: ID| clean(id.0.to_lowercase());
        Ok(Self {
            account_id: filter.account_id.map(String::from),
            endpoint_id: filter.endpoint_id.map(id),
            statuses: filter.statuses.unwrap_or_default().into_iter().map(Into::into).collect(),
            types: types(filter.types.unwrap_or_default())?,
            event_id: filter.event_id.map(id),
            object_id: filter.object_id.map(clean),
        })
    }
}

/// One event on its way to one endpoint.
pub(super) struct Dispatch(pub(super) DispatchEntry);

#[Object]
impl Dispatch {
    async fn id(&self) -> ID {
        ID(self.0.dispatch_id.clone())
    }

    async fn status(&self) -> DispatchStatus {
        self.0.status().into()
    }

    /// Why it is not sent any more, where it was skipped.
    async fn skip_cause(&self) -> Option<&str> {
        self.0.skip_cause.as_deref()
    }

    async fn commerce_event(&self) -> CommerceEvent {
        self.0.event.clone().into()
    }

    #[graphql(complexity = "5 + child_complexity")]
    async fn endpoint(&self, context: &Context<'_>) -> Result<Option<Endpoint>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        Ok(app.endpoints.find(viewer, self.0.endpoint_id.clone()).await?.map(Endpoint::from))
    }

    /// So far, probes of the endpoint among them.
    async fn attempt_count(&self) -> i32 {
        i32::try_from(self.0.attempts).unwrap_or(i32::MAX)
    }

    /// From when on it is sent, or sent again, unless its endpoint is paused, disabled or degraded. Null where it is not any more.
    async fn due_at(&self) -> Option<Moment> {
        self.0.due_at.map(moment)
    }

    /// When the latest attempt was made.
    async fn attempted_at(&self) -> Option<Moment> {
        self.0.attempted_at.map(moment)
    }

    /// The HTTP status of the latest attempt.
    async fn response_status(&self) -> Option<i64> {
        self.0.response_status
    }

    /// Why the latest attempt failed.
    async fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// Every attempt, the oldest first.
    #[graphql(complexity = "20 + 5 * child_complexity")]
    async fn attempts(&self, context: &Context<'_>) -> Result<Vec<DispatchAttempt>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let attempts = app.dispatches.attempts(viewer, &self.0).await?;
        Ok(attempts.into_iter().map(DispatchAttempt::from).collect())
    }

    /// When it was asked to be sent again, or was without being asked, the oldest first.
    #[graphql(complexity = "20 + 5 * child_complexity")]
    async fn redrives(&self, context: &Context<'_>) -> Result<Vec<DispatchRedrive>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let redrives = app.dispatches.redrives(viewer, &self.0).await?;
        Ok(redrives.into_iter().map(DispatchRedrive::from).collect())
    }

    /// What is sent to its endpoint before it, where that keeps order: the first event about the same object that is yet to be
    /// sent.
    #[graphql(complexity = "5 + child_complexity")]
    async fn waits_for(&self, context: &Context<'_>) -> Result<Option<Dispatch>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        Ok(app.dispatches.waits_for(viewer, &self.0).await?.map(Dispatch::from))
    }
}

impl From<DispatchEntry> for Dispatch {
    fn from(entry: DispatchEntry) -> Self {
        Self(entry)
    }
}

/// What came of an attempt to send an event.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DispatchAttemptOutcome {
    Delivered,
    /// It is sent again.
    Failed,
    /// It failed, and is not sent again by itself.
    DeadLettered,
}

/// Why a dispatch is sent again before its time, or after its last attempt.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "domain::dispatch::RedriveCause")]
pub(super) enum RedriveCause {
    /// It was asked for: it has the whole schedule before it.
    Operator,
    /// Its endpoint was resumed: it has the whole schedule before it.
    Resumed,
    /// Its endpoint responded again: it is tried at once, and its schedule goes on where it was.
    Recovered,
}

/// A dispatch that is sent again.
#[derive(SimpleObject)]
pub(super) struct DispatchRedrive {
    at: Moment,
    cause: RedriveCause,
    /// Who or what made it happen.
    by: String,
}

impl From<RedriveNote> for DispatchRedrive {
    fn from(note: RedriveNote) -> Self {
        Self { at: Moment(note.at), cause: note.cause.into(), by: note.by }
    }
}

/// An attempt to send an event to an endpoint.
#[derive(SimpleObject)]
pub(super) struct DispatchAttempt {
    /// From 1 on.
    number: i32,
    /// Whether it was made before its time, to learn whether the degraded endpoint responds again: where that failed, the schedule
    /// goes on as if it had not been made.
    is_probe: bool,
    at: Moment,
    outcome: DispatchAttemptOutcome,
    /// When it is sent again, where it failed.
    retry_at: Option<Moment>,
    /// The HTTP status; null where there was no response.
    status: Option<i32>,
    duration_ms: i32,
    /// What was connected to, or being connected to.
    address: Option<String>,
    /// Why it failed.
    reason: Option<String>,
    /// The first kilobyte of the response, as text or in base64. For the account's own keys; erased with what the event is about.
    response: Option<String>,
    response_is_base64: bool,
    response_is_erased: bool,
}

impl From<Attempt> for DispatchAttempt {
    fn from(attempt: Attempt) -> Self {
        let (outcome, retry_at) = match attempt.outcome {
            AttemptOutcome::Delivered => (DispatchAttemptOutcome::Delivered, None),
            AttemptOutcome::Failed { retry_at } => (DispatchAttemptOutcome::Failed, Some(Moment(retry_at))),
            AttemptOutcome::DeadLettered => (DispatchAttemptOutcome::DeadLettered, None),
        };
        let response_is_erased = matches!(attempt.response, Response::Erased);
        let (response, response_is_base64) = match attempt.response {
            Response::Kept(ResponseBody::Text(text)) => (Some(text), false),
            Response::Kept(ResponseBody::Base64(base64)) => (Some(base64), true),
            Response::None | Response::Erased | Response::Withheld => (None, false),
        };
        Self {
            number: i32::try_from(attempt.number).unwrap_or(i32::MAX),
            is_probe: attempt.is_probe,
            at: Moment(attempt.at),
            outcome,
            retry_at,
            status: attempt.status.map(i32::from),
            duration_ms: i32::try_from(attempt.duration_ms).unwrap_or(i32::MAX),
            address: attempt.address,
            reason: attempt.reason,
            response,
            response_is_base64,
            response_is_erased,
        }
    }
}

/// A place in the list, as it is written in a page.
#[derive(Clone)]
pub(super) struct DispatchCursor(pub(super) Place);

impl FromStr for DispatchCursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '.');
        let mut part = || parts.next().ok_or("not a cursor");
        let position = part()?.parse().map_err(|_| "not a cursor")?;
        let ordinal = part()?.parse().map_err(|_| "not a cursor")?;
        Ok(Self(Place { position, ordinal, dispatch_id: part()?.replace('\0', "") }))
    }
}

impl fmt::Display for DispatchCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { position, ordinal, dispatch_id } = &self.0;
        write!(f, "{position}.{ordinal}.{dispatch_id}")
    }
}
