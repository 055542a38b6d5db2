//! The feed as all views read it: what was read lately is kept for those that come next.

use std::collections::VecDeque;
use std::sync::Arc;

use projections::feed::{Cursor, Recorded};
use tokio::sync::Mutex;

use super::BATCH;
use crate::event_log::EventLog;
use crate::event_log::stream::LoadError;

/// Batches that are kept for the other views once one view has read them.
const KEPT_BATCHES: usize = 3;

/// What was read lately, so that all views cost one reading. A view far behind reads for itself.
#[derive(Default)]
pub(super) struct RecentFeed {
    recent: Mutex<VecDeque<Read>>,
}

/// What came after an event.
struct Read {
    after: Cursor,
    events: Arc<Vec<Recorded>>,
}

impl Read {
    /// Where in it the events begin that come after one.
    fn beginning_after(&self, cursor: &Cursor) -> Option<usize> {
        if self.after == *cursor {
            return Some(0);
        }
        let is_last_read = |event: &Recorded| event.position == cursor.position && event.hash == cursor.hash;
        self.events.iter().position(is_last_read).map(|index| index + 1).filter(|from| *from < self.events.len())
    }
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
    pub(super) async fn after(&self, log: &EventLog, cursor: &Cursor) -> Result<Batch, LoadError> {
        let mut recent = self.recent.lock().await;
        let known = recent.iter().find_map(|read| Some((read, read.beginning_after(cursor)?)));
        if let Some((read, from)) = known {
            return Ok(Batch { events: read.events.clone(), from });
        }
        let newest = recent.back().and_then(|read| read.events.last()).map(|event| event.position);
        if newest.is_some_and(|newest| cursor.position < newest) {
            drop(recent);
            return Ok(Batch { events: Arc::new(log.follow(cursor, BATCH).await?), from: 0 });
        }
        let events = Arc::new(log.follow(cursor, BATCH).await?);
        if !events.is_empty() {
            recent.push_back(Read { after: cursor.clone(), events: events.clone() });
            if recent.len() > KEPT_BATCHES {
                recent.pop_front();
            }
        }
        Ok(Batch { events, from: 0 })
    }

    /// For when what was read may not be in the log any more.
    pub(super) async fn forget(&self) {
        self.recent.lock().await.clear();
    }
}
