//! Trying parked events again, for administrators.

use async_graphql::{Context, InputObject, Object};
use domain::account::Role;
use domain::operator_action::OperatorActionEvent;

use super::payload;
use super::projections::unrecorded;
use crate::api::graphql::ApiError;
use crate::api::graphql::account::int;
use crate::api::graphql::error::UserError;
use crate::api::graphql::process::named;
use crate::api::graphql::query::asked;
use crate::app::operator_actions;
use crate::processes::{self, Retried};
use event_log::parked::Chosen;

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
        let (service, viewer) = asked(context)?;
        viewer.require(Role::Admin)?;
        let process = match input.process.as_deref().map(named).transpose() {
            Ok(process) => process,
            Err(error) => return Ok(error.into()),
        };
        let Ok(position) = input.position.as_deref().map(str::parse).transpose() else {
            return Ok(UserError::new("NOT_FOUND", "a position is a whole number", Some("position")).into());
        };
        let chosen = Chosen { process, position };
        let (parked, _) = service.log.parked_and_waiting(chosen).await?;
        if parked == 0 && position.is_some() {
            return Ok(UserError::new("NOT_FOUND", "no event is parked at this position", Some("position")).into());
        }
        if parked == 0 {
            return Ok(RetryParkedEventsPayload::of(Retried::default()));
        }
        let events = u32::try_from(parked).unwrap_or(u32::MAX);
        let requested =
            OperatorActionEvent::ParkedEventsRetried { process: process.map(str::to_owned), position, events };
        operator_actions::begin(service, requested, &viewer.actor(None)).await.map_err(unrecorded)?;
        let retried = processes::retry(service, chosen).await?;
        Ok(RetryParkedEventsPayload::of(retried))
    }
}

impl RetryParkedEventsPayload {
    fn of(Retried { matched, handled, waiting }: Retried) -> Self {
        let count = |number: u64| Some(int(i64::try_from(number).unwrap_or(i64::MAX)));
        Self { matched: count(matched), handled: count(handled), waiting: count(waiting), user_errors: vec![] }
    }
}
