//! The feed as all views read it: what was read lately is kept for those that come next.

use std::collections::VecDeque;
use std::sync::Arc;

use projections::feed::Recorded;
use tokio::sync::Mutex;

use super::BATCH;
use crate::event_log::EventLog;
use crate::event_log::stream::LoadError;

/// Batches that are kept for the other views once one view has read them.
const KEPT_BATCHES: usize = 3;

/// What was read lately, so that six views cost one reading. A view far behind reads for itself.
#[derive(Default)]
pub(super) struct RecentFeed {
    recent: Mutex<VecDeque<Arc<Vec<Recorded>>>>,
}

/// Some events of a batch that others may share.
pub(super) struct Batch {
    events: Arc<Vec<Recorded>>,
    from: usize,
}

impl Batch {
    pub(super) fn events(&self) -> &[Recorded] {
        &self.events[self.from..]
    }

    pub(super) fn last(&self) -> Option<&Recorded> {
        self.events().last()
    }
}

impl RecentFeed {
    pub(super) async fn after(&self, log: &EventLog, position: i64) -> Result<Batch, LoadError> {
        let mut recent = self.recent.lock().await;
        let known = recent.iter().find_map(|events| {
            let from = events.iter().position(|event| event.position == position + 1)?;
            Some(Batch { events: events.clone(), from })
        });
        if let Some(batch) = known {
            return Ok(batch);
        }
        let newest = recent.back().and_then(|events| events.last()).map(|event| event.position);
        if newest.is_some_and(|newest| position < newest) {
            drop(recent);
            return Ok(Batch { events: Arc::new(log.read_after(position, BATCH).await?), from: 0 });
        }
        let events = Arc::new(log.read_after(position, BATCH).await?);
        if !events.is_empty() {
            recent.push_back(events.clone());
            if recent.len() > KEPT_BATCHES {
                recent.pop_front();
            }
        }
        Ok(Batch { events, from: 0 })
    }
}
