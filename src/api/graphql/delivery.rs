//! Deliveries: the log that merchants read, filter and page through.

mod call;
mod item;
mod resolution;

use std::sync::Arc;

use async_graphql::connection::Connection;
use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, ID, InputObject, Object};
use chrono::{DateTime, Utc};
use domain::ResolutionCode as Code;
use domain::account::Account;
use domain::delivery::{Delivery as Aggregate, DeliveryStatus as Status, Order};
use event_log::recorded::Recorded;
use event_log::{Position, Sequence};
use projections::delivery_log::{self, DeliveryRow, Filter, Page};

use super::ApiError;
use super::account::int;
use super::customer_email::customer_email;
use super::event::{Event, events};
use super::integration::Integration;
use super::loader::{DeliveryKey, IntegrationKey, Loader};
use super::moment::{Moment, moment};
use super::page::{Cursor, cost, page};
use super::viewer::viewer_in;
use super::words::{DeliveryStatus, ResolutionCode};
use crate::app::App;
use crate::app::Viewer;
use event_log::rates::{self, Rate};

use tokio::sync::Semaphore;

use call::CortexCall;
use item::DeliveryItem;

/// Stories that are folded to a moment of the past at a time.
const PAST_AT_A_TIME: usize = 2;
/// Longer streams are not folded to a moment.
const MAX_FOLDED_EVENTS: usize = 20_000;
const FOLDED_AT_A_TIME: i64 = 500;
/// What a delivery at a moment costs, in fields: it is folded from its events.
pub(super) const AS_OF_COST: usize = 1_000;

/// Places for reading what was, of all callers together.
pub(super) struct PastReads(Semaphore);

impl Default for PastReads {
    fn default() -> Self {
        Self(Semaphore::new(PAST_AT_A_TIME))
    }
}

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

/// A row of the log as it was at a moment, folded from the events until then.
pub(super) async fn delivery_as_of(
    context: &Context<'_>,
    row: &DeliveryRow,
    as_of: DateTime<Utc>,
) -> Result<Option<Delivery>, ApiError> {
    let app = context.data_unchecked::<Arc<App>>();
    let stream = row.duplicate_of.as_ref().unwrap_or(&row.id);
    // However many a request asks for, they leave the connections to others.
    let _place = context.data_unchecked::<PastReads>().0.acquire().await.map_err(|_| ApiError::Unavailable)?;
    let mut until: Vec<Recorded> = vec![];
    while until.len() < MAX_FOLDED_EVENTS {
        let after = until.last().map_or(Sequence::START, |event| event.sequence);
        if !after.is_start() {
            // The first page is in the cost of the request; how many more there are is known only now.
            app.api_keys.admit(viewer_in(context)?, 1).await?;
        }
        let page = app.core.log.recorded_of("delivery", stream, after, FOLDED_AT_A_TIME).await?;
        until.extend(page.into_iter().take_while(|event| event.recorded_at <= as_of));
        // The page was the last of the stream, or has events of later than the moment.
        if until.last().is_none_or(|last| last.sequence < after.plus(FOLDED_AT_A_TIME)) {
            break;
        }
    }
    Ok(delivery_log::folded(&until, &row.id).map(|row| Delivery { row: Arc::new(row), as_of: Some(as_of) }))
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
        let account_id = match self.account_id {
            None => viewer.scope(),
            Some(id) if viewer.sees(&id) => Some(id.replace('\0', "")),
            Some(_) => return Err(ApiError::Forbidden),
        };
        // Support sees the orders of all accounts, and reads usernames with a reason only.
        let search_names = account_id.as_deref().is_some_and(|id| viewer.owns(id));
        Ok(Filter {
            search_names,
            account_id,
            integration_id: self.integration_id.map(|id| id.0),
            statuses: statuses.map(|status| Status::from(status).as_str().to_owned()).collect(),
            resolution_codes: codes.map(|code| Code::from(code).as_str().to_owned()).collect(),
            order: self.order.map(|order| order.trim().replace('\0', "")),
            search: self.search.map(|search| search.replace('\0', "")),
            received_from: self.received_from.map(|at| at.0.timestamp_micros()),
            received_to: self.received_to.map(|at| at.0.timestamp_micros()),
            unmapped: self.unmapped.unwrap_or(false),
        })
    }
}

/// A page of what the caller may see, the newest first.
pub(super) async fn deliveries(
    context: &Context<'_>,
    cursors: (Option<String>, Option<String>),
    sizes: (Option<i32>, Option<i32>),
    filter: Option<DeliveryFilter>,
) -> async_graphql::Result<Connection<Cursor<Position>, Delivery>> {
    let app = context.data_unchecked::<Arc<App>>();
    let filter = filter.unwrap_or_default().for_viewer(viewer_in(context)?)?;
    page(cursors, sizes, |wanted| async move {
        let (limit, from_end) = (wanted.limit(), wanted.from_end);
        let window = Page { after: wanted.after, before: wanted.before, from_end, limit };
        let rows = delivery_log::page(&app.core.views, &filter, window).await?;
        Ok(rows.into_iter().map(|row| (row.listed_at, row.into())).collect())
    })
    .await
}

