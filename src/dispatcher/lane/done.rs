//! What was recorded here and the view does not show yet.

use std::collections::HashMap;

use event_log::Position;
use projections::commerce::queue::QueuedDispatch;

use super::Ended;

/// What was recorded here, each with its position, until the view shows it.
#[derive(Default)]
pub(in crate::dispatcher) struct Done(HashMap<String, (Position, Ended)>);

impl Done {
    pub(in crate::dispatcher) fn insert(&mut self, dispatch_id: String, position: Position, ended: Ended) {
        self.0.insert(dispatch_id, (position, ended));
    }

    /// The view has come to this position.
    pub(in crate::dispatcher) fn forget_shown(&mut self, shown: Position) {
        self.0.retain(|_, (position, _)| *position > shown);
    }

    pub(super) fn contains(&self, row: &QueuedDispatch) -> bool {
        self.0.get(&row.dispatch_id).is_some_and(|(position, _)| row.changed_by <= *position)
    }

    /// A row of the view with what came of it since. None of one that is closed.
    pub(super) fn updated(&self, mut row: QueuedDispatch) -> Option<QueuedDispatch> {
        if !self.contains(&row) {
            return Some(row);
        }
        let (_, Ended::Waits { until, attempts }) = self.0.get(&row.dispatch_id)? else { return None };
        (row.due_at, row.attempts) = (until.timestamp_micros(), *attempts);
        Some(row)
    }
}
