//! Deliveries: the log that merchants read, filter and page through.

use std::sync::Arc;

use async_graphql::connection::Connection;
use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::asset::mappings_for;
use domain::delivery::DeliveryStatus as Status;
use domain::{ItemMapping as Mapping, LineItem, ResolutionCode as Code};
use projections::delivery_log::{self, DeliveryRow, Filter, Page, SharedAsset};

use super::ApiError;
use super::account::{int, moment};
use super::event::{Event, events};
use super::integration::{Integration, ItemMapping};
use super::loader::{DeliveryKey, IntegrationKey, Loader};
use super::page::{cost, page};
use super::viewer::Viewer;
use super::words::{DeliveryStatus, ResolutionCode};
use crate::service::Service;

/// One order's fulfilment, or a duplicate of one.
pub(super) struct Delivery(pub(super) DeliveryRow);

/// Which deliveries are wanted; what is left out restricts nothing.
#[derive(InputObject, Default)]
pub(super) struct DeliveryFilter {
    pub(super) status: Option<Vec<DeliveryStatus>>,
    pub(super) resolution_code: Option<Vec<ResolutionCode>>,
    pub(super) integration_id: Option<ID>,
    /// The store's id or number of one order, with or without its `#`; exact.
    pub(super) order: Option<String>,
    /// Order id, order number or username; exact or prefix. For support the username exactly.
    pub(super) search: Option<String>,
    pub(super) received_from: Option<DateTime<Utc>>,
    pub(super) received_to: Option<DateTime<Utc>>,
}

impl DeliveryFilter {
    pub(super) fn for_viewer(self, viewer: &Viewer) -> Result<Filter, ApiError> {
        for (argument, text) in [("search", &self.search), ("order", &self.order)] {
            if text.as_ref().is_some_and(|text| text.chars().count() > 500) {
                return Err(ApiError::InvalidArgument { argument, reason: "is longer than 500 characters" });
            }
        }
        let statuses = self.status.unwrap_or_default().into_iter().take(20);
        let codes = self.resolution_code.unwrap_or_default().into_iter().take(20);
        Ok(Filter {
            account_id: viewer.scope(),
            integration_id: self.integration_id.map(|id| id.0),
            statuses: statuses.map(|status| Status::from(status).as_str().to_owned()).collect(),
            resolution_codes: codes.map(|code| Code::from(code).as_str().to_owned()).collect(),
            order: self.order.map(|order| order.trim().replace('\0', "")),
            search: self.search.map(|search| search.replace('\0', "")),
            received_from: self.received_from.map(|at| at.timestamp_micros()),
            received_to: self.received_to.map(|at| at.timestamp_micros()),
        })
    }
}

/// A page of what the caller may see, the newest first.
pub(super) async fn deliveries(
    context: &Context<'_>,
    cursors: (Option<String>, Option<String>),
    sizes: (Option<i32>, Option<i32>),
    filter: Option<DeliveryFilter>,
) -> async_graphql::Result<Connection<i64, Delivery>> {
    let service = context.data_unchecked::<Arc<Service>>();
    let filter = filter.unwrap_or_default().for_viewer(Viewer::of(context)?)?;
    page(cursors, sizes, |wanted| async move {
        let (limit, from_end) = (wanted.limit(), wanted.from_end);
        let window = Page { after: wanted.after, before: wanted.before, from_end, limit };
        let rows = delivery_log::page(&service.views, &filter, window).await?;
        Ok(rows.into_iter().map(|row| (row.listed_at, Delivery(row))).collect())
    })
    .await
}

/// Enough of a name to see whether it is the one that somebody means, and not enough to read it.
fn beginning(name: &str) -> String {
    let shown = if name.chars().count() >= 5 { 2 } else { 0 };
    name.chars().take(shown).chain(['…']).collect()
}

#[Object]
impl Delivery {
    async fn id(&self) -> ID {
        ID(self.0.id.clone())
    }

    async fn integration(&self, context: &Context<'_>) -> Result<Integration, ApiError> {
        self.integration_row(context).await
    }

    /// The store's own order id.
    async fn order_id(&self) -> &str {
        &self.0.order_id
    }

