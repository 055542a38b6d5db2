//! Fills the log with deliveries from order to completion, through the calls that the service itself uses.

use anyhow::bail;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta};
use domain::account::{Account, AccountCommand, DEFAULT_ATTEMPTS_PER_MINUTE};
use domain::delivery::{ApiKeyUse, DecidedOn, Delivery, DeliveryCommand, Held, Intent, StartFacts, Webhook};
use domain::integration::{CreateIntegration, Integration, IntegrationCommand, Provider};
use domain::{
    AccountId, Asset, Credits, DeliveryId, IntegrationId, ItemMapping, MappingId, MatchType, Private, ResourceType,
};
use event_log::ids;
use event_log::{Actor, EventLog};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use providers::Parsed;

use crate::setting::order;

/// A webhook is recorded, an attempt started, two items are shared, and the delivery is completed.
const EVENTS_PER_ORDER: u64 = 5;
/// Orders come in by so many, and only then they are worked on: what a flood leaves behind. So the events of one order
/// lie far apart, and most of them find a row that an earlier batch wrote.
const ORDERS_PER_FLOOD: u64 = 2_000;
const AT_ONCE: usize = 64;
const BODY_BYTES: usize = 4_500;
const PROVIDER: Provider = Provider::Shopify;

/// Records about so many events.
pub(crate) async fn record(log: &EventLog, events: u64) -> anyhow::Result<()> {
    let store = Store::open(log).await?;
    let orders: Vec<u64> = (0..events / EVENTS_PER_ORDER).collect();
    for flood in orders.chunks(usize::try_from(ORDERS_PER_FLOOD)?) {
        let received = stream::iter(flood).map(|order| store.receive(*order)).buffer_unordered(AT_ONCE);
        received.try_collect::<()>().await?;
        let delivered = stream::iter(flood).map(|order| store.deliver(*order)).buffer_unordered(AT_ONCE);
        delivered.try_collect::<()>().await?;
    }
    Ok(())
}

/// Records so many orders that come in, and no more.
pub(crate) async fn record_orders(log: &EventLog, orders: u64) -> anyhow::Result<()> {
    let store = Store::open(log).await?;
    let received = stream::iter(0..orders).map(|order| store.receive(order)).buffer_unordered(AT_ONCE);
    received.try_collect::<()>().await
}

/// A store whose every order is delivered.
struct Store<'l> {
    log: &'l EventLog,
    account_id: AccountId,
    integration_id: IntegrationId,
    template: String,
    mappings: Vec<ItemMapping>,
}

impl<'l> Store<'l> {
    async fn open(log: &'l EventLog) -> anyhow::Result<Self> {
        let (account_id, integration_id) = (AccountId(ids::fresh()), IntegrationId(ids::fresh()));
        let open = AccountCommand::Open {
            name: "Storm Audio".to_owned(),
            attempts_per_minute: DEFAULT_ATTEMPTS_PER_MINUTE,
            first_key: None,
        };
        log.execute::<Account>(account_id, open, &Actor::System).await?;
        let create = IntegrationCommand::Create(CreateIntegration {
            account_id,
            provider: PROVIDER,
            name: "bench".to_owned(),
            signing_secret: Some("a secret that signs nothing here".into()),
            purpose: domain::integration::Purpose::Delivers,
            notification_url: "https://bridge.example".to_owned(),
            order_statuses: None,
        });
        log.execute::<Integration>(integration_id, create, &Actor::System).await?;
        let mappings = ["STORM-LEAD-V2", "STORM-CLEAN-V1"].map(|sku| ItemMapping {
            id: MappingId(ids::fresh()),
            match_type: MatchType::Sku,
            external_ref: sku.to_owned(),
            asset: Asset::new(ResourceType::Preset, &ids::fresh().to_string()),
        });
        let template = order::template(PROVIDER, BODY_BYTES);
        Ok(Self { log, account_id, integration_id, template, mappings: mappings.into() })
    }

    fn stream(&self, order: u64) -> String {
        DeliveryId::of(self.integration_id, &order::id(order)).to_string()
    }

    /// Records the webhook of an order as ingest does once it has verified it.
    async fn receive(&self, number: u64) -> anyhow::Result<()> {
        let digits = order::digits(number);
        let body = self.template.replace(order::DIGITS, std::str::from_utf8(&digits)?);
        let topic = "orders/paid";
        let Parsed::Order(order) = providers::of(PROVIDER).interpret(Some(topic), body.as_bytes())? else {
            bail!("the order reads as something else");
        };
        let webhook = Webhook {
            account_id: self.account_id,
            integration_id: self.integration_id,
            provider: PROVIDER,
            order_id: order.order_id,
            order_number: order.order_number,
            order_status: order.order_status,
            intent: Intent::Deliver,
            changed_at: None,
            received_at: DateTime::UNIX_EPOCH,
            username: order.username.map(Private::Known),
            email: order.email.map(Private::Known),
            customer_name: order.customer_name.map(Private::Known),
            customer_id: order.customer_id.map(Private::Known),
            items: order.items,
            api_key: ApiKeyUse::None,
            topic: Some(topic.to_owned()),
            webhook_id: Some(ids::fresh().to_string()),
            headers: None,
            body_bytes: u32::try_from(body.len())?,
            body_digest: None,
            thin: false,
            unsigned: false,
            source: domain::ReportSource::Webhook,
        };
        let command = DeliveryCommand::RecordWebhook(Box::new(webhook));
        let body = Some(Bytes::from(body));
        self.log.execute_fresh::<Delivery>(&self.stream(number), command, &Actor::Store, body).await?;
        Ok(())
    }

    /// Brings a delivery to its end as the worker does.
    async fn deliver(&self, number: u64) -> anyhow::Result<()> {
        let id = self.stream(number);
        let worker = "bench".to_owned();
        let held = Held { worker: worker.clone(), attempt: 1 };
        let now = self.log.clock().now();
        let facts = StartFacts {
            mappings: self.mappings.clone(),
            credentials_saved: true,
            api_key_active: true,
            integration_active: true,
            decided_on: DecidedOn::default(),
        };
        let start =
            DeliveryCommand::Start { worker: worker.clone(), now, lease_until: now + TimeDelta::minutes(1), facts };
        let shares = self.mappings.iter().map(|mapping| DeliveryCommand::RecordShare {
            call: None,
            held: held.clone(),
            asset: mapping.asset.clone(),
            credits: Credits(10),
        });
        let actor = Actor::Worker(worker);
        for command in std::iter::once(start).chain(shares) {
            self.log.execute::<Delivery>(&id, command, &actor).await?;
        }
        self.log.execute::<Delivery>(&id, DeliveryCommand::Complete { held }, &actor).await?;
        Ok(())
    }
}
