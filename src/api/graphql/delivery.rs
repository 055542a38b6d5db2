//! Deliveries: the log that merchants read, filter and page through.

mod call;
mod item;
mod unread;

use std::sync::Arc;

use async_graphql::connection::Connection;
use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, ID, InputObject, Object};
use chrono::{DateTime, Utc};
use domain::ResolutionCode as Code;
use domain::delivery::DeliveryStatus as Status;
use event_log::{Position, Sequence};
use projections::delivery_log::{DeliveryRow, Filter, Page};

use super::ApiError;
use super::account::int;
use super::event::{Event, with_sequences};
use super::integration::Integration;
use super::loader::{DeliveryKey, IntegrationKey, Loader};
use super::moment::{Moment, moment};
use super::page::{Cursor, cost, page};
use super::viewer::{app_and_viewer, viewer_in};
use super::words::{DeliveryStatus, ResolutionCode};
use crate::app::deliveries::{items, resolution, unread_change};

use call::CortexCall;
use item::DeliveryItem;
use unread::UnreadChange;

/// What a delivery at a moment costs, in fields: it is folded from its events.
pub(super) const AS_OF_COST: usize = 1_000;

/// One order's fulfilment, or a duplicate of one.
pub(super) struct Delivery {
    row: Arc<DeliveryRow>,
    /// Where it is shown as it was at a moment.
    as_of: Option<DateTime<Utc>>,
}

impl From<Arc<DeliveryRow>> for Delivery {
    fn from(row: Arc<DeliveryRow>) -> Self {
        Self { row, as_of: None }
    }
}

impl From<DeliveryRow> for Delivery {
    fn from(row: DeliveryRow) -> Self {
        Arc::new(row).into()
    }
}

/// Which deliveries are wanted; what is left out restricts nothing.
#[derive(InputObject, Default)]
pub(super) struct DeliveryFilter {
    pub(super) status: Option<Vec<DeliveryStatus>>,
    pub(super) resolution_code: Option<Vec<ResolutionCode>>,
    pub(super) integration_id: Option<ID>,
    /// Support and admin only: of this account. Without it they get those of every account.
    pub(super) account_id: Option<ID>,
    /// The store's id or number of one order, with or without its `#`; exact.
    pub(super) order: Option<String>,
    /// Order id, order number or, of the caller's own customers, username; exact or the beginning of one. The
    /// deliveries of a customer of another account: `findCustomer`, with a reason.
    pub(super) search: Option<String>,
    pub(super) received_from: Option<Moment>,
    pub(super) received_to: Option<Moment>,
    /// Only deliveries with something bought that no mapping was found for.
    pub(super) unmapped: Option<bool>,
    /// Only deliveries whose order could not be read at its store when that was last tried.
    pub(super) unread: Option<bool>,
}

impl From<DeliveryFilter> for Filter {
    fn from(filter: DeliveryFilter) -> Self {
        let statuses = filter.status.unwrap_or_default().into_iter();
        let codes = filter.resolution_code.unwrap_or_default().into_iter();
        Self {
            account_id: filter.account_id.map(String::from),
            integration_id: filter.integration_id.map(String::from),
            statuses: statuses.map(|status| Status::from(status).as_str().to_owned()).collect(),
            resolution_codes: codes.map(|code| Code::from(code).as_str().to_owned()).collect(),
            order: filter.order,
            search: filter.search,
            received_from: filter.received_from.map(|at| at.0.timestamp_micros()),
            received_to: filter.received_to.map(|at| at.0.timestamp_micros()),
            unmapped: filter.unmapped.unwrap_or(false),
            unread: filter.unread.unwrap_or(false),
            ..Self::default()
        }
    }
}

/// A page of what the caller may see, the newest first.
pub(super) async fn deliveries(
    context: &Context<'_>,
    cursors: (Option<String>, Option<String>),
    sizes: (Option<i32>, Option<i32>),
    filter: Option<DeliveryFilter>,
) -> async_graphql::Result<Connection<Cursor<Position>, Delivery>> {
    let (app, viewer) = app_and_viewer(context)?;
    let filter = Filter::from(filter.unwrap_or_default());
    page(cursors, sizes, |wanted| async move {
        let (limit, from_end) = (wanted.limit(), wanted.from_end);
        let window = Page { after: wanted.after, before: wanted.before, from_end, limit };
        let rows = app.deliveries.page(viewer, filter, window).await?;
        Ok(rows.into_iter().map(|row| (row.listed_at, row.into())).collect())
    })
    .await
}

#[Object]
impl Delivery {
    async fn id(&self) -> ID {
        ID(self.row.id.clone())
    }

    async fn integration(&self, context: &Context<'_>) -> Result<Integration, ApiError> {
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        let found = loader.load_one(IntegrationKey(self.row.integration_id.clone())).await?;
        // The views move together, in one transaction: a delivery without its integration is an inconsistency.
        found.map(Integration).ok_or(ApiError::Unavailable)
    }

    /// The store's own order id.
    async fn order_id(&self) -> &str {
        &self.row.order_id
    }

    /// The number that people see.
    async fn order_number(&self) -> Option<&str> {
        self.row.order_number.as_deref()
    }

