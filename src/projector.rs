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
use projections::feed::Cursor;
use projections::registry::Build;
use projections::view::AdvanceError;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Notify, watch};
use tokio::task::JoinSet;

use crate::event_log::EventLog;
use crate::event_log::stream::LoadError;
use crate::progress::Progress;
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
    standings: HashMap<View, watch::Sender<Standing>>,
    progress: HashMap<View, Progress>,
    /// Wakes whoever builds views.
    build_asked_for: Notify,
}

/// Where a view stands, as this node knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The last event that is in it.
    At(Cursor),
    /// Of another log, or of this one before it lost its end. It is rebuilt, and not read until then.
    OfOtherLog,
}

impl Standing {
    /// The position of the last event of this log that is in it.
    pub fn position(&self) -> i64 {
        match self {
            Self::At(cursor) => cursor.position,
            Self::OfOtherLog => 0,
        }
    }
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
        let mut standings = HashMap::new();
        for view in View::ALL {
            let cursor = view.checkpoint(views).await?;
            // Before anything is served: a view that is ahead of its log would hide every new order.
            let standing = if log.holds(&cursor).await? { Standing::At(cursor) } else { Standing::OfOtherLog };
            standings.insert(view, watch::Sender::new(standing));
        }
        let shared = Arc::new(Shared {
            log: log.clone(),
            views: views.clone(),
            feed: RecentFeed::default(),
            building_feed: RecentFeed::default(),
            standings,
            progress: View::ALL.into_iter().map(|view| (view, Progress::default())).collect(),
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
        self.shared.standings[&view].borrow().position()
    }

    pub fn changes(&self, view: View) -> watch::Receiver<Standing> {
        self.shared.standings[&view].subscribe()
    }

    /// The views that are of another log and may not be read.
    pub fn of_other_log(&self) -> Vec<View> {
        let is_other = |view: &View| *self.shared.standings[view].borrow() == Standing::OfOtherLog;
        View::ALL.into_iter().filter(is_other).collect()
    }

    /// The views that have something to follow and do not get on.
    pub(crate) fn standing_still(&self) -> Vec<View> {
        View::ALL.into_iter().filter(|view| self.shared.progress[view].stands_still()).collect()
    }

    /// How many events the view that is furthest behind is behind.
    pub fn lag(&self) -> i64 {
        let slowest = View::ALL.into_iter().map(|view| self.position(view)).min().unwrap_or(0);
        (self.shared.log.head() - slowest).max(0)
    }

    /// Returns true once the view holds the event at `position`; false if that takes longer than `within`.
    pub async fn wait_for(&self, view: View, position: i64, within: Duration) -> bool {
        let mut changes = self.changes(view);
        let reached = changes.wait_for(|standing| standing.position() >= position);
        matches!(tokio::time::timeout(within, reached).await, Ok(Ok(_)))
    }

    /// Returns once every view holds every event that this node has heard of.
    pub async fn run_to_head(&self, within: Duration) -> bool {
        let head = self.shared.log.head();
        for view in View::ALL {
            if !self.wait_for(view, head, within).await {
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
    let failures = Recurring::new(format!("the view {} cannot be moved along", view.name()));
    let progress = &shared.progress[&view];
    loop {
        progress.begin();
        shared.log.yield_to_webhooks().await;
        // Before reading, so that what is appended meanwhile is not missed.
        head.mark_unchanged();
        let stepped = shared.step(view).await;
        if stepped.is_ok() {
            failures.worked();
            progress.done();
        }
        match stepped {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => {
                failures.failed(error);
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
        let standing = self.standings[&view].borrow().clone();
        let Standing::At(from) = standing else {
            self.rebuild_for_this_log(view).await?;
            return Ok(true);
        };
        let batch = match self.feed.after(&self.log, &from).await {
            Err(LoadError::OtherLog { .. }) => {
                self.reached(view, Standing::OfOtherLog);
                return Ok(true);
            }
            read => read?,
        };
        let Some(last) = batch.last() else {
            return Ok(false);
        };
        let reached = last.cursor();
        match view.advance(&self.views, &from, batch.events()).await {
            Ok(()) => self.reached(view, Standing::At(reached)),
            Err(AdvanceError::Elsewhere { checkpoint }) => self.reached(view, Standing::At(checkpoint)),
            Err(AdvanceError::OtherVersion(_)) => {
                self.watch(view).await?;
            }
            Err(error @ AdvanceError::Sql(_)) => return Err(error.into()),
        }
        Ok(true)
    }

    fn reached(&self, view: View, standing: Standing) {
        self.standings[&view].send_if_modified(|known| {
            let is_news = *known != standing;
            *known = standing;
            is_news
        });
    }

    /// Has a view built from this log, and returns once that is what people read. Any node may do the work.
    async fn rebuild_for_this_log(&self, view: View) -> Result<(), FollowError> {
        tracing::error!(
            view = view.name(),
            "a view was made from another event log, or from this one before it lost its end: it is rebuilt, and not read before"
        );
        self.feed.forget().await;
        self.building_feed.forget().await;
        if let Err(newer) = view.begin_build(&self.views, self.now_us()).await? {
            tracing::error!(view = view.name(), %newer, "it cannot be rebuilt by this version");
        }
        self.build_asked_for.notify_one();
        loop {
            let live = view.checkpoint(&self.views).await?;
            if self.log.holds(&live).await? {
                self.reached(view, Standing::At(live));
                return Ok(());
            }
            // It is the build that gets on, and whether it can be written shows elsewhere.
            self.progress[&view].done();
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Notes where a view stands whose tables are not this version's, until they are.
    async fn watch(&self, view: View) -> sqlx::Result<()> {
        while let Some(live) = view.live(&self.views).await? {
            self.reached(view, Standing::At(live.cursor));
            if live.schema_version == view.schema_version() {
                break;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}
