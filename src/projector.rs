//! The projector: moves every view along the feed, each by a task of its own, so that one may be rebuilt while the
//! others go on.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use projections::View;
use projections::database::Database;
use projections::feed::Recorded;
use projections::view::AdvanceError;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Notify, watch};
use tokio::task::JoinSet;

use crate::event_log::EventLog;
use crate::event_log::stream::LoadError;

/// Events that are applied in one transaction.
const BATCH: i64 = 1_000;
/// Batches that are kept for the other views once one view has read them.
const KEPT_BATCHES: usize = 3;
const RETRY_AFTER: Duration = Duration::from_millis(500);

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
    positions: HashMap<View, watch::Sender<i64>>,
    /// Wakes a view's task although the log has not grown.
    nudges: HashMap<View, Notify>,
}

#[derive(Debug, thiserror::Error)]
enum FollowError {
    #[error(transparent)]
    Log(#[from] LoadError),
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
            positions,
            nudges: View::ALL.into_iter().map(|view| (view, Notify::new())).collect(),
        });
        let mut tasks = JoinSet::new();
        for view in View::ALL {
            tasks.spawn_on(follow(shared.clone(), view), runtime);
        }
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

    /// Empties a view and lets it be folded anew, while the others go on.
    pub async fn rebuild(&self, view: View) -> sqlx::Result<()> {
        view.reset(&self.shared.views).await?;
        self.shared.positions[&view].send_replace(0);
        self.shared.nudges[&view].notify_one();
        Ok(())
    }

    pub async fn stop(&self) {
        self.tasks.lock().await.shutdown().await;
    }
}

async fn follow(shared: Arc<Shared>, view: View) {
    let mut head = shared.log.head_changes();
    loop {
        shared.log.give_way().await;
        // Before reading, so that what is appended meanwhile is not missed.
        head.mark_unchanged();
        match shared.step(view).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => {
                tracing::error!(view = view.name(), %error, "a view cannot be moved along");
                tokio::time::sleep(RETRY_AFTER).await;
                continue;
            }
        }
        tokio::select! {
            changed = head.changed() => if changed.is_err() { return },
            () = shared.nudges[&view].notified() => {}
        }
    }
}

impl Shared {
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
            Err(error) => return Err(error.into()),
        };
        Ok(true)
    }
}

/// What was read lately, so that six views cost one reading. A view far behind reads for itself.
#[derive(Default)]
struct RecentFeed {
    recent: Mutex<VecDeque<Arc<Vec<Recorded>>>>,
}

/// Some events of a batch that others may share.
struct Batch {
    events: Arc<Vec<Recorded>>,
    from: usize,
}

impl Batch {
    fn events(&self) -> &[Recorded] {
        &self.events[self.from..]
    }

    fn last(&self) -> Option<&Recorded> {
        self.events().last()
    }
}

impl RecentFeed {
    async fn after(&self, log: &EventLog, position: i64) -> Result<Batch, LoadError> {
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
