//! Delivering, as a kind of work: which deliveries are due, what an attempt is decided on, and the attempt itself. Reading an
//! order at its store comes before, and is a kind of work of its own (`fetch.rs`).

mod attempt;
mod fetch;
mod fulfilment;
mod sessions;
mod stop;

use std::fmt::Display;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::delivery::{Delivery, DeliveryCommand, DeliveryRefusal, DeliveryStatus, Held, Order, Phase};
use domain::ledger::Ledger;
use domain::{AccountId, DeliveryId};
use event_log::recurring::Recurring;
use event_log::{Actor, CommandError, Committed, Origin, Position};
use projections::delivery_log;
use projections::delivery_log::due_deliveries::{self, DueDelivery, Queue};

use super::lease::{Holder, Leased, Timing};
use super::work::{AHEAD_AT_A_TIME, CLOCK_SKEW, Due, DueOf, Pace, Taken, Work};
use crate::app::links::Links;
use crate::app::log_and_views::LogAndViews;
use crate::metrics::Metrics;
use crate::ports::cortex::CortexClient;
use crate::ports::stores::StoreClient;
use crate::tasks::Tasks;
use attempt::Attempt;
use event_log::rates::Rate;
pub(crate) use fetch::{Fetches, outcome as outcome_of_read, rest as rest_of_store};
use sessions::Sessions;

/// What all attempts of a node share.
pub(crate) struct Deliveries {
    needs: Dependencies,
    sessions: Sessions,
    holder: Holder,
    /// Of deliveries that cannot be taken up: with a log that is away, all of them.
    failures: Recurring,
}

/// What attempts need from the rest of the service.
pub(crate) struct Dependencies {
    pub(crate) data: LogAndViews,
    pub(crate) links: Links,
    pub(crate) cortex: CortexClient,
    pub(crate) stores: StoreClient,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tasks: Tasks,
}

impl Deliveries {
    pub(crate) fn new(needs: Dependencies, timing: Timing) -> Self {
        let holder = Holder::new(timing, needs.data.clock().clone(), needs.tasks.clone());
        let failures = Recurring::new("a delivery cannot be taken up");
        Self { needs, sessions: Sessions::default(), holder, failures }
    }

    /// Executes a worker's command on a delivery, and what it means for the credits of its account.
    async fn execute_and_settle(
        &self,
        id: DeliveryId,
        command: DeliveryCommand,
        origin: Origin,
    ) -> Result<(Committed<Delivery>, Option<Committed<Ledger>>), CommandError<DeliveryRefusal>> {
        let settle = |before: &Delivery, after: &Delivery| {
            let (account_id, command) = after.settlement(id, before)?;
            Some((account_id.to_string(), command))
        };
        self.needs.data.log.execute_with::<Delivery, Ledger>(id, command, origin, settle).await
    }

    /// What an attempt is decided on. None where it is not due, or the order is read first.
    async fn ready(&self, attempt: &Attempt) -> anyhow::Result<Option<attempt::Ready>> {
        let delivery = self.needs.data.log.recent::<Delivery>(attempt.id).await?;
        let Some(order) = delivery.aggregate.order() else { return Ok(None) };
        if order.to_fetch(self.holder.now()).is_some() {
            return Ok(None);
        }
        attempt.ready(order).await
    }

    /// What of a queue is due: see [`Work::due`].
    async fn due_in<Owner: Display>(
        &self,
        queue: Queue,
        (since, now): (i64, DateTime<Utc>),
        without: &[Owner],
        limit: usize,
    ) -> sqlx::Result<Vec<DueDelivery>> {
        let without: Vec<String> = without.iter().map(Owner::to_string).collect();
        let (views, limit) = (&self.needs.data.views, i64::try_from(limit).unwrap_or(i64::MAX));
        due_deliveries::due(views, queue, (since, now.timestamp_micros()), &without, limit).await
    }

    async fn next_due_at(&self, now: DateTime<Utc>) -> sqlx::Result<Option<DateTime<Utc>>> {
        let next = due_deliveries::next_due_at(&self.needs.data.views, now.timestamp_micros()).await?;
        Ok(next.and_then(DateTime::from_timestamp_micros))
    }

    /// Sets right what a clock that was ahead has set too far off in a queue, and returns what is due although it is put off.
    async fn pull_back_in(&self, queue: Queue, now: DateTime<Utc>) -> sqlx::Result<Vec<DueDelivery>> {
        let ahead_us = (now + CLOCK_SKEW).timestamp_micros();
        let mut overdue = vec![];
        for delivery in due_deliveries::set_ahead(&self.needs.data.views, queue, ahead_us, AHEAD_AT_A_TIME).await? {
            if delivery.status == DeliveryStatus::Queued.as_str() {
                overdue.push(delivery);
            } else {
                self.pull_back_one(&delivery, now).await;
            }
        }
        Ok(overdue)
    }

