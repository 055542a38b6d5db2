//! How many events a second the views are moved along, each alone and all together.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use cloud_bridge::projector::Projector;
use event_log::EventLog;
use event_log::recorded::Cursor;
use projections::View;
use projections::view;
use serde::Serialize;
use storage::{Database, Sql};
use tokio::runtime::Handle;

/// As many events as the projector applies in one transaction.
const BATCH: i64 = 1_000;
const TIMEOUT: Duration = Duration::from_hours(1);

#[derive(Debug, Serialize)]
pub(crate) struct Projected {
    pub(crate) events: i64,
    /// All views by the projector.
    pub(crate) together_seconds: f64,
    pub(crate) alone: Vec<Alone>,
}

/// One view that has everything for itself, its feed read between the batches.
#[derive(Debug, Serialize)]
pub(crate) struct Alone {
    pub(crate) view: &'static str,
    pub(crate) reading_seconds: f64,
    pub(crate) applying_seconds: f64,
}

/// `background` is the runtime of the projector, which must outlive the connections that it opens.
pub(crate) async fn measure(log: &EventLog, views: &Database, background: &Handle) -> anyhow::Result<Projected> {
    let together_seconds = together(log, views, background).await?.as_secs_f64();
    let mut measured = vec![];
    empty(views).await?;
    for view in View::ALL {
        measured.push(alone(log, views, view).await?);
    }
    Ok(Projected { events: log.head().0, together_seconds, alone: measured })
}

/// Lets the projector run until every view holds every event.
async fn together(log: &EventLog, views: &Database, background: &Handle) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let projector = Projector::start(log, views, background).await?;
    let arrived = projector.run_to_head(TIMEOUT).await;
    let took = started.elapsed();
    projector.stop().await;
    ensure!(arrived, "the views did not arrive within an hour");
    Ok(took)
}

/// Empties all views, which are of their first generation.
pub(crate) async fn empty(views: &Database) -> sqlx::Result<()> {
    for table in View::ALL.into_iter().flat_map(View::tables) {
        views.execute(Sql::new(format!("DELETE FROM {table}_g1"))).await?;
    }
    views.execute(Sql::new("UPDATE live_views SET position = 0, hash = ''")).await?;
    // Rows that were deleted must not be in the way of those that are measured.
    views.execute(Sql::new("VACUUM")).await.map(drop)
}

async fn alone(log: &EventLog, views: &Database, view: View) -> anyhow::Result<Alone> {
    let (mut reading, mut applying) = (Duration::ZERO, Duration::ZERO);
    let mut cursor = Cursor::START;
    loop {
        let started = Instant::now();
        let events = log.follow(&cursor, BATCH).await?;
        reading += started.elapsed();
        let Some(last) = events.last() else { break };
        let reached = last.cursor();
        let started = Instant::now();
        view::advance(views, &[view], &cursor, &events).await.with_context(|| view.name)?;
        applying += started.elapsed();
        cursor = reached;
    }
    Ok(Alone { view: view.name, reading_seconds: reading.as_secs_f64(), applying_seconds: applying.as_secs_f64() })
}
