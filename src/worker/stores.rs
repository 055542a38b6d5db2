//! What is to be done at connected stores, as a kind of work: their webhooks are checked, their orders compared, their catalogues
//! read. One worker is at a store at a time, on whatever node.

mod comparing;
mod ended;
mod filling;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::store::{CheckCause, Step, Store, StoreCommand, Task};
use domain::{AccountId, IntegrationId};
use event_log::recurring::Recurring;
use event_log::{Actor, CommandError, Origin, Position, ids};
use projections::stores::{self, Lane, StoreRow};

use super::work::{AHEAD_AT_A_TIME, Due, DueOf, Pace, Taken, Work};
use crate::app::links::Links;
use crate::app::log_and_views::LogAndViews;
use crate::app::stores::{Stores, Visit};
use crate::ingest::Ingest;
use crate::metrics::Metrics;
use crate::ports::stores::StoreClient;

/// Stores that are worked on at the same time: each waits for another server most of its time.
pub(crate) const AT_ONCE: usize = 16;
/// Nothing is put off further than a day: what is, was set by a clock that was ahead.
const FURTHEST: TimeDelta = TimeDelta::hours(48);

/// What work at stores needs from the rest of the service.
pub(crate) struct StoreWork {
    pub(crate) data: LogAndViews,
    pub(crate) links: Links,
    pub(crate) stores: Stores,
    pub(crate) client: StoreClient,
    pub(crate) ingest: Arc<Ingest>,
    pub(crate) metrics: Arc<Metrics>,
    /// Who works, as the log names it: unique for every start, for a restarted process does not hold what the one before it held.
    worker: String,
    failures: Recurring,
}

/// A store at which something is due.
pub(crate) struct DueStore {
    work: Arc<StoreWork>,
    id: IntegrationId,
    account_id: AccountId,
}

impl StoreWork {
    pub(crate) fn new(
        data: LogAndViews,
        (links, stores): (Links, Stores),
        (client, ingest, metrics): (StoreClient, Arc<Ingest>, Arc<Metrics>),
    ) -> Self {
        let (worker, failures) =
            (ids::fresh().simple().to_string(), Recurring::new("what is due at a store cannot be done"));
        Self { data, links, stores, client, ingest, metrics, worker, failures }
    }

    async fn pull_back_one(&self, row: &StoreRow, now: DateTime<Utc>) {
        let Some(due) = due(row) else { return };
        let origin = Actor::Worker(self.worker.clone()).because_of(due.caused_by);
        let command = StoreCommand { account_id: due.owner.account_id, worker: None, step: Step::PullBack { now } };
        match self.data.log.execute::<Store>(due.id, command, origin).await {
            Ok(done) if done.events.is_empty() => {}
            Ok(_) => {
                tracing::warn!(integration = %due.id, "a clock that was ahead had put off too far what is due at a store");
                self.metrics.pulled_back();
            }
            Err(error) => {
                tracing::warn!(integration = %due.id, %error, "what a wrong clock has set cannot be set right");
            }
        }
    }
}

fn due(row: &StoreRow) -> Option<DueOf<StoreWork>> {
    let (id, account_id) = (row.id.parse().ok()?, row.account_id.parse().ok()?);
    Some(Due { id, owner: Lane::of(account_id, id), due_at: row.due_at?, caused_by: row.caused_by })
}

impl Work for StoreWork {
    type Id = IntegrationId;
    type Owner = Lane;
    type Ready = DueStore;

    const ONE_AT_A_TIME: bool = true;

    /// What was due in another log is nothing to go by.
    fn is_readable(&self) -> bool {
        !self.data.projector.of_other_log().contains(&stores::VIEW)
    }

    fn position(&self) -> Position {
        self.data.projector.position(stores::VIEW)
    }

    async fn due(
        &self,
        since: i64,
        now: DateTime<Utc>,
        without: &[Lane],
        limit: usize,
    ) -> sqlx::Result<Vec<DueOf<Self>>> {
        let without: Vec<String> = without.iter().map(Lane::to_string).collect();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found = stores::due(&self.data.views, (since, now.timestamp_micros()), &without, limit).await?;
        Ok(found.iter().filter_map(due).collect())
    }