    /// What was due in another log is nothing to go by.
    fn is_readable(&self) -> bool {
        !self.needs.data.projector.of_other_log().contains(&delivery_log::VIEW)
    }

    fn position(&self) -> Position {
        self.needs.data.projector.position(delivery_log::VIEW)
    }

    fn not_taken_up(&self, error: impl Display) {
        self.failures.failed(error);
    }

    /// A retry comes after its own delay, and a lease ends after its own length.
    async fn pull_back_one(&self, delivery: &DueDelivery, now: DateTime<Utc>) {
        let id = delivery.delivery_id;
        let origin = Actor::Worker(self.holder.name.clone()).because_of(delivery.caused_by);
        match self.needs.data.log.execute::<Delivery>(id, DeliveryCommand::PullBack { now }, origin).await {
            Ok(done) if done.events.is_empty() => {}
            Ok(done) => {
                let until = done.aggregate.order().and_then(Order::waits_until).map(tracing::field::display);
                tracing::warn!(
                    delivery = %id,
                    was_until_us = delivery.due_at,
                    until,
                    "a clock that was ahead had made it wait too long"
                );
                self.needs.metrics.pulled_back();
            }
            Err(error) => tracing::warn!(delivery = %id, %error, "what a wrong clock has set cannot be set right"),
        }
    }
}

impl Leased for Deliveries {
    type Id = DeliveryId;
    type Piece = Order;
    type Held = Held;
    type Command = DeliveryCommand;
    type Refusal = DeliveryRefusal;

    async fn execute(
        &self,
        id: DeliveryId,
        command: DeliveryCommand,
        origin: Origin,
    ) -> Result<Option<Order>, CommandError<DeliveryRefusal>> {
        let (committed, _) = self.execute_and_settle(id, command, origin).await?;
        Ok(match committed.aggregate {
            Delivery::Order(order) => Some(*order),
            Delivery::Initial => None,
        })
    }

    fn held_until(order: &Order) -> Option<DateTime<Utc>> {
        order.lease().map(|lease| lease.until)
    }

    fn is_done(order: &Order) -> bool {
        order.summary.phase == Phase::Completed
    }

    fn renew(held: Held, lease_until: DateTime<Utc>) -> DeliveryCommand {
        DeliveryCommand::RenewLease { held, lease_until }
    }
}

fn due<Owner>(row: &DueDelivery, owner: Owner) -> Option<Due<DeliveryId, Owner>> {
    let DueDelivery { delivery_id: id, due_at, caused_by, .. } = *row;
    Some(Due { id, owner, due_at: due_at?, caused_by })
}

fn by_account(rows: &[DueDelivery]) -> Vec<Due<DeliveryId, AccountId>> {
    rows.iter().filter_map(|row| due(row, row.account_id)).collect()
}

impl Work for Deliveries {
    type Id = DeliveryId;
    type Owner = AccountId;
    type Ready = (Attempt, attempt::Ready);

    const ONE_AT_A_TIME: bool = false;

    fn is_readable(&self) -> bool {
        self.is_readable()
    }

    fn position(&self) -> Position {
        self.position()
    }

    async fn due(
        &self,
        since: i64,
        now: DateTime<Utc>,
        without: &[AccountId],
        limit: usize,
    ) -> sqlx::Result<Vec<DueOf<Self>>> {
        Ok(by_account(&self.due_in(Queue::Attempts, (since, now), without, limit).await?))
    }

    async fn next_due_at(&self, now: DateTime<Utc>) -> sqlx::Result<Option<DateTime<Utc>>> {
        self.next_due_at(now).await
    }

    async fn pull_back(&self, now: DateTime<Utc>) -> sqlx::Result<Vec<DueOf<Self>>> {
        Ok(by_account(&self.pull_back_in(Queue::Attempts, now).await?))
    }

    async fn prepare(self: &Arc<Self>, due: &DueOf<Self>) -> Option<(Attempt, attempt::Ready)> {
        let attempt = Attempt::new(self.clone(), due.id, due.caused_by);
        match self.ready(&attempt).await {
            Ok(ready) => Some((attempt, ready?)),
            Err(error) => {
                self.not_taken_up(format_args!("{}: {error}", due.id));
                None
            }
        }
    }

    fn pace(&self, due: &DueOf<Self>, (_, ready): &(Attempt, attempt::Ready)) -> Option<Pace> {
        let pace = Pace { rate: Rate::Attempts(due.owner), per_minute: ready.attempts_per_minute };
        ready.tries.then_some(pace)
    }

    async fn run(_: DueOf<Self>, (attempt, ready): (Attempt, attempt::Ready)) -> Taken {
        attempt.run(ready).await
    }
}
