//! Builds views anew beside those that people read: all builds of this node in turn, a batch each.

use std::sync::Arc;
use std::time::Duration;

use projections::View;
use projections::build::waited_in_vain;
use projections::registry::{self, Build, Live};

use super::{BATCH, FollowError, RETRY_AFTER, Shared};

/// How often builds are looked for that another node began and, if it ended, left behind.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long a switch waits for readers at first, and at most.
const SHORTEST_PATIENCE: Duration = Duration::from_millis(100);
const LONGEST_PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn follow(shared: Arc<Shared>) {
    while let Err(error) = shared.tidy_up().await {
        tracing::error!(%error, "builds of views that an earlier version left cannot be looked at");
        tokio::time::sleep(RETRY_AFTER).await;
    }
    loop {
        match shared.step_builds().await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the builds of views cannot be read"),
        }
        tokio::select! {
            () = shared.build_asked_for.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
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
                tracing::warn!(view = view.name(), found, known, "a newer version made this view: it is left alone");
            } else if live.schema_version < known {
                tracing::info!(view = view.name(), found = live.schema_version, known, "a view is rebuilt");
                // A newer build that is under way is the business of the version that began it.
                view.begin_build(&self.views, self.now_us()).await?.ok();
            } else if outdated {
                view.cancel_build(&self.views).await?;
            }
            self.drop_unused(view).await;
        }
        Ok(())
    }

    /// Moves every build along by a batch; false if there was nothing to do, or other nodes are doing it.
    async fn step_builds(&self) -> sqlx::Result<bool> {
        let mut moved = false;
        for (view, build) in registry::builds(&self.views).await? {
            if build.schema_version != view.schema_version() {
                continue;
            }
            self.log.give_way().await;
            match self.step_build(view, build).await {
                Ok(step) => moved |= step,
                Err(error) => tracing::error!(view = view.name(), %error, "a view cannot be rebuilt for now"),
            }
        }
        Ok(moved)
    }

    async fn step_build(&self, view: View, build: Build) -> Result<bool, FollowError> {
        let batch = self.building_feed.after(&self.log, build.position).await?;
        let Some(build) = view.advance_build(&self.views, &build, batch.events()).await? else {
            return Ok(false);
        };
        let near_the_head = self.log.head() - build.position < BATCH;
        if !near_the_head {
            return Ok(true);
        }
        let Some(live) = self.switch(view, &build).await? else { return Ok(false) };
        self.switched(view, &build, &live);
        self.drop_unused(view).await;
        Ok(true)
    }

    /// Waits for readers a little longer each time, so that the switch comes even where somebody always reads.
    async fn switch(&self, view: View, build: &Build) -> Result<Option<Live>, FollowError> {
        let mut patience = SHORTEST_PATIENCE;
        loop {
            let Some(mut switch) = view.begin_switch(&self.views, build).await? else { return Ok(None) };
            // Nobody moves the live view now, so this ends. A view that is ahead of its log was folded from another one.
            while switch.is_behind() {
                let events = self.log.read_after(switch.position(), BATCH).await?;
                if events.is_empty() {
                    break;
                }
                switch.apply(&events).await?;
            }
            match switch.finish(patience).await {
                Ok(live) => return Ok(Some(live)),
                Err(error) if waited_in_vain(&error) => {
                    tracing::debug!(view = view.name(), ?patience, "readers were in the way of a switch");
                    tokio::time::sleep(patience).await;
                    patience = (patience * 2).min(LONGEST_PATIENCE);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn switched(&self, view: View, build: &Build, live: &Live) {
        // A view of an earlier version stood still until now.
        self.positions[&view].send_if_modified(|position| {
            let further = live.position > *position;
            *position = live.position.max(*position);
            further
        });
        let seconds = (self.now_us() - build.started_at) / 1_000_000;
        tracing::info!(
            view = view.name(),
            generation = live.generation,
            position = live.position,
            seconds,
            "a view was rebuilt"
        );
    }

    /// What cannot be dropped now is dropped after the next build, or at the next start.
    async fn drop_unused(&self, view: View) {
        if let Err(error) = view.drop_unused(&self.views).await {
            tracing::warn!(view = view.name(), %error, "tables that nobody reads any more cannot be dropped for now");
        }
    }
}
