//! Every webhook that was recorded, and what it did.

use domain::delivery::{DeliveryEvent, describe_changes};
use domain::notice::NoticeEvent;
use domain::resource::WebhookSource;
use sqlx::FromRow;

use crate::delivery_log::duplicate_id;
use crate::schema::Schema;
use crate::table::{self, Existing, Tables, table_row};
use crate::view::View;
use event_log::recorded::{AnyEvent, Recorded};
use event_log::{Position, Sequence};
use storage::storable;
use storage::{Database, Sql};

pub const VIEW: View = View {
    name: "webhook_receipts",
    schema: Schema {
        version: 8,
        tables: &["webhook_receipts"],
        holds_personal_data: false,
        statements: include_str!("../../migrations/views/webhook_receipts.sql"),
    },
    fold: |tables, events| Box::pin(apply(tables, events)),
};

table_row!(ReceiptRow, "webhook_receipts", key position;
    once id, account_id, integration_id, provider, topic, webhook_id, outcome, delivery_id, order_id, order_number,
        body_bytes, unsigned, source, changed_at, received_at, reason;
    changing);

#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ReceiptRow {
    pub id: String,
    pub account_id: String,
    pub integration_id: String,
    pub provider: String,
    pub topic: Option<String>,
    pub webhook_id: Option<String>,
    /// What became of it: an outcome of a delivery, or the kind of a notice.
    pub outcome: String,
    pub delivery_id: Option<String>,
    pub order_id: Option<String>,
    /// The number that people see, where the store has one.
    pub order_number: Option<String>,
    pub body_bytes: i64,
    /// 1 if nothing showed that the store had sent it: a service for development took it. 0 otherwise.
    pub unsigned: i64,
    /// How it came: `webhook`, `reconciliation`.
    pub source: String,
    /// When the store changed the order, by its own clock, in microseconds since 1970, where it says so.
    pub changed_at: Option<i64>,
    /// Microseconds since 1970.
    pub received_at: i64,
    /// Why it cannot be used, why nothing comes of it, or what it changed in the order.
    pub reason: Option<String>,
    pub position: Position,
}

/// The id of the receipt of a webhook that lies there.
pub fn id_of(webhook: WebhookSource) -> String {
    match webhook {
        WebhookSource::Delivery { id, sequence } => duplicate_id(&id.to_string(), Sequence(sequence)),
        WebhookSource::Notice { id, .. } => id.to_string(),
    }
}

