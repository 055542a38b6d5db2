//! Commerce events, and their types.

use std::fmt;
use std::str::FromStr;

use async_graphql::dataloader::DataLoader;
use async_graphql::{ComplexObject, Context, ID, InputObject, Json, SimpleObject};
use commerce::{CommerceEventType, Publisher};
use event_log::Position;
use projections::commerce::events::{CommerceEventRow, Filter, ListPosition};
use serde_json::Value;

use super::ApiError;
use super::integration::Integration;
use super::loader::{IntegrationKey, Loader};
use super::moment::{Moment, moment};
use super::viewer::app_and_viewer;

#[derive(InputObject, Default)]
pub(super) struct CommerceEventFilter {
    /// Of these types, such as `order.paid`, or `order.*` for all of orders.
    types: Option<Vec<String>>,
    integration_id: Option<ID>,
    /// About this order, product or customer: the store's own id of it. Of a delivery: its id.
    object_id: Option<String>,
    /// Of this shopping conversation.
    session_id: Option<String>,
    /// Support and admin only: of this account. Without it they get those of every account.
    account_id: Option<ID>,
}

/// Something that happened in a store or here, in the words that subscribers get.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(super) struct CommerceEvent {
    id: ID,
    #[graphql(name = "type")]
    event_type: String,
    /// When it was recorded here.
    recorded_at: Moment,
    /// When it happened, by the store's own clock where it says.
    occurred_at: Moment,
    /// What it is about: `order`, `product`, `collection`, `stock`, `customer`, `checkout`, `delivery` or `endpoint`; of an event
    /// that the account published, the word before the dot of its type.
    object_kind: String,
    /// The store's own id of that; of a delivery, its id.
    object_id: String,
    /// The shopping conversation, where the order or checkout names one.
    session_id: Option<String>,
    /// 64-bit: the event of the log that it follows from.
    position: String,
    #[graphql(skip)]
    row: CommerceEventRow,
}

#[ComplexObject]
impl CommerceEvent {
    /// Where it happened. Null for what happened in no store.
    async fn integration(&self, context: &Context<'_>) -> Result<Option<Integration>, ApiError> {
        let Some(id) = &self.row.integration_id else { return Ok(None) };
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        Ok(loader.load_one(IntegrationKey(id.clone())).await?.map(Integration))
    }

    /// What it says, as subscribers get it (docs/events). What is known of a person is there for the account's own keys, until
    /// it is erased.
    #[graphql(complexity = 20)]
    async fn data(&self, context: &Context<'_>) -> Result<Option<Json<Value>>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let event = app.commerce_events.read(viewer, &self.row).await?;
        Ok(event.map(|event| Json(serde_json::to_value(&event.payload).unwrap_or(Value::Null))))
    }
}

impl From<CommerceEventRow> for CommerceEvent {
    fn from(row: CommerceEventRow) -> Self {
        Self {
            id: ID(row.id.clone()),
            event_type: row.event_type.clone(),
            recorded_at: moment(row.recorded_at),
            occurred_at: moment(row.occurred_at),
            object_kind: row.object_kind.clone(),
            object_id: row.object_id.clone(),
            session_id: row.session_id.clone(),
            position: row.position.to_string(),
            row,
        }
    }
}

/// A type of commerce events.
#[derive(SimpleObject)]
pub(super) struct EventType {
    name: &'static str,
    /// `STORE`, `SERVICE` or `ACCOUNT`: whose doing it is.
    publisher: EventPublisher,
    /// When there is one.
    description: String,
    /// The JSON schema of a notification of it.
    schema: Json<Value>,
    /// A notification of it, for example.
    sample: Json<Value>,
}

/// Whose doing an event is.
#[derive(async_graphql::Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "Publisher")]
pub(super) enum EventPublisher {
    /// A store, whose webhook said so.
    Store,
    /// This service.
    Service,
    /// A program of the account, through `publishEvent`.
    Account,
}

impl From<CommerceEventType> for EventType {
    fn from(of: CommerceEventType) -> Self {
        let json = |text: &[u8]| Json(serde_json::from_slice(text).unwrap_or(Value::Null));
        Self {
            name: of.as_str(),
            publisher: of.publisher().into(),
            description: commerce::description(of).fires_when.to_owned(),
            schema: json(commerce::schema(of).as_bytes()),
            sample: json(commerce::sample(of).as_bytes()),
        }
    }
}

/// The types that a filter names; `order.*` names all that begin so.
pub(super) fn types(names: Vec<String>) -> Result<Vec<CommerceEventType>, ApiError> {
    use strum::IntoEnumIterator as _;
    let unknown = ApiError::InvalidArgument {
        argument: "types",
        reason: "names a type that there is not: `cloud-bridge event-types` lists them, as the query eventTypes of the API does",
    };
    let mut all = vec![];
    for name in names {
        let begins = name.strip_suffix('*').unwrap_or(&name);
        let is_named =
            |of: &CommerceEventType| of.as_str() == name || (begins != name && of.as_str().starts_with(begins));
        let named: Vec<_> = CommerceEventType::iter().filter(is_named).collect();
        if named.is_empty() {
            return Err(unknown);
        }
        all.extend(named);
    }
    Ok(all)
}

impl TryFrom<CommerceEventFilter> for Filter {
    type Error = ApiError;

    fn try_from(filter: CommerceEventFilter) -> Result<Self, ApiError> {
        let clean = |text: String| text.replace('\0', "");
        Ok(Self {
            account_id: filter.account_id.map(String::from),
            integration_id: filter.integration_id.map(String::from).map(clean),
            stores: None,
            types: types(filter.types.unwrap_or_default())?,
            object_id: filter.object_id.map(clean),
            session_id: filter.session_id.map(clean),
        })
    }
}

/// A place in the list, as it is written in a page.
#[derive(Clone, Copy)]
pub(super) struct EventCursor(pub(super) ListPosition);

impl FromStr for EventCursor {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (position, ordinal) = text.split_once('.').ok_or("not a cursor")?;
        let position: Position = position.parse().map_err(|_| "not a cursor")?;
        Ok(Self(ListPosition { position, ordinal: ordinal.parse().map_err(|_| "not a cursor")? }))
    }
}

impl fmt::Display for EventCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0.position, self.0.ordinal)
    }
}
