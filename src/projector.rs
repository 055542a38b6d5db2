//! The projector: one follower of the feed for all views, which moves those that stand together in one transaction (on Postgres in
//! two, beside each other); and rebuilds beside what people read.

mod builds;
mod hurry;
mod standings;

use std::sync::Arc;
use std::time::{Duration, Instant};

use event_log::recorded::{AnyEvent, Cursor, Recorded};
use futures_util::future::join_all;
use projections::View;
use projections::build::MadeByNewerVersion;
use projections::registry::Build;
use projections::view::{self, Advanced};
use projections::{commerce, delivery_log, stores, unread_orders};
use storage::Database;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Notify, watch};
use tokio::task::JoinSet;

use builds::Builder;
use event_log::progress::Progress;
use event_log::recurring::Recurring;
use event_log::stream::LoadError;
use event_log::{EventLog, Position};
use hurry::Hurry;
pub use standings::{Standing, Standings};

/// Events that are applied in one transaction.
const BATCH: i64 = 1_000;
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// How often views are polled that this node may not move along.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Where every view stands, and the tasks that move them.
#[derive(Clone)]
pub struct Projector {
    shared: Arc<Shared>,
    tasks: Arc<Mutex<JoinSet<()>>>,
}

struct Shared {
    log: EventLog,
    views: Database,
    standings: watch::Sender<Standings>,
    /// Changes with what may be due for workers.
    work: watch::Sender<()>,
    progress: Progress,
    hurry: Hurry,
    /// Wakes the task that builds views.
    build_asked_for: Notify,
}

/// What was read of the log while the events before it were applied.
struct Ahead {
    after: Cursor,
    events: Result<Vec<Recorded>, LoadError>,
}

#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    Log(#[from] LoadError),
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
}

