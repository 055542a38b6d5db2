//! Reading an order at its store, where a webhook named it and said nothing of it: before its mapping and its customer are
//! looked at, and outside the pace of its account.

use std::collections::HashSet;
use std::sync::Arc;

use domain::IntegrationId;
use domain::account::Account;
use domain::delivery::schedule::Jitter;
use domain::delivery::{
    ApiKeyUse, DecidedOn, Delivery, DeliveryCommand, DeliveryEvent, DeliveryRefusal, FetchFailure, Order,
};
use domain::resource::{Resource, WebhookSource};
use parking_lot::Mutex;
use rand::RngExt as _;

use super::attempt::Attempt;
use crate::app::links::CurrentLink;
use crate::ingest::publishing::Reports;
use crate::ingest::record::{self, Aside, Unsigned};
use crate::ports::stores::StoredOrder;
use crate::worker::work::Taken;
use event_log::{CommandError, Sequence};

/// An order that is to be read, and where.
pub(crate) struct Fetch {
    order_id: String,
    integration_id: IntegrationId,
    link: CurrentLink,
    /// How many webhooks have announced it.
    announcements: u32,
    decided_on: DecidedOn,
    _turn: Turn,
}

/// The stores that are being read from: each by one worker of this node at a time, and not more of them than leave room for
/// deliveries. So a store that is slow holds up no other.
#[derive(Default)]
pub(super) struct Turns {
    taken: Arc<Mutex<HashSet<IntegrationId>>>,
}

struct Turn {
    taken: Arc<Mutex<HashSet<IntegrationId>>>,
    integration_id: IntegrationId,
}

impl Turns {
    fn take(&self, integration_id: IntegrationId, at_most: usize) -> Option<Turn> {
        let mut taken = self.taken.lock();
        let is_free = taken.len() < at_most && taken.insert(integration_id);
        is_free.then(|| Turn { taken: self.taken.clone(), integration_id })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.taken.lock().remove(&self.integration_id);
    }
}

impl Attempt {
    /// What is needed to read an order that so many webhooks announced. None where its store is being read from already.
    pub(super) async fn fetch(&self, order: &Order, announcements: u32) -> anyhow::Result<Option<Fetch>> {
        let needs = &self.deliveries.needs;
        let integration_id = order.integration_id;
        let Some(turn) = self.deliveries.turns.take(integration_id, needs.fetches_at_once) else { return Ok(None) };
        let Some(link) = needs.links.find(integration_id).await? else {
            anyhow::bail!("the delivery's integration was never created");
        };
        let account = needs.data.log.current::<Account>(order.account_id).await?;
        let decided_on = DecidedOn { account_sequence: account.sequence.0, integration_sequence: link.sequence().0 };
        let Some(unread) = &order.summary.unread else { return Ok(None) };
        let order_id = unread.order_id.clone();
        Ok(Some(Fetch { order_id, integration_id, link, announcements, decided_on, _turn: turn }))
    }

    /// Reads the order, and records what it says or why it could not be read.
    pub(super) async fn run_fetch(self, fetch: Fetch) -> Taken {
        let needs = &self.deliveries.needs;
        needs.data.log.yield_to_webhooks().await;
        let read = needs.stores.order(fetch.link.provider, fetch.link.store_access.as_ref(), &fetch.order_id).await;
        needs.metrics.order_read(fetch.link.provider.as_str(), outcome(&read));
        let recorded = match read {
            Ok(read) => self.record_fetched(fetch, read).await,
            Err(failure) => self.record_failure(fetch, failure).await,
        };
        match recorded {
            Ok(()) => Taken::Worked,
            Err(CommandError::Refused(_)) => Taken::NotDue,
            Err(error) => {
                self.deliveries.not_taken_up(format_args!("{}: {error}", self.id));
                Taken::NotDue
            }
        }
    }

    async fn record_fetched(&self, fetch: Fetch, read: StoredOrder) -> Result<(), CommandError<DeliveryRefusal>> {
        let StoredOrder { order, report, body, call } = read;
        let digest = self.deliveries.needs.data.log.blind_index();
        let digest = digest.map(|index| index.body_digest(fetch.integration_id, "resource", &body));
        let report = report.filter(|_| fetch.link.purpose.publishes());
        let reports = Reports::new(report.into_iter().collect(), digest);
        let unsigned = Unsigned { topic: None, webhook_id: None, headers: None };
        let body_bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let aside =
            Aside { unsigned, api_key: ApiKeyUse::None, body_bytes, is_unsigned: false, received_at: self.now() };
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
        let command = DeliveryCommand::FailFetch { failure, now, jitter, decided_on: fetch.decided_on };
        self.deliveries.execute_and_settle(self.id, command, self.origin.clone()).await?;
        tracing::info!(delivery = %self.id, reason, "order not read at its store");
        Ok(())
    }
}

fn outcome(read: &Result<StoredOrder, FetchFailure>) -> &'static str {
    match read {
        Ok(_) => "read",
        Err(FetchFailure::Unavailable { .. }) => "unavailable",
        Err(FetchFailure::AccessMissing { .. }) => "access_missing",
    }
}
