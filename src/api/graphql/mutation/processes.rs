//! Trying parked events again, for administrators.

use async_graphql::{Context, InputObject, Object};

use super::payload;
use crate::api::graphql::ApiError;
use crate::api::graphql::account::int;
use crate::api::graphql::error::payload_of;
use crate::api::graphql::viewer::app_and_viewer;

#[derive(InputObject)]
struct RetryParkedEventsInput {
    /// Those of this process manager; without it, of all.
    process: Option<String>,
    /// The event at this position alone.
    position: Option<String>,
}

payload!(RetryParkedEventsPayload {
    /// Parked events that match.
    matched: i32,
    /// Those of them that were handled.
    handled: i32,
    /// Those that have yet to be tried.
    waiting: i32,
});

#[derive(Default)]
pub(super) struct Processes;

#[Object]
impl Processes {
    /// Admin only: tries parked events again now, whenever they would be tried by themselves. Waits for some seconds for
    /// what comes of it; what could not be handled stays parked.
    async fn retry_parked_events(
        &self,
        context: &Context<'_>,
        input: RetryParkedEventsInput,
    ) -> Result<RetryParkedEventsPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let (process, position) = (input.process.as_deref(), input.position.as_deref());
        let number = |number: u64| Some(int(i64::try_from(number).unwrap_or(i64::MAX)));
        payload_of(app.administration.retry_parked(viewer, process, position).await, |retried| {
            RetryParkedEventsPayload {
                matched: number(retried.matched),
                handled: number(retried.handled),
                waiting: number(retried.waiting),
                user_errors: vec![],
            }
        })
    }
}
