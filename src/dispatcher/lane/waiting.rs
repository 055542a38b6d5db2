//! What waits for its next attempt.

use std::collections::BTreeMap;
use std::ops::Bound;

use chrono::{DateTime, Utc};
use domain::endpoint::LONGEST_DELAY;
use projections::commerce::events::ListPosition;
use projections::commerce::queue::QueuedDispatch;

/// By the moment of the next attempt; of one moment, in the order of the events.
type Key = (DateTime<Utc>, ListPosition);

/// Of each only what finds it in the view.
#[derive(Default)]
pub(super) struct Waiting {
    rows: BTreeMap<Key, (String, i64)>,
    /// The last one that was a probe.
    probed: Option<Key>,
}

impl Waiting {
    pub(super) fn insert(&mut self, row: &QueuedDispatch, until: DateTime<Utc>, attempts: i64, now: DateTime<Utc>) {
        // A clock that was ahead may have written a later one.
        let until = until.min(now + LONGEST_DELAY);
        self.rows.insert((until, row.event.list_position()), (row.dispatch_id.clone(), attempts));
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn first_at(&self) -> Option<DateTime<Utc>> {
        self.rows.first_key_value().map(|((at, _), _)| *at)
    }

    /// Whether the dispatch of the event at this place waits beyond `now`.
    pub(super) fn has(&self, at: ListPosition, now: DateTime<Utc>) -> bool {
        self.rows.keys().any(|(until, of)| *of == at && *until > now)
    }

    /// Takes the first whose moment has come, with its attempts so far.
    pub(super) fn take_due(&mut self, now: DateTime<Utc>) -> Option<(String, i64)> {
        let first = self.rows.first_entry().filter(|first| first.key().0 <= now)?;
        Some(first.remove())
    }

    /// Takes one before its moment: each in turn, since one may fail for a reason of its own.
    pub(super) fn take_probe(&mut self) -> Option<(String, i64)> {
        let after = self.probed.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.rows.range((after, Bound::Unbounded)).next().or_else(|| self.rows.first_key_value());
        let key = *next?.0;
        self.probed = Some(key);
        self.rows.remove(&key)
    }

    /// The same without anything, which remembers whose turn it is.
    pub(super) fn emptied(&self) -> Self {
        Self { rows: BTreeMap::new(), probed: self.probed }
    }
}