impl Projector {
    pub async fn start(log: &EventLog, views: &Database, runtime: &Handle) -> sqlx::Result<Self> {
        let mut standings = Standings::default();
        for view in View::ALL {
            // Before anything is served: a view that is ahead of its log would hide every new order.
            standings.set(view, standing_of(log, views, view).await?);
        }
        let shared = Arc::new(Shared {
            log: log.clone(),
            views: views.clone(),
            standings: watch::Sender::new(standings),
            work: watch::Sender::new(()),
            progress: Progress::default(),
            hurry: Hurry::default(),
            build_asked_for: Notify::new(),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn_on(follow(shared.clone()), runtime);
        tasks.spawn_on(Builder::new(shared.clone()).run(), runtime);
        Ok(Self { shared, tasks: Arc::new(Mutex::new(tasks)) })
    }

    /// The position of the last event in a view, as far as this node knows.
    pub fn position(&self, view: View) -> Position {
        self.shared.standings.borrow().position(view)
    }

    /// Changes whenever a view has come further.
    pub fn changes(&self) -> watch::Receiver<Standings> {
        self.shared.standings.subscribe()
    }

    /// Changes whenever views may show something else of what workers do: what is due is read again then, and not for every
    /// other event.
    pub(crate) fn work_changes(&self) -> watch::Receiver<()> {
        self.shared.work.subscribe()
    }

    /// The views that are of another log and may not be read.
    pub fn of_other_log(&self) -> Vec<View> {
        self.shared.standings.borrow().of_other_log()
    }

    /// The views that have something to follow and do not get on.
    pub(crate) fn standing_still(&self) -> Vec<View> {
        if !self.shared.progress.stands_still() {
            return vec![];
        }
        let (standings, head) = (self.shared.standings.borrow(), self.shared.log.head());
        View::ALL.into_iter().filter(|view| standings.position(*view) < head).collect()
    }

    /// For who has something to do with what views show: for a moment, views do not yield to webhooks.
    pub fn hurry(&self) {
        self.shared.hurry.begin(Instant::now());
    }

    /// How many events the view that is furthest behind is behind.
    pub fn lag(&self) -> i64 {
        let slowest = View::ALL.into_iter().map(|view| self.position(view)).min().unwrap_or_default();
        self.shared.log.head().events_since(slowest).max(0)
    }

    /// Returns true once each of these views holds the event at `position`; false if that takes longer than `within`. All that
    /// stand together move at once: named are those that the caller reads, since one of them may be under rebuild.
    pub async fn wait_for(&self, views: &[View], position: Position, within: Duration) -> bool {
        let mut changes = self.changes();
        let are_there = |standings: &Standings| views.iter().all(|view| standings.position(*view) >= position);
        matches!(tokio::time::timeout(within, changes.wait_for(are_there)).await, Ok(Ok(_)))
    }

    /// Returns true once all views that this node moves along hold the event at `position`; false if that takes longer than
    /// `within`. Those that are being rebuilt for this version or this log are not waited for.
    pub async fn wait_for_moving(&self, position: Position, within: Duration) -> bool {
        let mut changes = self.changes();
        let are_there =
            |standings: &Standings| standings.furthest_behind().is_none_or(|(cursor, ..)| cursor.position >= position);
        matches!(tokio::time::timeout(within, changes.wait_for(are_there)).await, Ok(Ok(_)))
    }

    /// Returns once every view holds every event that this node knows of.
    pub async fn run_to_head(&self, within: Duration) -> bool {
        self.wait_for(&View::ALL, self.shared.log.head(), within).await
    }

    /// Begins to rebuild a view beside the one that people read, or joins the build that is under way, whichever node it is
    /// on.
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

/// Whether a worker's queue may change by an event.
fn is_about_work(event: &Recorded) -> bool {
    matches!(event.event, AnyEvent::Delivery(_)) || unread_orders::is_shown(event) || stores::is_shown(event)
}

/// Where a view stands by what is recorded of it.
async fn standing_of(log: &EventLog, views: &Database, view: View) -> sqlx::Result<Standing> {
    let Some(live) = view.live(views).await? else { return Ok(Standing::default()) };
    if !log.holds(&live.cursor).await? {
        return Ok(Standing::OfOtherLog);
    }
    let is_ours = live.schema_version == view.schema_version();
    Ok(if is_ours { Standing::At(live.cursor) } else { Standing::OfOtherVersion(live.cursor) })
}

async fn follow(shared: Arc<Shared>) {
    let mut head = shared.log.head_changes();
    let failures = Recurring::new("the views cannot be moved along");
    let (mut ahead, mut last_read) = (None, Instant::now());
    loop {
        shared.progress.begin();
        if !shared.hurry.lasts(Instant::now()) {
            shared.log.yield_to_webhooks().await;
        }
        if ahead.is_none() {
            shared.log.rest_between_reads(last_read).await;
        }
        last_read = Instant::now();
        // Before reading, so that what is appended meanwhile is not missed.
        head.mark_unchanged();
        let stepped = shared.step(&mut ahead).await;
        if stepped.is_ok() {
            failures.worked();
            shared.progress.done();
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
        let rest = async {
            // What this node may not move is moved, or rebuilt, by another task or another node.
            if shared.standings.borrow().all_move() {
                std::future::pending::<()>().await;
            } else {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        };
        tokio::select! {
            changed = head.changed() => if changed.is_err() { return },
            () = rest => {}
        }
    }
}

impl Shared {
    fn now_us(&self) -> i64 {
        self.log.clock().now().timestamp_micros()
    }

    /// Applies the next batch to the views that are furthest behind; false if there was none.
    async fn step(&self, ahead: &mut Option<Ahead>) -> Result<bool, FollowError> {
        self.poll_resting_views().await?;
        let Some((from, views, until)) = self.standings.borrow().furthest_behind() else {
            return Ok(false);
        };
        let read = match ahead.take().filter(|ahead| ahead.after == from) {
            Some(ahead) => ahead.events,
            None => self.log.follow(&from, BATCH).await,
        };
        let mut events = match read {
            Err(LoadError::OtherLog { .. }) => {
                for view in views {
                    self.belongs_to_other_log(view).await?;
                }
                return Ok(true);
            }
            read => read?,
        };
        // Where more waits than one batch, the next is read while this one is applied.
        let next = events.last().filter(|_| events.len() >= usize::try_from(BATCH).unwrap_or(usize::MAX));
        let next = next.map(Recorded::cursor);
        if let Some(until) = until {
            // Where others stand, they meet, and go on together.
            events.retain(|event| event.position <= until);
        }
        let read_ahead = async {
            let after = next?;
            let events = self.log.follow(&after, BATCH).await;
            Some(Ahead { after, events })
        };
        let groups = self.groups(views);
        let advancing = groups.iter().map(|views| self.advance(views, &from, &events));
        let (moved, read) = tokio::join!(join_all(advancing), read_ahead);
        *ahead = read;
        let moved: Vec<bool> = moved.into_iter().collect::<sqlx::Result<_>>()?;
        Ok(moved.contains(&true))
    }

    /// What is moved in one transaction. What is sent to endpoints waits for its own view alone, where the database works on
    /// two things at once; SQLite writes one after the other.
    fn groups(&self, views: Vec<View>) -> Vec<Vec<View>> {
        match self.views {
            Database::Sqlite(_) => vec![views],
            Database::Postgres(_) => {
                let (commerce, others): (Vec<View>, Vec<View>) =
                    views.into_iter().partition(|view| *view == commerce::VIEW);
                [commerce, others].into_iter().filter(|views| !views.is_empty()).collect()
            }
        }
    }

    /// Applies events to views that stand together, and says so at once; false if there were none.
    async fn advance(&self, views: &[View], from: &Cursor, events: &[Recorded]) -> sqlx::Result<bool> {
        let advanced = view::advance(&self.views, views, from, events).await?;
        let is_moved = !advanced.is_empty();
        let changes_work = advanced.iter().any(|(view, advanced)| {
            let is_of_work = *view == delivery_log::VIEW || *view == unread_orders::VIEW;
            is_of_work && (!matches!(advanced, Advanced::To(_)) || events.iter().any(is_about_work))
        });
        self.standings.send_if_modified(|standings| {
            let mut is_news = false;
            for (view, advanced) in advanced {
                is_news |= standings.set(
                    view,
                    match advanced {
                        Advanced::To(cursor) | Advanced::Elsewhere(cursor) => Standing::At(cursor),
                        Advanced::OtherVersion(live) => Standing::OfOtherVersion(live.cursor),
                    },
                );
            }
            is_news
        });
        if changes_work {
            self.work.send_replace(());
        }
        Ok(is_moved)
    }

    fn reached(&self, view: View, standing: Standing) {
        self.standings.send_if_modified(|standings| standings.set(view, standing));
        self.work.send_replace(());
    }

    /// A view that was made from another log is rebuilt from this one, by any node, and not read before.
    async fn belongs_to_other_log(&self, view: View) -> sqlx::Result<()> {
        tracing::error!(
            view = view.name,
            "a view was made from another event log, or from this one before it lost its end: it is rebuilt, and not read before"
        );
        self.reached(view, Standing::OfOtherLog);
        if let Err(newer) = view.begin_build(&self.views, self.now_us()).await? {
            tracing::error!(view = view.name, %newer, "it cannot be rebuilt by this version");
        }
        self.build_asked_for.notify_one();
        Ok(())
    }

    /// Whether what this node may not move along has come to be what it may: rebuilt from this log, or by this version.
    async fn poll_resting_views(&self) -> sqlx::Result<()> {
        let resting = self.standings.borrow().resting();
        for view in resting {
            let standing = standing_of(&self.log, &self.views, view).await?;
            if standing == Standing::OfOtherLog && view.build(&self.views).await?.is_none() {
                self.belongs_to_other_log(view).await?;
            }
            self.reached(view, standing);
        }
        Ok(())
    }
}