    /// The number that people see.
    async fn order_number(&self) -> Option<&str> {
        self.0.order_number.as_deref()
    }

    /// The customer's username. Of another account's delivery only its beginning: see `revealPersonalData`.
    #[expect(clippy::unused_async, reason = "resolvers are async by their macro")]
    async fn target_username(&self, context: &Context<'_>) -> Result<Option<String>, ApiError> {
        let owns = Viewer::of(context)?.owns(&self.0.account_id);
        Ok(self.0.username.as_ref().map(|name| if owns { name.clone() } else { beginning(name) }))
    }

    async fn status(&self) -> DeliveryStatus {
        Status::parse(&self.0.status).unwrap_or(Status::Queued).into()
    }

    async fn resolution_code(&self) -> Option<ResolutionCode> {
        self.code().map(ResolutionCode::from)
    }

    /// What to do about it, in a sentence a merchant understands.
    async fn resolution(&self) -> Option<&str> {
        self.code().map(Code::advice)
    }

    #[graphql(complexity = "5 * child_complexity + 1")]
    async fn items(&self, context: &Context<'_>) -> Result<Vec<DeliveryItem>, ApiError> {
        let mappings = self.integration_row(context).await?.0.mappings();
        let shared = self.0.shared_assets();
        Ok(self.0.line_items().into_iter().map(|item| DeliveryItem::of(item, &mappings, &shared)).collect())
    }

    async fn attempts(&self) -> i32 {
        int(self.0.attempts)
    }

    async fn next_attempt_at(&self) -> Option<DateTime<Utc>> {
        self.0.next_attempt_at.map(moment)
    }

    async fn credits_charged(&self) -> i32 {
        int(self.0.credits_charged)
    }

    async fn received_at(&self) -> DateTime<Utc> {
        moment(self.0.received_at)
    }

    async fn updated_at(&self) -> DateTime<Utc> {
        moment(self.0.updated_at)
    }

    async fn completed_at(&self) -> Option<DateTime<Utc>> {
        self.0.completed_at.map(moment)
    }

    /// For a duplicate: the delivery that was already there.
    async fn duplicate_of(&self, context: &Context<'_>) -> Result<Option<Delivery>, ApiError> {
        let Some(id) = &self.0.duplicate_of else {
            return Ok(None);
        };
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        Ok(loader.load_one(DeliveryKey(id.clone())).await?.map(Delivery))
    }

    /// The story so far, oldest first, one entry per event.
    #[graphql(complexity = "cost(first, None) * child_complexity + 1")]
    async fn timeline(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<i64, Event>> {
        let id = self.0.duplicate_of.as_ref().unwrap_or(&self.0.id);
        let reveals = Viewer::of(context)?.owns(&self.0.account_id);
        events(context, "delivery", id, after, first, reveals).await
    }
}

impl Delivery {
    fn code(&self) -> Option<Code> {
        self.0.resolution_code.as_deref().and_then(Code::parse)
    }

    async fn integration_row(&self, context: &Context<'_>) -> Result<Integration, ApiError> {
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        let found = loader.load_one(IntegrationKey(self.0.integration_id.clone())).await?;
        // The views are moved along one by one; an integration that is not there yet is about to be.
        found.map(Integration).ok_or(ApiError::Unavailable)
    }
}

#[derive(SimpleObject)]
pub(super) struct DeliveryItem {
    title: Option<String>,
    sku: Option<String>,
    quantity: i32,
    mapping: Option<ItemMapping>,
    /// When the last of its assets was shared.
    shared_at: Option<DateTime<Utc>>,
}

impl DeliveryItem {
    fn of(item: LineItem, mappings: &[Mapping], shared: &[SharedAsset]) -> Self {
        let found = mappings_for(&item, mappings);
        let moments: Option<Vec<i64>> = found
            .iter()
            .map(|mapping| shared.iter().find(|shared| shared.asset == mapping.asset).map(|shared| shared.shared_at))
            .collect();
        Self {
            quantity: i32::try_from(item.quantity).unwrap_or(i32::MAX),
            title: item.title,
            sku: item.sku,
            mapping: found.first().map(|mapping| (*mapping).clone().into()),
            shared_at: moments.and_then(|moments| moments.into_iter().max()).map(moment),
        }
    }
}
