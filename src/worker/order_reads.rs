//! Reading orders that are only published, as a kind of work: a webhook named each and said nothing of it, and there is no
//! delivery that would have it read. What is read is kept beside the webhook, with whom it names, and reported of the order.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::delivery::FetchFailure;
use domain::delivery::schedule::Jitter;
use domain::notice::{Notice, NoticeCommand, NoticeEvent, NoticeOrderRead, NoticeRefusal, OrderCustomer};
use domain::resource::{Reading, Resource, ResourceCommand, WebhookSource};
use domain::{IntegrationId, NoticeId, Private, ResourceId};
use event_log::recurring::Recurring;
use event_log::{Actor, CommandError, Origin, Position, Sequence};
use projections::unread_orders::{self, UnreadOrder};
use rand::RngExt as _;

use super::deliveries::{outcome_of_read, rest_of_store};
use super::lost_access;
use super::work::{AHEAD_AT_A_TIME, CLOCK_SKEW, Due, DueOf, Pace, Taken, Work};
use crate::app::links::{CurrentLink, Links};
use crate::app::log_and_views::LogAndViews;
use crate::ingest::customers;
use crate::ingest::publishing::Reports;
use crate::metrics::Metrics;
use crate::ports::stores::{StoreClient, StoredOrder};

/// What reading needs from the rest of the service.
pub(crate) struct OrderReads {
    data: LogAndViews,
    links: Links,
    stores: StoreClient,
    metrics: Arc<Metrics>,
    /// Who reads, as the log names it.
    worker: String,
    failures: Recurring,
}

/// An order that is to be read, and where.
pub(crate) struct OrderRead {
    reads: Arc<OrderReads>,
    id: ResourceId,
    integration_id: IntegrationId,
    reading: Reading,
    link: CurrentLink,
    origin: Origin,
}

impl OrderReads {
    pub(crate) fn new(
        data: LogAndViews,
        links: Links,
        (stores, metrics): (StoreClient, Arc<Metrics>),
        worker: String,
    ) -> Self {
        Self { data, links, stores, metrics, worker, failures: Recurring::new("an order cannot be read and published") }
    }

    /// None where it is not to be read now.
    async fn ready(self: &Arc<Self>, due: &DueOf<Self>) -> anyhow::Result<Option<OrderRead>> {
        let resource = self.data.log.recent::<Resource>(due.id).await?;
        let now = self.data.now();
        let Some(reading) = resource.aggregate.reading().filter(|reading| reading.is_due(now)) else { return Ok(None) };
        let Some(link) = self.links.find(due.owner).await? else {
            anyhow::bail!("the order's integration was never created");
        };
        let origin = Actor::Worker(self.worker.clone()).because_of(due.caused_by);
        let (reads, integration_id) = (self.clone(), due.owner);
        Ok(Some(OrderRead { reads, id: due.id, integration_id, reading: reading.clone(), link, origin }))
    }

    async fn pull_back_one(&self, order: &UnreadOrder, now: DateTime<Utc>) {
        let origin = Actor::Worker(self.worker.clone()).because_of(order.caused_by);
        let pull_back = ResourceCommand::PullBackRead { now };
        match self.data.log.execute::<Resource>(&order.id, pull_back, origin).await {
            Ok(done) if done.events.is_empty() => {}
            Ok(_) => {
                tracing::warn!(order = order.id, "a clock that was ahead had put its reading off too far");
                self.metrics.pulled_back();
            }
            Err(error) => tracing::warn!(order = order.id, %error, "what a wrong clock has set cannot be set right"),
        }
    }
}

fn due(order: &UnreadOrder) -> Option<DueOf<OrderReads>> {
    let (id, owner) = (order.resource_id()?, order.integration_id()?);
    Some(Due { id, owner, due_at: order.due_at?, caused_by: order.caused_by })
}

impl Work for OrderReads {
    type Id = ResourceId;
    type Owner = IntegrationId;
    type Ready = OrderRead;

    const ONE_AT_A_TIME: bool = true;

    /// What was due in another log is nothing to go by.
    fn is_readable(&self) -> bool {
        !self.data.projector.of_other_log().contains(&unread_orders::VIEW)
    }

    fn position(&self) -> Position {
        self.data.projector.position(unread_orders::VIEW)
    }

    async fn due(
        &self,
        since: i64,
        now: DateTime<Utc>,
        without: &[IntegrationId],
        limit: usize,
    ) -> sqlx::Result<Vec<DueOf<Self>>> {
        let without: Vec<String> = without.iter().map(IntegrationId::to_string).collect();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found = unread_orders::due(&self.data.views, (since, now.timestamp_micros()), &without, limit).await?;
        Ok(found.iter().filter_map(due).collect())
    }

