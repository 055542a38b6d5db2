//! Sending again what was given up, or waits for its next attempt: one, or all that a filter finds, some at a time.

use std::collections::HashSet;

use domain::dispatch::{Dispatch, DispatchCommand, DispatchRefusal, DispatchStatus, RedriveCause, SkipCause};
use event_log::{CommandError, Position};
use futures_util::stream::{StreamExt as _, iter};
use projections::commerce::dispatch_list::{self, DispatchEntry, Filter, Place};

use super::Dispatches;
use crate::app::error::{Error, Refused};
use crate::app::viewer::Viewer;

/// Dispatches that one call touches at most.
const MAX_TOUCHED: usize = 1_000;
/// Those of them that are shown.
const MAX_SHOWN: usize = 100;
/// Commands that are under way at a time: the log commits together what waits.
const CONCURRENCY: usize = 16;

/// Which dispatches are sent again.
pub struct Redrive {
    /// Without a status, dead letters.
    pub filter: Filter,
    /// Only those after which nothing about the same object is sent to the same endpoint, or was: other dead letters are not
    /// sent any more, and what retries goes on by its schedule.
    pub latest_per_object: bool,
    /// Goes on after this place.
    pub after: Option<Place>,
    /// Touches none.
    pub dry_run: bool,
}

/// What was sent again, or would be.
pub struct Redriven {
    pub matched: usize,
    pub redriven: usize,
    /// Not sent any more, since a later one about the same object is.
    pub skipped: usize,
    /// Whether the filter finds more than were touched.
    pub more: bool,
    /// Where the next call goes on.
    pub end: Option<Place>,
    /// Some of those that were touched, the newest first.
    pub shown: Vec<DispatchEntry>,
}

impl Dispatches {
    /// Sends one again, with the whole schedule before it.
    pub async fn redrive(&self, viewer: &Viewer, id: &str) -> Result<DispatchEntry, Error> {
        let Some(entry) = self.find(viewer, id).await? else {
            return Err(Refused::not_found("dispatchId").into());
        };
        if entry.status() == DispatchStatus::Skipped {
            // Where its endpoint was deleted, its own stream does not say so.
            return Err(CommandError::Refused(DispatchRefusal::Skipped).into());
        }
        let position = self.command(viewer, &entry, self.again()).await?;
        self.data.wait_for_views(position).await;
        let shown = dispatch_list::find(&self.data.views, &entry.dispatch_id).await?;
        Ok(shown.unwrap_or(entry))
    }

    /// Sends again what a filter finds.
    pub async fn redrive_all(&self, viewer: &Viewer, wanted: Redrive) -> Result<Redriven, Error> {
        let filter = to_redrive(self.within(viewer, wanted.filter).await?)?;
        let limit = i64::try_from(MAX_TOUCHED + 1).unwrap_or(i64::MAX);
        let mut found = dispatch_list::page(&self.data.views, &filter, wanted.after.as_ref(), limit).await?;
        let more = found.len() > MAX_TOUCHED;
        found.truncate(MAX_TOUCHED);
        let end = found.last().map(DispatchEntry::place);
        let superseded: HashSet<String> = if wanted.latest_per_object {
            let ids: Vec<String> = found.iter().map(|entry| entry.dispatch_id.clone()).collect();
            dispatch_list::superseded(&self.data.views, &ids).await?.into_iter().collect()
        } else {
            HashSet::new()
        };
        let (others, latest): (Vec<_>, Vec<_>) =
            found.iter().cloned().partition(|entry| superseded.contains(&entry.dispatch_id));
        let (redriven, skipped) = if wanted.dry_run {
            // What still retries goes on by its schedule.
            (latest.len(), others.iter().filter(|entry| entry.status() == DispatchStatus::DeadLetter).count())
        } else {
            self.data.log.yield_to_webhooks().await;
            // First what is not sent: a stop half-way leaves dead letters, and not two of one object.
            let skip = DispatchCommand::Skip { cause: SkipCause::Superseded };
            let skipped = self.command_each(viewer, &others, &skip).await?;
            (self.command_each(viewer, &latest, &self.again()).await?, skipped)
        };
        let ids: Vec<String> = found.iter().take(MAX_SHOWN).map(|entry| entry.dispatch_id.clone()).collect();
        let mut shown = dispatch_list::find_many(&self.data.views, &ids).await?;
        shown.sort_by_key(|entry| std::cmp::Reverse(entry.event.list_position()));
        Ok(Redriven { matched: found.len(), redriven, skipped, more, end, shown })
    }

    fn again(&self) -> DispatchCommand {
        DispatchCommand::Redrive { cause: RedriveCause::Operator, retry_at: self.data.now() }
    }

    /// Returns to how many it happened.
    async fn command_each(
        &self,
        viewer: &Viewer,
        entries: &[DispatchEntry],
        command: &DispatchCommand,
    ) -> Result<usize, Error> {
        let commands: Vec<_> = entries.iter().map(|entry| self.command(viewer, entry, command.clone())).collect();
        // All of them, also when one fails: each that is done is one less.
        let done: Vec<_> = iter(commands).buffer_unordered(CONCURRENCY).collect().await;
        let (mut changed, mut last) = (0, None);
        for position in done {
            let position = match position {
                // What was delivered meanwhile is not touched.
                Err(Error::Refused(_)) => None,
                position => position?,
            };
            changed += usize::from(position.is_some());
            last = position.max(last);
        }
        self.data.wait_for_views(last).await;
        Ok(changed)
    }

    async fn command(
        &self,
        viewer: &Viewer,
        entry: &DispatchEntry,
        command: DispatchCommand,
    ) -> Result<Option<Position>, Error> {
        let actor = viewer.actor(Some(&entry.event.account_id));
        Ok(self.data.log.execute::<Dispatch>(&entry.dispatch_id, command, &actor).await?.position)
    }
}

/// Unless they are named, dead letters.
fn to_redrive(mut filter: Filter) -> Result<Filter, Error> {
    if filter.statuses.is_empty() {
        filter.statuses = vec![DispatchStatus::DeadLetter];
    }
    let can_be = |status: &DispatchStatus| matches!(status, DispatchStatus::DeadLetter | DispatchStatus::Retrying);
    if filter.statuses.iter().all(can_be) {
        Ok(filter)
    } else {
        Err(Error::InvalidArgument { argument: "statuses", reason: "must be DEAD_LETTER or RETRYING" })
    }
}
