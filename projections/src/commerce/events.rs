//! Commerce events in the order in which they follow from the log. A row says where in the log an event is from; what it says is
//! rendered from there when somebody reads it, so that nothing about a person is here.

use commerce::reported::OfProduct;
use domain::commerce::CommerceEventType;
use domain::delivery::DeliveryEvent;
use domain::endpoint::EndpointEvent;
use domain::publication::{PublicationEvent, Published};
use domain::resource::{Content, Report, ResourceEvent, ResourceKind};
use sqlx::FromRow;
use uuid::Uuid;

use super::catalogue::Changed;
use super::sessions::Sessions;
use crate::table::table_row;
use event_log::recorded::{AnyEvent, Recorded};
use event_log::{Position, Sequence};
use storage::{Database, Sql, storable};

table_row!(CommerceEventRow, "commerce_events", key position, ordinal;
    once id, event_type, account_id, integration_id, object_kind, object_id, session_id, stock, occurred_at,
    recorded_at;
    changing);

const COLUMNS: &str = "position, ordinal, id, event_type, account_id, integration_id, object_kind, object_id, session_id, \
     stock, occurred_at, recorded_at";

/// The columns of an event, for a statement in which its table is `e`.
pub(super) fn joined_columns() -> String {
    let columns: Vec<String> = COLUMNS.split(", ").map(|column| format!("e.{column}")).collect();
    columns.join(", ")
}

/// One commerce event. Times are microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct CommerceEventRow {
    /// Of the event of the log that it follows from.
    pub position: Position,
    /// Which of those that follow from it, from 0.
    pub ordinal: i64,
    pub id: String,
    pub event_type: String,
    pub account_id: String,
    pub integration_id: Option<String>,
    /// What it is about: a kind of resource, or `delivery`.
    pub object_kind: String,
    /// In the words of the store; of a delivery, its own id.
    pub object_id: String,
    pub session_id: Option<String>,
    /// Of what product the stock is, as JSON.
    pub stock: Option<String>,
    /// By the store's own clock, where it says.
    pub occurred_at: i64,
    pub recorded_at: i64,
}

impl CommerceEventRow {
    pub fn list_position(&self) -> ListPosition {
        ListPosition { position: self.position, ordinal: self.ordinal }
    }

    /// Of what product the stock is that it is about, as it was known then.
    pub fn of_product(&self) -> OfProduct {
        self.stock.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }
}

/// The commerce events that follow from an event of the log.
pub(super) fn follow_from(recorded: &Recorded, changed: &Changed, sessions: &Sessions) -> Vec<CommerceEventRow> {
    let Some(account_id) = recorded.account_id else { return vec![] };
    let about = match &recorded.event {
        AnyEvent::Resource(ResourceEvent::ResourceReported(report)) => of_report(report),
        AnyEvent::Delivery(event) => of_delivery(recorded, event, sessions),
        AnyEvent::Publication(PublicationEvent::EventPublished(published)) => of_publication(recorded, published),
        AnyEvent::Endpoint(EndpointEvent::EndpointDegraded { .. }) => About {
            types: vec![CommerceEventType::EndpointDegraded],
            kind: "endpoint",
            id: recorded.aggregate_id.clone(),
            session_id: None,
            occurred_at: None,
        },
        AnyEvent::Account(_)
        | AnyEvent::Integration(_)
        | AnyEvent::Ledger(_)
        | AnyEvent::Notice(_)
        | AnyEvent::Resource(_)
        | AnyEvent::Publication(PublicationEvent::PersonalDataErased {})
        | AnyEvent::Endpoint(_)
        | AnyEvent::Dispatch(_)
        | AnyEvent::OperatorAction(_)
        | AnyEvent::Checkpoint(_)
        | AnyEvent::Store(_)
        | AnyEvent::Instance(_)
        | AnyEvent::Unknown => return vec![],
    };
    let About { types, kind, id, session_id, occurred_at } = about;
    let row = |event_type: CommerceEventType, item: Option<&str>, stock: Option<&OfProduct>| CommerceEventRow {
        position: recorded.position,
        ordinal: 0,
        id: event_id(recorded, event_type, item),
        event_type: event_type.as_str().to_owned(),
        account_id: account_id.to_string(),
        integration_id: recorded.integration_id.map(|id| id.to_string()),
        object_kind: kind.to_owned(),
        object_id: storable(&id),
        session_id: session_id.as_deref().map(storable),
        stock: stock.map(json_of),
        occurred_at: occurred_at.unwrap_or_else(|| recorded.recorded_at_us()),
        recorded_at: recorded.recorded_at_us(),
    };
    let reported = types.into_iter().map(|event_type| row(event_type, None, changed.stock.as_ref()));
    let ran_out = changed.ran_out.iter().map(|(item, stock)| {
        let row = row(CommerceEventType::InventoryOutOfStock, Some(item), Some(stock));
        match (&stock.product_id, stock.inventory_item_id.as_ref().or(stock.variant_id.as_ref())) {
            (Some(product_id), _) => CommerceEventRow {
                object_kind: ResourceKind::Product.as_str().to_owned(),
                object_id: product_id.clone(),
                ..row
            },
            (None, Some(item_id)) => CommerceEventRow { object_id: item_id.clone(), ..row },
            (None, None) => row,
        }
    });
    (0..).zip(reported.chain(ran_out)).map(|(ordinal, row)| CommerceEventRow { ordinal, ..row }).collect()
}