    async fn next_due_at(&self, now: DateTime<Utc>) -> sqlx::Result<Option<DateTime<Utc>>> {
        let next = unread_orders::next_due_at(&self.data.views, now.timestamp_micros()).await?;
        Ok(next.and_then(DateTime::from_timestamp_micros))
    }

    async fn pull_back(&self, now: DateTime<Utc>) -> sqlx::Result<Vec<DueOf<Self>>> {
        let ahead_us = (now + CLOCK_SKEW).timestamp_micros();
        for order in unread_orders::set_ahead(&self.data.views, ahead_us, AHEAD_AT_A_TIME).await? {
            self.pull_back_one(&order, now).await;
        }
        Ok(vec![])
    }

    async fn prepare(self: &Arc<Self>, due: &DueOf<Self>) -> Option<OrderRead> {
        match self.ready(due).await {
            Ok(ready) => ready,
            Err(error) => {
                self.failures.failed(format_args!("{}: {error}", due.id));
                None
            }
        }
    }

    /// The pace of an account is about what is done at Cortex Cloud.
    fn pace(&self, _: &DueOf<Self>, _: &OrderRead) -> Option<Pace> {
        None
    }

    async fn run(_: DueOf<Self>, order: OrderRead) -> Taken {
        order.run().await
    }
}

impl OrderRead {
    /// Reads the order, and records what it says or why it could not be read.
    async fn run(self) -> Taken {
        let reads = &self.reads;
        reads.data.log.yield_to_webhooks().await;
        let (provider, access) = (self.link.provider, self.link.store_access.as_ref());
        let read = reads.stores.order(provider, access, &self.reading.order_id).await;
        reads.metrics.order_read(provider.as_str(), outcome_of_read(&read));
        let rests_until = read.as_ref().err().and_then(rest_of_store).map(|rest| reads.data.now() + rest);
        let recorded = match read {
            Ok(read) => self.record(read).await.map_err(|error| error.to_string()),
            Err(failure) => self.record_failure(failure).await.map_err(|error| error.to_string()),
        };
        match recorded {
            Ok(()) => rests_until.map_or(Taken::Worked, |until| Taken::Rests { until }),
            Err(error) => {
                reads.failures.failed(format_args!("{}: {error}", self.id));
                Taken::NotDue
            }
        }
    }

    async fn record(&self, read: StoredOrder) -> Result<(), CommandError<NoticeRefusal>> {
        let StoredOrder { order, report, body, call } = read;
        let log = &self.reads.data.log;
        let digest = log.blind_index().map(|index| index.body_digest(self.integration_id, "resource", &body));
        let reports = Reports::new(report.into_iter().collect(), digest, self.reads.data.now());
        let announcements = self.reading.announcements;
        let WebhookSource::Notice { id, .. } = self.reading.source else { return Ok(()) };
        let named = customers::named_by(&order, &body);
        let customer = OrderCustomer {
            id: order.customer_id,
            email: order.email,
            name: order.customer_name,
            username: order.username,
        };
        let order_read = NoticeOrderRead {
            provider: self.link.provider,
            order_id: order.order_id,
            order_number: order.order_number,
            announcements,
            call: call.clone(),
            body_bytes: u32::try_from(body.len()).unwrap_or(u32::MAX),
            customer: Some(Private::Known(customer)),
            customers: Some(Private::Known(named)),
        };
        let follow = |events: &[NoticeEvent], Sequence(sequence)| match events.first() {
            Some(NoticeEvent::OrderRead(_)) => {
                let source = WebhookSource::Notice { id, sequence };
                let reported = reports.read(self.integration_id, &self.link, source, (announcements, &call));
                vec![(self.id.to_string(), reported)]
            }
            // Another node has read it.
            Some(_) | None => vec![],
        };
        let command = NoticeCommand::RecordOrderRead(Box::new(order_read));
        let (origin, body) = (self.origin.clone(), (body.into(), false));
        log.execute_with_body_and::<Notice, Resource>(NoticeId(id), command, origin, body, follow).await?;
        tracing::info!(order = %self.id, "order read at its store, to be published");
        Ok(())
    }

    async fn record_failure(&self, failure: FetchFailure) -> Result<(), CommandError<std::convert::Infallible>> {
        let (now, jitter) = (self.reads.data.now(), Jitter::from_random(rand::rng().random()));
        let integration_sequence = self.link.sequence().0;
        let log = &self.reads.data.log;
        lost_access::note(log, self.integration_id, &self.link, &failure, self.origin.clone()).await;
        let command = ResourceCommand::FailRead { failure, now, jitter, integration_sequence };
        self.reads.data.log.execute::<Resource>(self.id, command, self.origin.clone()).await?;
        tracing::info!(order = %self.id, "order not read at its store");
        Ok(())
    }
}
