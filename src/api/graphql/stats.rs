//! Counts over time for charts.

use async_graphql::SimpleObject;
use projections::delivery_stats::CountsAt;

use super::account::int;
use super::moment::{Moment, moment};

/// What happened in one stretch of time, UTC.
#[derive(SimpleObject)]
pub(super) struct DeliveryStatsBucket {
    start: Moment,
    /// Orders that were accepted for delivery.
    received: i32,
    duplicates: i32,
    /// Webhooks whose order status is not delivered; these are no failures.
    filtered: i32,
    completed: i32,
    failed: i32,
    action_required: i32,
    cancelled: i32,
    items_shared: i32,
    credits_charged: i32,
}

impl From<CountsAt> for DeliveryStatsBucket {
    fn from(CountsAt { start, counts }: CountsAt) -> Self {
        Self {
            start: moment(start),
            received: int(counts.received),
            duplicates: int(counts.duplicates),
            filtered: int(counts.filtered),
            completed: int(counts.completed),
            failed: int(counts.failed),
            action_required: int(counts.action_required),
            cancelled: int(counts.cancelled),
            items_shared: int(counts.items_shared),
            credits_charged: int(counts.credits_charged),
        }
    }
}