/// The commerce event that a program of the account published.
pub fn published(recorded: &Recorded) -> Option<CommerceEventRow> {
    let is_published = matches!(recorded.event, AnyEvent::Publication(PublicationEvent::EventPublished(_)));
    let mut follows = is_published.then(|| follow_from(recorded, &Changed::default(), &Sessions::default()))?;
    follows.pop()
}

/// The id of a commerce event: it follows from the event of the log, so that a rebuild gives the same. Of those that ran out with
/// one report, each has its own by the item.
fn event_id(recorded: &Recorded, event_type: CommerceEventType, item: Option<&str>) -> String {
    let stream = Uuid::parse_str(&recorded.aggregate_id).unwrap_or_default();
    match item {
        None => id_of(stream, recorded.sequence, event_type),
        Some(item) => {
            let name = format!("{} {} {item}", recorded.sequence, event_type.as_str());
            Uuid::new_v5(&stream, name.as_bytes()).to_string()
        }
    }
}

/// The id of the event of this type that follows from an event of a stream.
pub fn id_of(stream: Uuid, sequence: Sequence, event_type: CommerceEventType) -> String {
    Uuid::new_v5(&stream, format!("{sequence} {}", event_type.as_str()).as_bytes()).to_string()
}

fn json_of(stock: &OfProduct) -> String {
    serde_json::to_string(stock).expect("ids and numbers are JSON")
}

/// What the commerce events of one event are about.
struct About {
    types: Vec<CommerceEventType>,
    kind: &'static str,
    id: String,
    session_id: Option<String>,
    occurred_at: Option<i64>,
}

fn of_report(report: &Report) -> About {
    let session_id = match &report.content {
        Content::Order(order) => order.session_id.clone(),
        Content::Checkout(checkout) => checkout.session_id.clone(),
        Content::Product(_) | Content::Collection(_) | Content::Stock(_) | Content::Customer {} => None,
    };
    About {
        types: report.publishes.clone(),
        kind: report.content.kind().as_str(),
        id: report.resource_id.clone(),
        session_id,
        occurred_at: report.changed_at.map(|at| at.timestamp_micros()),
    }
}

fn of_publication(recorded: &Recorded, published: &Published) -> About {
    About {
        types: vec![published.event_type],
        kind: published.event_type.as_str().split('.').next().unwrap_or_default(),
        id: published.object_id.clone().unwrap_or_else(|| recorded.aggregate_id.clone()),
        session_id: None,
        occurred_at: published.occurred_at.map(|at| at.timestamp_micros()),
    }
}

fn of_delivery(recorded: &Recorded, event: &DeliveryEvent, sessions: &Sessions) -> About {
    About {
        types: type_of(event).into_iter().collect(),
        kind: "delivery",
        id: recorded.aggregate_id.clone(),
        session_id: sessions.of(&recorded.aggregate_id).map(str::to_owned),
        occurred_at: None,
    }
}

/// The type of commerce event that follows from an event of a delivery.
pub(super) fn type_of(event: &DeliveryEvent) -> Option<CommerceEventType> {
    match event {
        DeliveryEvent::Completed {} => Some(CommerceEventType::DeliveryCompleted),
        DeliveryEvent::ActionRequired { .. } => Some(CommerceEventType::DeliveryActionRequired),
        DeliveryEvent::FailedPermanently { .. } => Some(CommerceEventType::DeliveryFailed),
        DeliveryEvent::WebhookReceived { .. }
        | DeliveryEvent::WebhookRepeated(_)
        | DeliveryEvent::OrderFetched(_)
        | DeliveryEvent::OrderFetchFailed { .. }
        | DeliveryEvent::OrderFetchRequested { .. }
        | DeliveryEvent::OrderFetchGivenUp { .. }
        | DeliveryEvent::Started(_)
        | DeliveryEvent::StepStarted { .. }
        | DeliveryEvent::LeaseRenewed { .. }
        | DeliveryEvent::WaitMoved { .. }
        | DeliveryEvent::Followed { .. }
        | DeliveryEvent::AssetShared { .. }
        | DeliveryEvent::RetryScheduled { .. }
        | DeliveryEvent::CancellationRequested {}
        | DeliveryEvent::Cancelled {}
        | DeliveryEvent::StatusFiltered {}
        | DeliveryEvent::HandedBack {}
        | DeliveryEvent::RetryRequested { .. }
        | DeliveryEvent::UsernameCorrected { .. }
        | DeliveryEvent::Requeued { .. }
        | DeliveryEvent::PersonalDataErased { .. } => None,
    }
}