async fn apply(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<()> {
    let rows: Vec<ReceiptRow> = events.iter().filter_map(receipt).collect();
    table::write(tables, &rows, Existing::Keep).await
}

fn receipt(event: &Recorded) -> Option<ReceiptRow> {
    let (account_id, integration_id) = (event.account_id?.to_string(), event.integration_id?.to_string());
    match &event.event {
        AnyEvent::Delivery(DeliveryEvent::WebhookReceived { webhook, outcome, changes }) => Some(ReceiptRow {
            id: duplicate_id(&event.aggregate_id, event.sequence),
            account_id,
            integration_id,
            provider: webhook.provider.as_str().to_owned(),
            topic: webhook.topic.as_deref().map(storable),
            webhook_id: webhook.webhook_id.as_deref().map(storable),
            outcome: outcome.as_str().to_owned(),
            delivery_id: Some(event.aggregate_id.clone()),
            order_id: Some(storable(&webhook.order_id)),
            order_number: webhook.order_number.as_deref().map(storable),
            body_bytes: webhook.body_bytes.into(),
            unsigned: webhook.unsigned.into(),
            source: webhook.source.as_str().to_owned(),
            changed_at: webhook.changed_at.map(|at| at.timestamp_micros()),
            received_at: event.recorded_at_us(),
            reason: (!changes.is_empty()).then(|| storable(&describe_changes(changes))),
            position: event.position,
        }),
        AnyEvent::Notice(NoticeEvent::WebhookReceived(notice)) => Some(ReceiptRow {
            id: event.aggregate_id.clone(),
            account_id,
            integration_id,
            provider: notice.provider.as_str().to_owned(),
            topic: notice.topic.as_deref().map(storable),
            webhook_id: notice.webhook_id.as_deref().map(storable),
            outcome: notice.kind.as_str().to_owned(),
            delivery_id: None,
            order_id: notice.order_id.as_deref().map(storable),
            order_number: notice.order_number.as_deref().map(storable),
            body_bytes: notice.body_bytes.into(),
            unsigned: notice.unsigned.into(),
            source: notice.source.as_str().to_owned(),
            changed_at: None,
            received_at: event.recorded_at_us(),
            reason: notice.reason.as_deref().map(storable),
            position: event.position,
        }),
        AnyEvent::Delivery(DeliveryEvent::WebhookRepeated(repeated)) => Some(ReceiptRow {
            id: duplicate_id(&event.aggregate_id, event.sequence),
            account_id,
            integration_id,
            provider: repeated.provider.as_str().to_owned(),
            topic: repeated.topic.as_deref().map(storable),
            webhook_id: repeated.webhook_id.as_deref().map(storable),
            outcome: repeated.outcome.as_str().to_owned(),
            delivery_id: Some(event.aggregate_id.clone()),
            order_id: Some(storable(&repeated.order_id)),
            order_number: repeated.order_number.as_deref().map(storable),
            body_bytes: repeated.body_bytes.into(),
            unsigned: repeated.unsigned.into(),
            source: repeated.source.as_str().to_owned(),
            changed_at: None,
            received_at: event.recorded_at_us(),
            reason: None,
            position: event.position,
        }),
        AnyEvent::Notice(NoticeEvent::WebhookRepeated(repeated)) => Some(ReceiptRow {
            id: duplicate_id(&event.aggregate_id, event.sequence),
            account_id,
            integration_id,
            provider: repeated.provider.as_str().to_owned(),
            topic: repeated.topic.as_deref().map(storable),
            webhook_id: repeated.webhook_id.as_deref().map(storable),
            outcome: repeated.kind.as_str().to_owned(),
            delivery_id: None,
            order_id: repeated.order_id.as_deref().map(storable),
            order_number: repeated.order_number.as_deref().map(storable),
            body_bytes: repeated.body_bytes.into(),
            unsigned: repeated.unsigned.into(),
            source: repeated.source.as_str().to_owned(),
            changed_at: None,
            received_at: event.recorded_at_us(),
            reason: Some("the same body as before".to_owned()),
            position: event.position,
        }),
        AnyEvent::Delivery(_)
        | AnyEvent::Notice(NoticeEvent::OrderRead(_) | NoticeEvent::PersonalDataErased {})
        | AnyEvent::Account(_)
        | AnyEvent::Integration(_)
        | AnyEvent::Ledger(_)
        | AnyEvent::Checkpoint(_)
        | AnyEvent::OperatorAction(_)
        | AnyEvent::Resource(_)
        | AnyEvent::Publication(_)
        | AnyEvent::Endpoint(_)
        | AnyEvent::Dispatch(_)
        | AnyEvent::Store(_)
        | AnyEvent::Instance(_)
        | AnyEvent::Unknown => None,
    }
}

#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// `None` for those who may see every account.
    pub account_id: Option<String>,
    pub integration_id: Option<String>,
    pub outcomes: Vec<String>,
    pub order: Option<OfOrder>,
}

/// An order by everything that may name it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfOrder {
    /// The store's own ids.
    pub ids: Vec<String>,
    /// The number that people see, as it may be written. It is searched among what could not be read as an order; of one
    /// that could, the id is known.
    pub numbers: Vec<String>,
}

