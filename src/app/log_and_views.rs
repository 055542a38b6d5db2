//! What every part of the service works with: the log, the views, and what moves them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use event_log::clock::Clock;
use event_log::{EventLog, Position};
use storage::Database;

use crate::projector::Projector;

/// How long a command waits for the views to show what it did.
pub const VIEWS_TIMEOUT: Duration = Duration::from_secs(5);

/// Cheap to clone.
#[derive(Clone)]
pub struct LogAndViews {
    pub log: EventLog,
    pub views: Database,
    pub projector: Projector,
}

impl LogAndViews {
    pub fn clock(&self) -> &Clock {
        self.log.clock()
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock().now()
    }

    /// Waits until the views hold the event at `position`, so that people find what they did.
    pub async fn wait_for_views(&self, position: Option<Position>) {
        let Some(position) = position else { return };
        if !self.projector.wait_for_moving(position, VIEWS_TIMEOUT).await {
            tracing::warn!(position = position.0, "the views are too far behind to wait for");
        }
    }
}
