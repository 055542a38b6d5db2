//! Putting deliveries that wait for a cause back in the queue.

use std::time::Duration;

use domain::delivery::{Delivery, DeliveryCommand};
use domain::{AccountId, IntegrationId, ItemMapping, ResolutionCode};
use futures_util::future::join_all;
use projections::delivery_log::{self, DeliveryRow};

use super::Fixes;
use crate::processes::failure::Failure;
use event_log::{Actor, CommandError, Position};

/// Waiting deliveries that are read at a time.
const PAGE: i64 = 200;
const LOADS_AT_ONCE: usize = 8;
/// How long the view is waited for at a time.
const VIEW_TIMEOUT: Duration = Duration::from_secs(5);

/// Deliveries of an account that wait for a cause to be fixed.
pub(super) struct Waiting {
    pub(super) code: ResolutionCode,
    pub(super) account_id: AccountId,
    pub(super) integration_id: Option<IntegrationId>,
    pub(super) at_most: u64,
    /// Deliveries that began to wait up to this position are woken: the view must show them.
    pub(super) began_by: Position,
}

impl Waiting {
    pub(super) fn all(code: ResolutionCode, account_id: AccountId, began_by: Position) -> Self {
        Self { code, account_id, integration_id: None, at_most: u64::MAX, began_by }
    }
}

impl Fixes {
    /// Puts deliveries that waited for this cause back in the queue, the oldest first. One that cannot be read keeps none of
    /// the others.
    pub(super) async fn wake(
        &self,
        waiting: Waiting,
        fixed_at: Position,
        mapping: Option<&ItemMapping>,
    ) -> Result<(), Failure> {
        let Waiting { code, account_id, integration_id, at_most, began_by } = waiting;
        // What began to wait before the fix is in the view then; what begins to wait after it is checked when it does.
        if !self.data.projector.wait_for(&[delivery_log::VIEW], began_by, VIEW_TIMEOUT).await {
            return Err(Failure::ViewBehind);
        }
        let (mut after, mut left) = (Position::START, usize::try_from(at_most).unwrap_or(usize::MAX));
        let mut broken = Ok(());
        while left > 0 {
            let page =
                delivery_log::waiting_for(&self.data.views, code, account_id, integration_id, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.listed_at;
            let helps = |row: &&DeliveryRow| {
                let is_of =
                    |mapping: &ItemMapping| row.summary().lines.current.iter().any(|line| mapping.matches(&line.item));
                mapping.is_none_or(is_of)
            };
            let ids: Vec<&str> = page.iter().filter(helps).take(left).map(|row| row.id.as_str()).collect();
            left -= ids.len();
            match self.requeue_all(&ids, code, fixed_at).await {
                Err(failure @ Failure::OfEvent(_)) => broken = Err(failure),
                others => others?,
            }
        }
        broken
    }

    /// Together, so that many need one commit, and in their order.
    async fn requeue_all(&self, ids: &[&str], cause: ResolutionCode, fixed_at: Position) -> Result<(), Failure> {
        // In memory, each is decided as soon as its turn comes. What cannot be loaded is said by its command.
        for some in ids.chunks(LOADS_AT_ONCE) {
            join_all(some.iter().map(|id| self.data.log.recent::<Delivery>(id))).await;
        }
        let requeued = join_all(ids.iter().map(|id| self.requeue(id, cause, fixed_at))).await;
        requeued.into_iter().collect()
    }

    pub(super) async fn requeue(
        &self,
        delivery_id: &str,
        cause: ResolutionCode,
        fixed_at: Position,
    ) -> Result<(), Failure> {
        let command = DeliveryCommand::Release { cause };
        let origin = Actor::System.because_of(fixed_at);
        match self.data.log.execute::<Delivery>(delivery_id, command, origin).await {
            // It does not wait for this any more.
            Ok(_) | Err(CommandError::Refused(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