/// Which events are wanted; what is left out restricts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// None for those who may see every account.
    pub account_id: Option<String>,
    pub integration_id: Option<String>,
    /// Those of one of these stores, where some are named.
    pub stores: Option<Vec<OfStore>>,
    pub types: Vec<CommerceEventType>,
    /// In the words of the store.
    pub object_id: Option<String>,
    pub session_id: Option<String>,
}

/// Events of a store: those of these types after a position, and whatever was to be sent to these endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfStore {
    pub integration_id: String,
    pub types: Vec<CommerceEventType>,
    pub since: Position,
    pub endpoints: Vec<String>,
}

/// Restricts the events of a table of this name to those of one of these stores. None where there is none.
pub(super) fn of_stores(mut sql: Sql, table: &str, stores: &[OfStore]) -> Option<Sql> {
    let mut stores = stores.iter().filter(|store| !store.types.is_empty() || !store.endpoints.is_empty()).peekable();
    stores.peek()?;
    let mut before = " AND (";
    for OfStore { integration_id, types, since, endpoints } in stores {
        sql = sql.push(before).push("integration_id = ").bind(integration_id.as_str()).push(" AND (false");
        if !types.is_empty() {
            sql = sql.push(&format!(" OR ({table}.position > ")).bind(*since).push(" AND event_type IN (");
            sql = sql.bind_list(types.iter().map(|of| of.as_str())).push("))");
        }
        if !endpoints.is_empty() {
            sql = sql.push(&format!(
                " OR EXISTS (SELECT 1 FROM dispatches s WHERE s.position = {table}.position AND s.ordinal = {table}.ordinal \
                 AND s.endpoint_id IN ("
            ));
            sql = sql.bind_list(endpoints.iter().map(String::as_str)).push("))");
        }
        sql = sql.push(")");
        before = " OR ";
    }
    Some(sql.push(")"))
}

/// Where in the list an event stands: the position that it follows from, and which of those it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListPosition {
    pub position: Position,
    pub ordinal: i64,
}

/// Events before a place, the newest first.
pub async fn page(
    database: &Database,
    filter: &Filter,
    before: Option<ListPosition>,
    limit: i64,
) -> sqlx::Result<Vec<CommerceEventRow>> {
    let mut sql = Sql::new(format!("SELECT {COLUMNS} FROM commerce_events WHERE true"));
    if let Some(account_id) = &filter.account_id {
        sql = sql.push(" AND account_id = ").bind(account_id.as_str());
    }
    if let Some(integration_id) = &filter.integration_id {
        sql = sql.push(" AND integration_id = ").bind(integration_id.as_str());
    }
    if let Some(stores) = &filter.stores {
        let Some(restricted) = of_stores(sql, "commerce_events", stores) else { return Ok(vec![]) };
        sql = restricted;
    }
    if !filter.types.is_empty() {
        sql = sql.push(" AND event_type IN (").bind_list(filter.types.iter().map(|of| of.as_str())).push(")");
    }
    if let Some(object_id) = &filter.object_id {
        sql = sql.push(" AND object_id = ").bind(object_id.as_str());
    }
    if let Some(session_id) = &filter.session_id {
        sql = sql.push(" AND session_id = ").bind(session_id.as_str());
    }
    if let Some(ListPosition { position, ordinal }) = before {
        sql = sql.push(" AND (position, ordinal) < (").bind(position).push(", ").bind(ordinal).push(")");
    }
    database.fetch_all(sql.push(" ORDER BY position DESC, ordinal DESC LIMIT ").bind(limit)).await
}

/// Events of integrations, each with those that follow from the first so many events of the log behind a position: what a webhook
/// there published is among them, for it is appended with it.
pub async fn behind(
    database: &Database,
    places: &[(Position, String)],
    so_many: i64,
) -> sqlx::Result<Vec<CommerceEventRow>> {
    if places.is_empty() {
        return Ok(vec![]);
    }
    let mut sql = Sql::new(format!("SELECT {COLUMNS} FROM commerce_events WHERE false"));
    for (position, integration_id) in places {
        sql = sql.push(" OR (position > ").bind(*position).push(" AND position <= ").bind(position.plus(so_many));
        sql = sql.push(" AND integration_id = ").bind(integration_id.as_str()).push(")");
    }
    database.fetch_all(sql.push(" ORDER BY position, ordinal")).await
}

/// The event with this id.
pub async fn find(database: &Database, id: &str) -> sqlx::Result<Option<CommerceEventRow>> {
    let sql = Sql::new(format!("SELECT {COLUMNS} FROM commerce_events WHERE id = ")).bind(id);
    database.fetch_optional(sql).await
}
