//! Rebuilds views beside those that people read: all builds of this node in turn, a batch each. Builds that stand at the same
//! event read the feed once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use event_log::recorded::{Cursor, Recorded};
use projections::View;
use projections::build::waited_in_vain;
use projections::registry::{self, Build, Live};

use super::{BATCH, FollowError, RETRY_AFTER, Shared};
use event_log::LoadError;
use event_log::recurring::Recurring;

/// How often builds are polled for that another node began and, if it ended, left behind.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// How long a switch waits for readers at first, and at most. As long as it does, those that come after wait with it.
const SHORTEST_LOCK_TIMEOUT: Duration = Duration::from_millis(100);
const LONGEST_LOCK_TIMEOUT: Duration = Duration::from_secs(1);
/// After a switch that waited in vain, readers have this many times as long for themselves.
const REST: u32 = 5;

/// Builds views on this node.
pub(super) struct Builder {
    shared: Arc<Shared>,
    /// How long the next switch of a view waits, where one has waited in vain.
    lock_timeouts: HashMap<View, Duration>,
}

impl Builder {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, lock_timeouts: HashMap::new() }
    }

    pub(super) async fn run(mut self) {
        while let Err(error) = self.shared.tidy_up().await {
            tracing::error!(%error, "builds of views that an earlier version left cannot be read");
            tokio::time::sleep(RETRY_AFTER).await;
        }
        let failures = Recurring::new("the builds of views cannot be read");
        loop {
            match self.step_all().await {
                Ok(true) => continue,
                Ok(false) => failures.worked(),
                Err(error) => failures.failed(&error),
            }
            let rest = self.lock_timeouts.values().max().map_or(POLL_INTERVAL, |timeout| *timeout * REST);
            tokio::select! {
                () = self.shared.build_asked_for.notified() => {}
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    /// Moves every build along by a batch; false if there was nothing to do for now, or other nodes are doing it.
    async fn step_all(&mut self) -> sqlx::Result<bool> {
        let builds = registry::builds(&self.shared.views).await?;
        self.lock_timeouts.retain(|view, _| builds.iter().any(|(built, _)| built == view));
        let (mut moved, mut read) = (false, None);
        for (view, build) in builds {
            if build.schema_version != view.schema_version() {
                continue;
            }
            self.shared.log.yield_to_webhooks().await;
            match self.step(view, build, &mut read).await {
                Ok(step) => moved |= step,
                Err(error) => tracing::error!(view = view.name, %error, "a view cannot be rebuilt for now"),
            }
        }
        Ok(moved)
    }

    /// `read` is what came after an event that another build has read.
    async fn step(
        &mut self,
        view: View,
        build: Build,
        read: &mut Option<(Cursor, Vec<Recorded>)>,
    ) -> Result<bool, FollowError> {
        let shared = &self.shared;
        if read.as_ref().is_none_or(|(after, _)| *after != build.cursor) {
            match shared.log.follow(&build.cursor, BATCH).await {
                Err(LoadError::OtherLog { .. }) => {
                    shared.begin_again(view).await?;
                    return Ok(true);
                }
                events => *read = Some((build.cursor.clone(), events?)),
            }
        }
        let events = read.as_ref().map_or(&[][..], |(_, events)| events);
        let Some(build) = view.advance_build(&shared.views, &build, events).await? else {
            return Ok(false);
        };
        if shared.log.head().events_since(build.cursor.position) >= BATCH {
            return Ok(true);
        }
        let lock_timeout = self.lock_timeouts.get(&view).copied().unwrap_or(SHORTEST_LOCK_TIMEOUT);
        match shared.switch(view, &build, lock_timeout).await {
            Ok(switched) => {
                self.lock_timeouts.remove(&view);
                Ok(switched)
            }
            Err(FollowError::Sql(error)) if waited_in_vain(&error) => {
                tracing::debug!(view = view.name, ?lock_timeout, "readers were in the way of a switch");
                self.lock_timeouts.insert(view, (lock_timeout * 2).min(LONGEST_LOCK_TIMEOUT));
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

impl Shared {
    /// Begins to rebuild what was made by an earlier version, and drops what was left behind.
    async fn tidy_up(&self) -> sqlx::Result<()> {
        for view in View::ALL {
            let (known, Some(live)) = (view.schema_version(), view.live(&self.views).await?) else { continue };
            let build = view.build(&self.views).await?;
            let outdated = build.as_ref().is_some_and(|build| build.schema_version < known);
            if live.schema_version > known {
                let found = live.schema_version;
                tracing::warn!(view = view.name, found, known, "a newer version made this view: it is left alone");
            } else if live.schema_version < known {
                tracing::info!(view = view.name, found = live.schema_version, known, "a view is rebuilt");
                // A newer build that is under way is the business of the version that began it.
                view.begin_build(&self.views, self.now_us()).await?.ok();
            } else if outdated {
                view.cancel_build(&self.views).await?;
            }
            self.drop_unused(view).await;
        }
        Ok(())
    }

    /// Lets readers read what was built; false if the build is over, or another node is at it.
    async fn switch(&self, view: View, build: &Build, lock_timeout: Duration) -> Result<bool, FollowError> {
        let Some(mut switch) = view.begin_switch(&self.views, build).await? else { return Ok(false) };
        // The live view stands still now, so this ends; also where it is of another log and ahead of this one.
        while switch.is_behind() {
            let events = self.log.follow(switch.cursor(), BATCH).await?;
            if events.is_empty() {
                break;
            }
            switch.apply(&events).await?;
        }
        let live = switch.finish(lock_timeout).await?;
        // At once, so that a caller who waits for the views waits for this one too.
        self.standings.send_if_modified(|standings| standings.set_switched(view, &live.cursor));
        self.work.send_replace(());
        self.log_rebuilt(view, build, &live);
        self.drop_unused(view).await;
        Ok(true)
    }

    fn log_rebuilt(&self, view: View, build: &Build, live: &Live) {
        let seconds = (self.now_us() - build.started_at) / 1_000_000;
        tracing::info!(
            view = view.name,
            generation = live.generation,
            position = live.cursor.position.0,
            seconds,
            "a view was rebuilt"
        );
    }

    /// Ends a build of another log, and begins the one of this.
    async fn begin_again(&self, view: View) -> sqlx::Result<()> {
        tracing::error!(
            view = view.name,
            "what was built of a view is of another event log: it is built from the beginning"
        );
        view.cancel_build(&self.views).await?;
        view.begin_build(&self.views, self.now_us()).await?.ok();
        Ok(())
    }

    /// What cannot be dropped now is dropped after the next build, or at the next start.
    async fn drop_unused(&self, view: View) {
        if let Err(error) = view.drop_unused(&self.views).await {
            tracing::warn!(view = view.name, %error, "tables that are not read any more cannot be dropped for now");
        }
    }
}