/// Receipts that came before a moment (microseconds since 1970) or at it with a smaller id, the newest first.
pub async fn page(
    database: &Database,
    filter: &Filter,
    before: Option<(i64, &str)>,
    limit: i64,
) -> sqlx::Result<Vec<ReceiptRow>> {
    let mut sql = Sql::new(
        "SELECT id, account_id, integration_id, provider, topic, webhook_id, outcome, delivery_id, order_id, \
         order_number, body_bytes, unsigned, source, changed_at, received_at, reason, position FROM webhook_receipts WHERE true",
    );
    if let Some(account_id) = &filter.account_id {
        sql = sql.push(" AND account_id = ").bind(account_id.as_str());
    }
    if let Some(integration_id) = &filter.integration_id {
        sql = sql.push(" AND integration_id = ").bind(integration_id.as_str());
    }
    if !filter.outcomes.is_empty() {
        sql = sql.push(" AND outcome IN (").bind_list(filter.outcomes.iter().map(String::as_str)).push(")");
    }
    if let Some(OfOrder { ids, numbers }) = &filter.order {
        sql = sql.push(" AND (order_id IN (").bind_list(ids.iter().map(String::as_str)).push(")");
        if !numbers.is_empty() {
            sql = sql.push(" OR (delivery_id IS NULL AND order_number IN (");
            sql = sql.bind_list(numbers.iter().map(String::as_str)).push("))");
        }
        sql = sql.push(")");
    }
    if let Some((received_at, id)) = before {
        sql = sql.push(" AND (received_at < ").bind(received_at).push(" OR (received_at = ").bind(received_at);
        sql = sql.push(" AND id < ").bind(id).push("))");
    }
    database.fetch_all(sql.push(" ORDER BY received_at DESC, id DESC LIMIT ").bind(limit)).await
}

/// A webhook about an order, by its place among those of an integration.
#[derive(Clone, Debug, FromRow)]
pub struct OrderReceipt {
    pub received_at: i64,
    pub id: String,
    pub delivery_id: String,
}

/// What an integration received about orders from one moment until before another (microseconds since 1970), the oldest
/// first, from after a receipt on.
pub async fn about_orders(
    database: &Database,
    integration_id: &str,
    (from, to): (i64, i64),
    after: Option<&OrderReceipt>,
    limit: i64,
) -> sqlx::Result<Vec<OrderReceipt>> {
    let begin = after.map_or(from, |after| after.received_at);
    let mut sql = Sql::new("SELECT received_at, id, delivery_id FROM webhook_receipts WHERE integration_id = ")
        .bind(integration_id)
        .push(" AND delivery_id IS NOT NULL AND received_at >= ")
        .bind(begin)
        .push(" AND received_at < ")
        .bind(to);
    if let Some(after) = after {
        sql = sql.push(" AND (received_at > ").bind(begin).push(" OR id > ").bind(after.id.as_str()).push(")");
    }
    database.fetch_all(sql.push(" ORDER BY received_at, id LIMIT ").bind(limit)).await
}

/// How long orders took from their change, by the store's clock, until their webhooks were here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromRow)]
pub struct Delay {
    /// Webhooks that say when the order was changed.
    pub webhooks: i64,
    /// In microseconds. None where there are none.
    pub average: Option<i64>,
    pub longest: Option<i64>,
}

/// Webhooks of which the latest are looked at.
const DELAYS: i64 = 10_000;

/// Of the latest webhooks of an integration since a moment, ten thousand at most.
pub async fn delay(database: &Database, integration_id: &str, since: i64) -> sqlx::Result<Delay> {
    let sql = Sql::new(
        "SELECT count(*) AS webhooks, CAST(avg(delay) AS bigint) AS average, max(delay) AS longest \
         FROM (SELECT received_at - changed_at AS delay FROM webhook_receipts WHERE integration_id = ",
    );
    let sql = sql.bind(integration_id).push(" AND received_at >= ").bind(since);
    let sql = sql.push(" AND changed_at IS NOT NULL AND source = 'webhook' ORDER BY received_at DESC, id DESC LIMIT ");
    database.fetch_one(sql.bind(DELAYS).push(") delays")).await
}
