//! Orders that are only published, and that could not be read because access to their store was missing, or were given up: once
//! it is saved, they are read.

use cqrs_es::Aggregate as _;
use domain::ResolutionCode;
use domain::integration::{Integration, IntegrationEvent};
use domain::resource::{ReadFailed, Resource, ResourceCommand};
use event_log::recorded::{AnyEvent, Recorded};
use event_log::{Actor, CommandError, Position, Sequence};
use projections::unread_orders;

use super::Fixes;
use crate::app::log_and_views::VIEWS_TIMEOUT;
use crate::processes::failure::Failure;

/// Orders that are read at a time, and changes of settings.
const PAGE: i64 = 200;

impl Fixes {
    /// Has what could not be read before be read.
    pub(super) async fn wake_reads(&self, event: &Recorded, fixed: ResolutionCode) -> Result<(), Failure> {
        // What failed before the fix is in the view then; what fails after it is checked when it does.
        if !self.data.projector.wait_for(&[unread_orders::VIEW], event.position, VIEWS_TIMEOUT).await {
            return Err(Failure::ViewBehind);
        }
        let mut after = Position::START;
        loop {
            let views = &self.data.views;
            let page = unread_orders::page(views, &event.aggregate_id, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.listed_at;
            for order in &page {
                self.request_read(&order.id, fixed, event.position).await?;
            }
        }
    }

    /// A try that began before the fix and failed after it would wait for ever.
    pub(super) async fn wake_read_if_fixed_meanwhile(
        &self,
        event: &Recorded,
        failed: &ReadFailed,
    ) -> Result<(), Failure> {
        let Some(integration_id) = event.integration_id else { return Ok(()) };
        if failed.code != ResolutionCode::StoreAccessMissing {
            return Ok(());
        }
        let (id, mut seen) = (integration_id.to_string(), Sequence(failed.integration_sequence));
        loop {
            let changes = self.data.log.recorded_of(Integration::TYPE, &id, seen, PAGE).await?;
            let Some(last) = changes.last() else { return Ok(()) };
            seen = last.sequence;
            let is_saved = |change: &&Recorded| {
                matches!(change.event, AnyEvent::Integration(IntegrationEvent::StoreAccessSaved { .. }))
            };
            if let Some(fix) = changes.iter().find(is_saved) {
                return self.request_read(&event.aggregate_id, failed.code, fix.position).await;
            }
        }
    }

    async fn request_read(&self, id: &str, fixed: ResolutionCode, fixed_at: Position) -> Result<(), Failure> {
        let origin = Actor::System.because_of(fixed_at);
        match self.data.log.execute::<Resource>(id, ResourceCommand::RequestRead { fixed }, origin).await {
            Ok(_) => Ok(()),
            Err(CommandError::Refused(never)) => match never {},
            Err(error) => Err(error.into()),
        }
    }
}
