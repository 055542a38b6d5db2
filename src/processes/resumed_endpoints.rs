//! What follows when an endpoint is resumed, or responds again: what failed before is sent again.
//!
//! Where a person resumed it, with the whole schedule before it. With the failure policy of Cloud Elements an endpoint is
//! disabled when a message is given up, so those that were are sent again too ("replay on switching on"). Where one success
//! ended a degradation, what waits is tried at once instead of hours later, and its schedule goes on: a message that fails
//! while others get through becomes a dead letter in the end.

use domain::EndpointId;
use domain::dispatch::{Dispatch, DispatchCommand, DispatchStatus, RedriveCause};
use domain::endpoint::{Endpoint, EndpointEvent, RetryPolicy};
use event_log::recorded::{AnyEvent, Recorded};
use event_log::{Actor, CommandError};
use projections::commerce;
use projections::commerce::dispatch_list::{self, DispatchEntry, Filter};

use super::Dependencies;
use super::failure::Failure;
use super::process_manager::{ProcessManager, handles};
use crate::app::log_and_views::{LogAndViews, VIEWS_TIMEOUT};

/// Dispatches that are read at a time.
const PAGE: i64 = 200;

/// Sends again what an endpoint did not get before it was resumed or responded again.
pub(super) struct ResumedEndpoints {
    data: LogAndViews,
}

impl ProcessManager for ResumedEndpoints {
    const NAME: &'static str = "resumed_endpoints";

    handles! { |resumed, event| {
        ("endpoint", "endpoint_resumed") AnyEvent::Endpoint(EndpointEvent::EndpointResumed {}) => {
            resumed.send_again(event, RedriveCause::Resumed).await
        },
        ("endpoint", "endpoint_recovered") AnyEvent::Endpoint(EndpointEvent::EndpointRecovered {}) => {
            resumed.send_again(event, RedriveCause::Recovered).await
        },
    } }

    fn new(needs: &Dependencies) -> Option<Self> {
        Some(Self { data: needs.data.clone() })
    }
}

impl ResumedEndpoints {
    async fn send_again(&self, event: &Recorded, cause: RedriveCause) -> Result<(), Failure> {
        let Ok(endpoint_id) = event.aggregate_id.parse::<EndpointId>() else { return Ok(()) };
        let endpoint = self.data.log.current::<Endpoint>(endpoint_id).await?;
        // Deleted meanwhile, it gets nothing.
        let Some(subscription) = endpoint.aggregate.subscription() else { return Ok(()) };
        let statuses = match (cause, subscription.settings.retry_policy()) {
            (RedriveCause::Resumed, RetryPolicy::CloudElements | RetryPolicy::CloudElementsFive) => {
                vec![DispatchStatus::Retrying, DispatchStatus::DeadLetter]
            }
            (RedriveCause::Resumed, RetryPolicy::Standard | RetryPolicy::Queue)
            | (RedriveCause::Recovered | RedriveCause::Operator, _) => vec![DispatchStatus::Retrying],
        };
        if !self.data.projector.wait_for(&[commerce::VIEW], event.position, VIEWS_TIMEOUT).await {
            return Err(Failure::ViewBehind);
        }
        let filter = Filter { endpoint_id: Some(event.aggregate_id.clone()), statuses, ..Filter::default() };
        let mut before = None;
        loop {
            let page = dispatch_list::page(&self.data.views, &filter, before.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            before = Some(last.place());
            for entry in page.iter().filter(|entry| entry.changed_by < event.position) {
                self.redrive(entry, event, cause).await?;
            }
        }
    }

    async fn redrive(&self, entry: &DispatchEntry, event: &Recorded, cause: RedriveCause) -> Result<(), Failure> {
        let redrive = DispatchCommand::Redrive { cause, retry_at: self.data.now() };
        let origin = Actor::System.because_of(event.position);
        match self.data.log.execute::<Dispatch>(&entry.dispatch_id, redrive, origin).await {
            // What was sent or skipped meanwhile needs nothing.
            Ok(_) | Err(CommandError::Refused(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
