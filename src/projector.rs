//! The projector: moves every view along the feed, each by a task of its own, and builds views anew beside those that
//! people read.

mod builds;
mod recent;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use projections::View;
use projections::build::MadeByNewerVersion;
use projections::database::Database;
use projections::registry::Build;
use projections::view::AdvanceError;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Notify, watch};
use tokio::task::JoinSet;

use crate::event_log::EventLog;
use crate::event_log::stream::LoadError;
use crate::recurring::Recurring;
use builds::Builder;
use recent::RecentFeed;

/// Events that are applied in one transaction.
const BATCH: i64 = 1_000;
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// How often a view is looked at that this node may not move along.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Where every view stands, and the tasks that move them.
#[derive(Clone)]
pub struct Projector {
    shared: Arc<Shared>,
    tasks: Arc<Mutex<JoinSet<()>>>,
}

struct Shared {
    log: EventLog,
    views: Database,
    feed: RecentFeed,
    /// Apart, because builds are far behind the views.
    building_feed: RecentFeed,
    positions: HashMap<View, watch::Sender<i64>>,
    /// Wakes whoever builds views.
    build_asked_for: Notify,
}

#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    Log(#[from] LoadError),
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error(transparent)]
    View(#[from] AdvanceError),
}

impl Projector {
    pub async fn start(log: &EventLog, views: &Database, runtime: &Handle) -> sqlx::Result<Self> {
        let mut positions = HashMap::new();
        for view in View::ALL {
            positions.insert(view, watch::Sender::new(view.checkpoint(views).await?));
        }
        let shared = Arc::new(Shared {
            log: log.clone(),
            views: views.clone(),
            feed: RecentFeed::default(),
            building_feed: RecentFeed::default(),
            positions,
            build_asked_for: Notify::new(),
        });
        let mut tasks = JoinSet::new();
        for view in View::ALL {
            tasks.spawn_on(follow(shared.clone(), view), runtime);
        }
        tasks.spawn_on(Builder::new(shared.clone()).run(), runtime);
        Ok(Self { shared, tasks: Arc::new(Mutex::new(tasks)) })
    }

    /// The position of the last event in a view, as far as this node knows.
    pub fn position(&self, view: View) -> i64 {
        *self.shared.positions[&view].borrow()
    }

    pub fn changes(&self, view: View) -> watch::Receiver<i64> {
        self.shared.positions[&view].subscribe()
    }

    /// How many events the view that is furthest behind is behind.
    pub fn lag(&self) -> i64 {
        let slowest = View::ALL.into_iter().map(|view| self.position(view)).min().unwrap_or(0);
        (self.shared.log.head() - slowest).max(0)
    }

    /// Returns true once the view holds the event at `position`; false if that takes longer than `patience`.
    pub async fn wait_for(&self, view: View, position: i64, patience: Duration) -> bool {
        let mut changes = self.changes(view);
        let reached = changes.wait_for(|reached| *reached >= position);
        matches!(tokio::time::timeout(patience, reached).await, Ok(Ok(_)))
    }

    /// Returns once every view holds every event that this node has heard of.
    pub async fn run_to_head(&self, patience: Duration) -> bool {
        let head = self.shared.log.head();
        for view in View::ALL {
            if !self.wait_for(view, head, patience).await {
                return false;
            }
        }
        true
    }

    /// Begins to build a view anew beside the one that people read, or joins the build that is under way, whichever node
    /// it is on.
    pub async fn rebuild(&self, view: View) -> sqlx::Result<Result<Build, MadeByNewerVersion>> {
        let begun = view.begin_build(&self.shared.views, self.shared.now_us()).await?;
        self.shared.build_asked_for.notify_one();
        Ok(begun)
    }

    /// Ends a build and leaves the view as it is. None if there is no build.
    pub async fn cancel_rebuild(&self, view: View) -> sqlx::Result<Option<Build>> {
        view.cancel_build(&self.shared.views).await
    }

    pub async fn stop(&self) {
        self.tasks.lock().await.shutdown().await;
    }
}

async fn follow(shared: Arc<Shared>, view: View) {
    let mut head = shared.log.head_changes();
    let mut failures = Recurring::new("a view cannot be moved along");
    loop {
        shared.log.give_way().await;
        // Before reading, so that what is appended meanwhile is not missed.
        head.mark_unchanged();
        let stepped = shared.step(view).await;
        if stepped.is_ok() {
            failures.worked();
        }
        match stepped {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => {
                failures.failed(format_args!("{}: {error}", view.name()));
                tokio::time::sleep(RETRY_AFTER).await;
                continue;
            }
        }
        if head.changed().await.is_err() {
            return;
        }
    }
}

impl Shared {
    fn now_us(&self) -> i64 {
        self.log.clock().now().timestamp_micros()
    }

    /// Applies the next batch; false if there was none.
    async fn step(&self, view: View) -> Result<bool, FollowError> {
        let position = &self.positions[&view];
        let from = *position.borrow();
        let batch = self.feed.after(&self.log, from).await?;
        let Some(last) = batch.last() else {
            return Ok(false);
        };
        let reached = last.position;
        match view.advance(&self.views, from, batch.events()).await {
            Ok(()) => position.send_replace(reached),
            Err(AdvanceError::Elsewhere { checkpoint, .. }) => position.send_replace(checkpoint),
            Err(AdvanceError::OtherVersion(_)) => {
                self.watch(view).await?;
                return Ok(true);
            }
            Err(error @ AdvanceError::Sql(_)) => return Err(error.into()),
        };
        Ok(true)
    }

    /// Notes where a view stands whose tables are not this version's, until they are.
    async fn watch(&self, view: View) -> sqlx::Result<()> {
        while let Some(live) = view.live(&self.views).await? {
            self.positions[&view]
                .send_if_modified(|position| std::mem::replace(position, live.position) != live.position);
            if live.schema_version == view.schema_version() {
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}
