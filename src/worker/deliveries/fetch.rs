//! Reading an order at its store, where a webhook named it and said nothing of it: before its mapping and its customer are
//! looked at, and outside the pace of its account.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::account::Account;
use domain::delivery::schedule::Jitter;
use domain::delivery::{ApiKeyUse, DecidedOn, Delivery, DeliveryCommand, DeliveryEvent, DeliveryRefusal, FetchFailure};
use domain::resource::{Resource, WebhookSource};
use domain::{DeliveryId, IntegrationId, ReportSource};
use projections::delivery_log::due_deliveries::{DueDelivery, Queue};
use rand::RngExt as _;

use super::attempt::Attempt;
use super::{Deliveries, due};
use crate::app::links::CurrentLink;
use crate::ingest::publishing::Reports;
use crate::ingest::record::{self, Aside, Unsigned};
use crate::ports::stores::StoredOrder;
use crate::worker::lost_access;
use crate::worker::work::{DueOf, Pace, Taken, Work};
use event_log::{CommandError, Position, Sequence};

/// How long a store rests that could not respond, where it does not ask for longer.
const REST: TimeDelta = TimeDelta::seconds(1);

/// Reading orders, as a kind of work: store by store, and at each by one worker of this node at a time. So a store that is slow
/// holds up no other, and none is called more often than it responds.
pub(crate) struct Fetches(pub(crate) Arc<Deliveries>);

/// An order that is to be read, and where.
pub(crate) struct Fetch {
    order_id: String,
    integration_id: IntegrationId,
    link: CurrentLink,
    /// How many webhooks have announced it.
    announcements: u32,
    decided_on: DecidedOn,
}

fn by_store(rows: &[DueDelivery]) -> Vec<DueOf<Fetches>> {
    rows.iter().filter_map(|row| due(row, row.integration_id)).collect()
}

impl Work for Fetches {
    type Id = DeliveryId;
    type Owner = IntegrationId;
    type Ready = (Attempt, Fetch);

    const ONE_AT_A_TIME: bool = true;

    fn is_readable(&self) -> bool {
        self.0.is_readable()
    }

    fn position(&self) -> Position {
        self.0.position()
    }

    async fn due(
        &self,
        since: i64,
        now: DateTime<Utc>,
        without: &[IntegrationId],
        limit: usize,
    ) -> sqlx::Result<Vec<DueOf<Self>>> {
        Ok(by_store(&self.0.due_in(Queue::Reads, (since, now), without, limit).await?))
    }

    async fn next_due_at(&self, now: DateTime<Utc>) -> sqlx::Result<Option<DateTime<Utc>>> {
        self.0.next_due_at(now).await
    }

    async fn pull_back(&self, now: DateTime<Utc>) -> sqlx::Result<Vec<DueOf<Self>>> {
        Ok(by_store(&self.0.pull_back_in(Queue::Reads, now).await?))
    }

    async fn prepare(self: &Arc<Self>, due: &DueOf<Self>) -> Option<(Attempt, Fetch)> {
        let attempt = Attempt::new(self.0.clone(), due.id, due.caused_by);
        match attempt.to_fetch().await {
            Ok(fetch) => Some((attempt, fetch?)),
            Err(error) => {
                self.0.not_taken_up(format_args!("{}: {error}", due.id));
                None
            }
        }
    }

    /// The pace of an account is about what is done at Cortex Cloud.
    fn pace(&self, _: &DueOf<Self>, _: &(Attempt, Fetch)) -> Option<Pace> {
        None
    }

    async fn run(_: DueOf<Self>, (attempt, fetch): (Attempt, Fetch)) -> Taken {
        attempt.run_fetch(fetch).await
    }
}

impl Attempt {
    /// What is needed to read the order. None where it is not to be read now.
    async fn to_fetch(&self) -> anyhow::Result<Option<Fetch>> {
        let needs = &self.deliveries.needs;
        let delivery = needs.data.log.recent::<Delivery>(self.id).await?;
        let Some(order) = delivery.aggregate.order() else { return Ok(None) };
        let to_fetch = order.to_fetch(self.now()).zip(order.summary.unread.as_ref());
        let Some((announcements, unread)) = to_fetch else { return Ok(None) };
        let integration_id = order.integration_id;
        let Some(link) = needs.links.find(integration_id).await? else {
            anyhow::bail!("the delivery's integration was never created");
        };
        let account = needs.data.log.current::<Account>(order.account_id).await?;
        let decided_on = DecidedOn { account_sequence: account.sequence.0, integration_sequence: link.sequence().0 };
        let order_id = unread.order_id.clone();
        Ok(Some(Fetch { order_id, integration_id, link, announcements, decided_on }))
    }