    /// The customer's username. Of another account's delivery only its beginning: see `revealPersonalData`.
    #[expect(clippy::unused_async, reason = "resolvers are async by their macro")]
    async fn target_username(&self, context: &Context<'_>) -> Result<Option<String>, ApiError> {
        let viewer = viewer_in(context)?;
        Ok(self.row.username().map(|name| viewer.shown_username(&self.row.account_id, name)))
    }

    /// Of a delivery of the caller's own account, until it is erased; null for every other caller: see
    /// `revealPersonalData`.
    #[graphql(complexity = 20)]
    async fn customer_email(&self, context: &Context<'_>) -> Result<Option<String>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        Ok(app.deliveries.customer_email(viewer, &self.row).await?)
    }

    async fn status(&self) -> DeliveryStatus {
        self.row.status().into()
    }

    async fn resolution_code(&self) -> Option<ResolutionCode> {
        self.row.resolution_code().map(ResolutionCode::from)
    }

    /// What to do about it, in a sentence or two a merchant understands.
    #[expect(clippy::unused_async, reason = "resolvers are async by their macro")]
    async fn resolution(&self, context: &Context<'_>) -> Result<Option<String>, ApiError> {
        Ok(resolution(viewer_in(context)?, &self.row))
    }

    /// A change that the store announced and that could not be read there, while the delivery waits for something else or for
    /// nothing. Null where nothing is unread, or where the resolution code says it.
    async fn unread_change(&self) -> Option<UnreadChange> {
        unread_change(&self.row).map(UnreadChange::from)
    }

    /// What Cortex Cloud returned to the call that led to this status, where one did.
    async fn last_call(&self) -> Option<CortexCall> {
        self.row.summary().reason.call.clone().map(CortexCall::from)
    }

    /// What was ordered, as the store last reported it, and what was planned and shared for it. From recorded events: what
    /// is mapped today changes nothing here.
    #[graphql(complexity = "5 * child_complexity + 1")]
    async fn items(&self, context: &Context<'_>) -> Result<Vec<DeliveryItem>, ApiError> {
        let viewer = viewer_in(context)?;
        // What became of them is known of the delivery, and not of a duplicate of it.
        let original = self.original(context).await?;
        let row = original.as_ref().map_or(&self.row, |original| &original.row);
        Ok(items(viewer, row).into_iter().map(DeliveryItem::from).collect())
    }

    /// Whether something was bought that no mapping was found for.
    async fn unmapped(&self) -> bool {
        self.row.is_unmapped()
    }

    async fn attempts(&self) -> i32 {
        int(self.row.summary().attempts.into())
    }

    async fn next_attempt_at(&self) -> Option<Moment> {
        self.row.next_attempt_at().map(moment)
    }

    /// The moment before which nothing happens by itself: the next try, the end of the time for which a worker holds it, or
    /// when the account's pace allows the next attempt. Nothing where it waits for no moment.
    #[graphql(complexity = 50)]
    async fn waits_until(&self, context: &Context<'_>) -> Result<Option<Moment>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        if self.as_of.is_some() {
            return Ok(None);
        }
        Ok(app.deliveries.waits_until(viewer, &self.row).await?.map(Moment))
    }

    async fn credits_charged(&self) -> i32 {
        int(self.row.summary().charged.0.try_into().unwrap_or(i64::MAX))
    }

    async fn received_at(&self) -> Moment {
        moment(self.row.received_at)
    }

    async fn updated_at(&self) -> Moment {
        moment(self.row.updated_at)
    }

    async fn completed_at(&self) -> Option<Moment> {
        self.row.completed_at.map(moment)
    }

    /// For a duplicate: the delivery that was already there.
    async fn duplicate_of(&self, context: &Context<'_>) -> Result<Option<Delivery>, ApiError> {
        self.original(context).await
    }

    /// The story so far, oldest first, one entry per event.
    #[graphql(complexity = "cost(first, None) * child_complexity + 1")]
    async fn timeline(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<Cursor<Sequence>, Event>> {
        let (app, viewer) = app_and_viewer(context)?;
        page((after, None), (first, None), |wanted| async move {
            let place = (wanted.after.unwrap_or_default(), wanted.limit());
            Ok(with_sequences(app.deliveries.timeline(viewer, &self.row, self.as_of, place).await?))
        })
        .await
    }
}

impl Delivery {
    /// A delivery as it was at a moment; none where it was not there yet.
    pub(super) async fn at(
        context: &Context<'_>,
        row: &DeliveryRow,
        as_of: DateTime<Utc>,
    ) -> Result<Option<Self>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let then = app.deliveries.as_of(viewer, row, as_of).await?;
        Ok(then.map(|row| Self { row: Arc::new(row), as_of: Some(as_of) }))
    }

    /// Of a duplicate, the delivery that it repeats.
    async fn original(&self, context: &Context<'_>) -> Result<Option<Self>, ApiError> {
        let Some(id) = &self.row.duplicate_of else { return Ok(None) };
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        let Some(row) = loader.load_one(DeliveryKey(id.clone())).await? else { return Ok(None) };
        match self.as_of {
            Some(as_of) => Self::at(context, &row, as_of).await,
            None => Ok(Some(row.into())),
        }
    }
}
