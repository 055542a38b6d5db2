//! Replays: what each chose, and how far it is.

use async_graphql::{ComplexObject, Context, Enum, ID, SimpleObject};

use super::ApiError;
use super::account::int;
use super::delivery::Delivery;
use super::viewer::app_and_viewer;
use crate::replay::job::{LeftAloneCounts, ReplayState as JobState, State};

/// Where a replay stands.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "State")]
pub(super) enum ReplayState {
    /// It finds out what is chosen; `chosen` still grows.
    Deciding,
    /// What is chosen goes back to the queue.
    Running,
    /// It came to its end. A dry run ends so once it is known what is chosen.
    Done,
    Cancelled,
    /// It ended without a word, or another node runs it. Begun again, it does the rest and nothing twice.
    Interrupted,
}

/// Recorded webhooks that are decided again by today's filters, mappings and code, and done again where they deliver now.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(super) struct Replay {
    id: ID,
    state: ReplayState,
    /// Only shows what would be done again.
    dry_run: bool,
    /// What was asked for, in words.
    filter: String,
    /// Candidates that were decided again so far.
    checked: i32,
    /// How many of them are done again.
    chosen: i32,
    /// Whether there are others, beyond the 100,000 that one replay does: begin it again after this one.
    more: bool,
    left_alone: ReplayLeftAlone,
    /// How many of the chosen ones have had their turn: those that went back to the queue, and those that did not.
    done: i32,
    /// How many went back to the queue.
    replayed: i32,
    /// How many did not, because they were changed meanwhile.
    refused: i32,
    #[graphql(skip)]
    first: Vec<String>,
}

/// How many deliveries a replay leaves alone, and why.
#[derive(SimpleObject)]
pub(super) struct ReplayLeftAlone {
    /// Today's order statuses do not deliver them either.
    filtered: i32,
    /// Cancelled by the store or by a person.
    cancelled: i32,
    /// A username or a mapping is missing.
    blocked: i32,
    /// What is recorded is not read as an order.
    unreadable: i32,
    /// It is not known any more who ordered.
    erased: i32,
    /// Queued or running already.
    under_way: i32,
    /// Everything was shared.
    done: i32,
}

#[ComplexObject]
impl Replay {
    /// The first hundred of the chosen ones.
    #[graphql(complexity = "100 * child_complexity + 1")]
    async fn deliveries(&self, context: &Context<'_>) -> Result<Vec<Delivery>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        Ok(app.deliveries.listed(viewer, &self.first).await?.into_iter().map(Delivery::from).collect())
    }
}

impl From<JobState> for Replay {
    fn from(job: JobState) -> Self {
        let progress = job.progress;
        Self {
            id: ID(job.id.to_string()),
            state: progress.state.into(),
            dry_run: job.dry_run,
            filter: job.filter,
            checked: count(progress.checked),
            chosen: count(progress.chosen),
            more: progress.more,
            left_alone: progress.left_alone.into(),
            done: count(progress.replayed + progress.refused),
            replayed: count(progress.replayed),
            refused: count(progress.refused),
            first: progress.first,
        }
    }
}

impl From<LeftAloneCounts> for ReplayLeftAlone {
    fn from(counts: LeftAloneCounts) -> Self {
        Self {
            filtered: count(counts.filtered),
            cancelled: count(counts.cancelled),
            blocked: count(counts.blocked),
            unreadable: count(counts.unreadable),
            erased: count(counts.erased),
            under_way: count(counts.under_way),
            done: count(counts.done),
        }
    }
}

fn count(number: u64) -> i32 {
    int(i64::try_from(number).unwrap_or(i64::MAX))
}