    /// Reads the order, and records what it says or why it could not be read.
    async fn run_fetch(self, fetch: Fetch) -> Taken {
        let needs = &self.deliveries.needs;
        needs.data.log.yield_to_webhooks().await;
        let read = needs.stores.order(fetch.link.provider, fetch.link.store_access.as_ref(), &fetch.order_id).await;
        needs.metrics.order_read(fetch.link.provider.as_str(), outcome(&read));
        let rests_until = read.as_ref().err().and_then(rest).map(|rest| self.now() + rest);
        let recorded = match read {
            Ok(read) => self.record_fetched(fetch, read).await,
            Err(failure) => self.record_failure(fetch, failure).await,
        };
        match recorded {
            Ok(()) => rests_until.map_or(Taken::Worked, |until| Taken::Rests { until }),
            Err(CommandError::Refused(_)) => Taken::NotDue,
            Err(error) => {
                self.deliveries.not_taken_up(format_args!("{}: {error}", self.id));
                Taken::NotDue
            }
        }
    }

    async fn record_fetched(&self, fetch: Fetch, read: StoredOrder) -> Result<(), CommandError<DeliveryRefusal>> {
        let StoredOrder { order, report, body, call } = read;
        let received_at = self.now();
        let digest = self.deliveries.needs.data.log.blind_index();
        let digest = digest.map(|index| index.body_digest(fetch.integration_id, "resource", &body));
        let report = report.filter(|_| fetch.link.purpose.publishes());
        let reports = Reports::new(report.into_iter().collect(), digest, received_at);
        let unsigned = Unsigned { topic: None, webhook_id: None, headers: None };
        let body_bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let aside = Aside {
            unsigned,
            api_key: ApiKeyUse::None,
            body_bytes,
            is_unsigned: false,
            source: ReportSource::Webhook,
            received_at,
        };
        let order = Box::new(record::webhook(order, fetch.integration_id, &fetch.link, aside));
        let (announcements, log) = (fetch.announcements, &self.deliveries.needs.data.log);
        let command = DeliveryCommand::RecordFetched { order, announcements, call };
        let follow = |events: &[DeliveryEvent], Sequence(sequence)| match events.first() {
            Some(DeliveryEvent::OrderFetched(_)) => {
                let source = WebhookSource::Delivery { id: self.id.0, sequence };
                reports.commands(fetch.integration_id, &fetch.link, source)
            }
            // Another node has read it.
            Some(_) | None => vec![],
        };
        let (origin, body) = (self.origin.clone(), (body.into(), false));
        log.execute_with_body_and::<Delivery, Resource>(self.id, command, origin, body, follow).await?;
        tracing::info!(delivery = %self.id, "order read at its store");
        Ok(())
    }

    async fn record_failure(&self, fetch: Fetch, failure: FetchFailure) -> Result<(), CommandError<DeliveryRefusal>> {
        let call = match &failure {
            FetchFailure::Unavailable { call, .. } => Some(call),
            FetchFailure::AccessMissing { call } => call.as_ref(),
        };
        let reason = call.and_then(|call| call.reason.clone());
        let (now, jitter) = (self.now(), Jitter::from_random(rand::rng().random()));
        let log = &self.deliveries.needs.data.log;
        lost_access::note(log, fetch.integration_id, &fetch.link, &failure, self.origin.clone()).await;
        let command = DeliveryCommand::FailFetch { failure, now, jitter, decided_on: fetch.decided_on };
        self.deliveries.execute_and_settle(self.id, command, self.origin.clone()).await?;
        tracing::info!(delivery = %self.id, reason, "order not read at its store");
        Ok(())
    }
}

/// How long nothing else is read at a store: it is down, or asks for fewer requests. What is wrong with one order is no reason.
pub(crate) fn rest(failure: &FetchFailure) -> Option<TimeDelta> {
    match failure {
        FetchFailure::Unavailable { retry_after: Some(after), .. } => Some((*after).max(REST)),
        FetchFailure::Unavailable { call, retry_after: None } => {
            call.status.is_none_or(|status| status == 429 || status >= 500).then_some(REST)
        }
        FetchFailure::AccessMissing { .. } => None,
    }
}

pub(crate) fn outcome(read: &Result<StoredOrder, FetchFailure>) -> &'static str {
    match read {
        Ok(_) => "read",
        Err(FetchFailure::Unavailable { .. }) => "unavailable",
        Err(FetchFailure::AccessMissing { .. }) => "access_missing",
    }
}

#[cfg(test)]
mod tests {
    use domain::delivery::StoreCall;

    use super::*;

    fn failed(status: Option<u16>, retry_after_seconds: Option<i64>) -> FetchFailure {
        let call = StoreCall { status, duration_ms: 1, reason: None };
        FetchFailure::Unavailable { call, retry_after: retry_after_seconds.map(TimeDelta::seconds) }
    }

    #[test]
    fn a_store_rests_where_it_is_down_or_asks_for_it_and_not_because_of_one_order() {
        for (failure, seconds) in [
            (failed(None, None), Some(1)),
            (failed(Some(503), None), Some(1)),
            (failed(Some(503), Some(90)), Some(90)),
            (failed(Some(429), None), Some(1)),
            (failed(Some(429), Some(0)), Some(1)),
            (failed(Some(404), None), None),
            (failed(Some(200), None), None),
            (FetchFailure::AccessMissing { call: None }, None),
        ] {
            assert_eq!(rest(&failure), seconds.map(TimeDelta::seconds), "{failure:?}");
        }
    }
}