/// Enough of a name to see whether it is the expected one, and not enough to read it.
fn beginning(name: &str) -> String {
    let shown = if name.chars().count() >= 5 { 2 } else { 0 };
    name.chars().take(shown).chain(['…']).collect()
}

#[Object]
impl Delivery {
    async fn id(&self) -> ID {
        ID(self.row.id.clone())
    }

    async fn integration(&self, context: &Context<'_>) -> Result<Integration, ApiError> {
        self.integration_row(context).await
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
        let owns = viewer_in(context)?.owns(&self.row.account_id);
        Ok(self.row.username().map(|name| if owns { name.to_owned() } else { beginning(name) }))
    }

    /// Of a delivery of the caller's own account, until it is erased; null for every other caller: see
    /// `revealPersonalData`.
    #[graphql(complexity = 20)]
    async fn customer_email(&self, context: &Context<'_>) -> Result<Option<String>, ApiError> {
        let (app, viewer) = (context.data_unchecked::<Arc<App>>(), viewer_in(context)?);
        let stream = self.row.duplicate_of.as_ref().unwrap_or(&self.row.id);
        customer_email(app, viewer, &self.row.account_id, stream).await
    }

    async fn status(&self) -> DeliveryStatus {
        self.row.status().into()
    }

    async fn resolution_code(&self) -> Option<ResolutionCode> {
        self.code().map(ResolutionCode::from)
    }

    /// What to do about it, in a sentence or two a merchant understands.
    #[expect(clippy::unused_async, reason = "resolvers are async by their macro")]
    async fn resolution(&self, context: &Context<'_>) -> Result<Option<String>, ApiError> {
        let owns = viewer_in(context)?.owns(&self.row.account_id);
        let username = self.row.username().map(|name| if owns { name.to_owned() } else { beginning(name) });
        let has_items = !self.row.summary().lines.current.is_empty();
        let is_given_up = self.row.status() == Status::FailedPermanent;
        let case = resolution::Case {
            reason: &self.row.summary().reason,
            username: username.as_deref(),
            has_items,
            is_given_up,
        };
        Ok(self.code().map(|code| case.resolution(code)))
    }

    /// What Cortex Cloud returned to the call that led to this status, where one did.
    async fn last_call(&self) -> Option<CortexCall> {
        self.row.summary().reason.call.clone().map(CortexCall::from)
    }

    /// What was ordered, as the store last reported it, and what was planned and shared for it. From recorded events: what
    /// is mapped today changes nothing here.
    #[graphql(complexity = "5 * child_complexity + 1")]
    async fn items(&self, context: &Context<'_>) -> Result<Vec<DeliveryItem>, ApiError> {
        let owns = viewer_in(context)?.owns(&self.row.account_id);
        let shown = |name: &str| if owns { name.to_owned() } else { beginning(name) };
        // What became of them is known of the delivery, and not of a duplicate of it.
        let original = self.original(context).await?;
        Ok(DeliveryItem::of(original.as_ref().map_or(&self.row, |original| &original.row), shown))
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
        if !matches!(self.row.status(), Status::Queued | Status::Running | Status::RetryScheduled)
            || self.as_of.is_some()
        {
            return Ok(None);
        }
        let app = context.data_unchecked::<Arc<App>>();
        let delivery = app.core.log.load::<Aggregate>(&self.row.id).await?.aggregate;
        if let Some(until) = delivery.order().and_then(Order::waits_until) {
            return Ok(Some(Moment(until)));
        }
        let account = app.core.log.current::<Account>(&self.row.account_id).await?;
        let (Some(merchant), Ok(account_id)) = (account.aggregate.merchant(), self.row.account_id.parse()) else {
            return Ok(None);
        };
        let (rate, now) = (Rate::Attempts(account_id), app.core.now());
        Ok(rates::next_at(&app.core.log, rate, merchant.attempts_per_minute, now).await?.map(Moment))
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
        let id = self.row.duplicate_of.as_ref().unwrap_or(&self.row.id);
        let reveals = viewer_in(context)?.owns(&self.row.account_id);
        events(context, ("delivery", id), self.as_of, (after, first), reveals).await
    }
}

impl Delivery {
    /// Of a duplicate, the delivery that it repeats.
    async fn original(&self, context: &Context<'_>) -> Result<Option<Self>, ApiError> {
        let Some(id) = &self.row.duplicate_of else { return Ok(None) };
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        let Some(row) = loader.load_one(DeliveryKey(id.clone())).await? else { return Ok(None) };
        match self.as_of {
            Some(as_of) => delivery_as_of(context, &row, as_of).await,
            None => Ok(Some(row.into())),
        }
    }

    fn code(&self) -> Option<Code> {
        self.row.resolution_code()
    }

    async fn integration_row(&self, context: &Context<'_>) -> Result<Integration, ApiError> {
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        let found = loader.load_one(IntegrationKey(self.row.integration_id.clone())).await?;
        // The views are moved along one by one; an integration that is not there yet is about to be.
        found.map(Integration).ok_or(ApiError::Unavailable)
    }
}