    async fn next_due_at(&self, now: DateTime<Utc>) -> sqlx::Result<Option<DateTime<Utc>>> {
        let next = stores::next_due_at(&self.data.views, now.timestamp_micros()).await?;
        Ok(next.and_then(DateTime::from_timestamp_micros))
    }

    async fn pull_back(&self, now: DateTime<Utc>) -> sqlx::Result<Vec<DueOf<Self>>> {
        let furthest = (now + FURTHEST).timestamp_micros();
        let ahead = stores::due_after(&self.data.views, furthest, AHEAD_AT_A_TIME).await?;
        for row in &ahead {
            self.pull_back_one(row, now).await;
        }
        // Of a lease that such a clock has set nothing can be pulled back: it counts for nothing.
        Ok(ahead.iter().filter_map(due).collect())
    }

    async fn prepare(self: &Arc<Self>, due: &DueOf<Self>) -> Option<DueStore> {
        match self.data.log.recent::<Store>(due.id).await {
            Ok(store) if store.aggregate.due(self.data.now()).is_some() => {
                Some(DueStore { work: self.clone(), id: due.id, account_id: due.owner.account_id })
            }
            Ok(_) => None,
            Err(error) => {
                self.failures.failed(format_args!("{}: {error}", due.id));
                None
            }
        }
    }

    /// How often a store is called, the store itself and what is due there say.
    fn pace(&self, _: &DueOf<Self>, _: &DueStore) -> Option<Pace> {
        None
    }

    async fn run(due: DueOf<Self>, store: DueStore) -> Taken {
        store.run(due.caused_by).await
    }
}

impl DueStore {
    async fn run(self, caused_by: Position) -> Taken {
        let work = &self.work;
        work.data.log.yield_to_webhooks().await;
        let origin = Actor::Worker(work.worker.clone()).because_of(caused_by);
        let now = work.data.now();
        let step = Step::Start { worker: work.worker.clone(), now };
        let command = StoreCommand { account_id: self.account_id, worker: None, step };
        // Loaded, and not remembered: another node may have written it.
        let before = match work.data.log.load::<Store>(self.id).await {
            Ok(loaded) => loaded.aggregate.due(now),
            Err(error) => return self.failed(error),
        };
        match work.data.log.execute::<Store>(self.id, command, origin.clone()).await {
            Ok(_) => {}
            Err(CommandError::Refused(_)) => return Taken::NotDue,
            Err(error) => return self.failed(error),
        }
        let Some((task, cause)) = before else { return Taken::NotDue };
        match self.visit(task, cause, origin).await {
            Ok(()) => {
                work.failures.worked();
                Taken::Worked
            }
            Err(error) => self.failed(error),
        }
    }

    /// Under the lease that was just taken.
    async fn visit(&self, task: Task, cause: CheckCause, origin: Origin) -> anyhow::Result<()> {
        let work = &self.work;
        // As it is after the lease was taken: what changes from then on is requested again.
        let Some(mut link) = work.links.latest(self.id).await? else {
            anyhow::bail!("the integration was never created");
        };
        // After a time in which nothing ran, its token may have ended.
        if link.store_access.as_ref().is_some_and(|access| access.lost.is_none() && access.has_ended(work.data.now())) {
            Box::pin(work.stores.renew(self.id, origin.clone())).await.map_err(|error| anyhow::anyhow!("{error:?}"))?;
            link = work.links.latest(self.id).await?.unwrap_or(link);
        }
        let visit = Visit { id: self.id, link: &link, worker: Some(&work.worker), origin };
        let done = if !link.active || visit.target().is_none() {
            work.stores.record(&visit, visit.pause(work.data.now())).await
        } else {
            match task {
                Task::Check => Box::pin(work.stores.check(visit, cause)).await,
                Task::Compare => Box::pin(comparing::compare(work, visit)).await,
                Task::Fill => Box::pin(filling::fill(work, visit)).await,
            }
        };
        done.map_err(|error| anyhow::anyhow!("{error:?}"))
    }

    /// The lease runs out, and it is taken up again.
    fn failed(&self, error: impl std::fmt::Display) -> Taken {
        self.work.failures.failed(format_args!("{}: {error}", self.id));
        Taken::NotDue
    }
}
