//! Sending events to endpoints again.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::{payload, refusable};
use crate::api::graphql::ApiError;
use crate::api::graphql::account::count;
use crate::api::graphql::dispatch::{Dispatch, DispatchCursor, DispatchFilter};
use crate::api::graphql::error::{UserError, payload_of};
use crate::api::graphql::viewer::app_and_viewer;
use crate::app::dispatches::Redrive;

#[derive(InputObject)]
struct RedriveDispatchInput {
    dispatch_id: ID,
}

#[derive(InputObject)]
struct RedriveDispatchesInput {
    /// Without statuses, dead letters; `RETRYING` ones can be named.
    #[graphql(default)]
    filter: DispatchFilter,
    /// Only those after which nothing about the same order, product or customer is sent to the same endpoint, or was. Other
    /// dead letters are not sent any more: the receiver has, or gets, what is newer. What retries goes on by its schedule.
    #[graphql(default)]
    latest_per_object: bool,
    /// Goes on after this place, which the call before ended with.
    after: Option<String>,
    /// Returns how many and which dispatches it would touch, and touches none.
    #[graphql(default)]
    dry_run: bool,
}

payload!(DispatchPayload { dispatch: Dispatch });

/// What was sent again, or would be.
#[derive(SimpleObject, Default)]
pub(in crate::api::graphql) struct RedriveDispatchesPayload {
    /// Dispatches that the filter found; a thousand at most are touched at once.
    matched: i32,
    /// How many of them are sent again; with dryRun, how many would be.
    redriven: i32,
    /// How many are not sent any more, since something later about the same object is.
    skipped: i32,
    /// Whether the filter finds more than were touched: go on after `endCursor`.
    more: bool,
    end_cursor: Option<String>,
    /// The first hundred.
    dispatches: Vec<Dispatch>,
    user_errors: Vec<UserError>,
}

refusable!(RedriveDispatchesPayload);

#[derive(Default)]
pub(super) struct Dispatches;

#[Object]
impl Dispatches {
    /// Sends an event to an endpoint again that was given up, or waits for its next attempt: with the whole schedule before it.
    async fn redrive_dispatch(
        &self,
        context: &Context<'_>,
        input: RedriveDispatchInput,
    ) -> Result<DispatchPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        payload_of(app.dispatches.redrive(viewer, &input.dispatch_id).await, |entry| DispatchPayload {
            dispatch: Some(entry.into()),
            user_errors: vec![],
        })
    }

    /// Sends all again that a filter finds. With dryRun, returns how many and which it would touch, and touches none.
    #[graphql(complexity = "100 * child_complexity + 1000")]
    async fn redrive_dispatches(
        &self,
        context: &Context<'_>,
        input: RedriveDispatchesInput,
    ) -> Result<RedriveDispatchesPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let after: Option<DispatchCursor> = input
            .after
            .map(|after| after.parse())
            .transpose()
            .map_err(|_| ApiError::InvalidArgument { argument: "after", reason: "is not a cursor" })?;
        let wanted = Redrive {
            filter: input.filter.try_into()?,
            latest_per_object: input.latest_per_object,
            after: after.map(|DispatchCursor(place)| place),
            dry_run: input.dry_run,
        };
        payload_of(app.dispatches.redrive_all(viewer, wanted).await, |done| RedriveDispatchesPayload {
            matched: count(done.matched),
            redriven: count(done.redriven),
            skipped: count(done.skipped),
            more: done.more,
            end_cursor: done.end.map(|end| DispatchCursor(end).to_string()),
            dispatches: done.shown.into_iter().map(Dispatch::from).collect(),
            user_errors: vec![],
        })
    }
}
