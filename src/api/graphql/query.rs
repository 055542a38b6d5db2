//! What can be asked. Each query reads its arguments, calls a use case (`src/app/`) and shows what came of it: who may see
//! what is decided there.

use async_graphql::connection::Connection;
use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, ID, Object};
use commerce::CommerceEventType;
use domain::integration::Provider as DomainProvider;
use event_log::parked;
use event_log::{Position, Sequence};
use projections::commerce::products::Start;
use strum::IntoEnumIterator as _;

use super::ApiError;
use super::account::Account;
use super::action::{OperatorAction, OperatorActionFilter};
use super::caller::Caller;
use super::commerce_event::{CommerceEvent, CommerceEventFilter, EventCursor, EventType};
use super::data_request::{DataRequest, DataRequestFilter};
use super::delivery::{AS_OF_COST, Delivery, DeliveryFilter, deliveries};
use super::dispatch::{Dispatch, DispatchCursor, DispatchFilter};
use super::endpoint::Endpoint;
use super::event::{Event, with_sequences};
use super::identifiers::{IdKind, ShortId};
use super::instance::Instance;
use super::integration::Integration;
use super::loader::{DeliveryKey, IntegrationKey, Loader};
use super::master_key::MasterKeyRotation;
use super::moment::Moment;
use super::page::{Cursor, cost, page, with_fields};
use super::process::{self, ParkedEvent, Process};
use super::product::{Completeness, Product, ProductFilter};
use super::projection::Projection;
use super::receipt::{WebhookReceipt, WebhookReceiptFilter};
use super::replay::Replay;
use super::stats::DeliveryStatsBucket;
use super::viewer::app_and_viewer;
use super::words::{Bucket, Provider};
use crate::app::deliveries::StatsRequest;
use crate::app::receipts::ListPosition;

pub struct Query;

#[Object]
impl Query {
    /// The calling key, its role and its account.
    #[expect(clippy::unused_async, reason = "resolvers are async by their macro")]
    async fn caller(&self, context: &Context<'_>) -> Result<Caller, ApiError> {
        Ok(app_and_viewer(context)?.1.into())
    }

    /// The account that the caller's key belongs to.
    async fn account(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Support and admin only: another account.")] id: Option<ID>,
    ) -> Result<Account, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let id = id.as_deref().map(String::as_str);
        Ok(app.accounts.find(viewer, id).await?.into())
    }

    /// The ids that begin with a text of 8 characters or more, ten at most: of what the caller may see.
    #[graphql(complexity = "10")]
    async fn ids_beginning(&self, context: &Context<'_>, kind: IdKind, text: String) -> Result<Vec<ID>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let found = app.identifiers.beginning_with(viewer, kind.into(), &text).await?;
        Ok(found.into_iter().map(ID).collect())
    }

    /// For lists that people read: how each id can be shortened so that it still names one thing only. 100 at most.
    #[graphql(complexity = "100 + child_complexity")]
    async fn short_ids(&self, context: &Context<'_>, kind: IdKind, ids: Vec<ID>) -> Result<Vec<ShortId>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let ids: Vec<String> = ids.into_iter().map(|id| id.replace('\0', "")).collect();
        let shortened = app.identifiers.shortened(viewer, kind.into(), &ids).await?;
        Ok(shortened.into_iter().map(ShortId::from).collect())
    }

    /// Support and admin only: every account, the oldest first.
    #[graphql(complexity = "cost(first, None) * child_complexity + 1")]
    async fn accounts(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<Cursor<Position>, Account>> {
        let (app, viewer) = app_and_viewer(context)?;
        page((after, None), (first, None), |wanted| async move {
            let rows = app.accounts.page(viewer, wanted.after.unwrap_or_default(), wanted.limit()).await?;
            Ok(rows.into_iter().map(|row| (row.listed_at, Account::from(row))).collect())
        })
        .await
    }

    async fn integration(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its id, or the beginning of it: 8 characters or more that no other id begins with.")] id: ID,
    ) -> Result<Option<Integration>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        let read = |id| async { Ok(loader.load_one(IntegrationKey(id)).await?) };
        Ok(app.integrations.find(viewer, id.0, read).await?.map(Integration))
    }

    #[graphql(complexity = "cost(first, None) * child_complexity + 1")]
    async fn integrations(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        provider: Option<Provider>,
        #[graphql(desc = "Support and admin only: of this account; without it, of all.")] account_id: Option<ID>,
    ) -> async_graphql::Result<Connection<Cursor<Position>, Integration>> {
        let (app, viewer) = app_and_viewer(context)?;
        let (account_id, provider) = (account_id.map(String::from), provider.map(DomainProvider::from));
        page((after, None), (first, None), |wanted| async move {
            let place = (wanted.after.unwrap_or_default(), wanted.limit());
            let rows = app.integrations.page(viewer, account_id, provider, place).await?;
            Ok(rows.into_iter().map(|row| (row.listed_at, Integration::from(row))).collect())
        })
        .await
    }

    #[graphql(complexity = "if as_of.is_some() { AS_OF_COST + child_complexity } else { child_complexity + 1 }")]
    async fn delivery(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its id, or the beginning of it: 8 characters or more that no other id begins with.")] id: ID,
        #[graphql(desc = "The delivery as it was at this moment, folded from its events.")] as_of: Option<Moment>,
    ) -> Result<Option<Delivery>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        let read = |id| async { Ok(loader.load_one(DeliveryKey(id)).await?) };
        let now = app.deliveries.find(viewer, id.0, read).await?;
        match (&now, as_of) {
            (Some(row), Some(as_of)) => Delivery::at(context, row, as_of.0).await,
            _ => Ok(now.map(Delivery::from)),
        }
    }

    #[graphql(complexity = "cost(first, last) * child_complexity + 1")]
    async fn deliveries(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
        filter: Option<DeliveryFilter>,
    ) -> async_graphql::Result<Connection<Cursor<Position>, Delivery>> {
        deliveries(context, (after, before), (first, last), filter).await
    }

    /// Counts over time for charts; at most 400 buckets. Of the caller's own account; support and admin may name any
    /// integration, or any account.
    #[graphql(complexity = "400 + child_complexity")]
    async fn delivery_stats(
        &self,
        context: &Context<'_>,
        from: Moment,
        to: Moment,
        bucket: Bucket,
        integration_id: Option<ID>,
        #[graphql(desc = "Support and admin only: of another account.")] account_id: Option<ID>,
    ) -> Result<Vec<DeliveryStatsBucket>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let request = StatsRequest {
            from: from.0,
            to: to.0,
            bucket: bucket.into(),
            account_id: account_id.map(String::from),
            integration_id: integration_id.map(|id| id.replace('\0', "")),
        };
        let buckets = app.deliveries.stats(viewer, request).await?;
        Ok(buckets.into_iter().map(DeliveryStatsBucket::from).collect())
    }

    /// Every webhook that reached us for this account, the refused ones too. For support and admin those of every account,
    /// unless the filter names an account or an integration.
    #[graphql(complexity = "cost(first, None) * child_complexity + 1")]
    async fn webhook_receipts(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        filter: Option<WebhookReceiptFilter>,
    ) -> async_graphql::Result<Connection<Cursor<ListPosition>, WebhookReceipt>> {
        let (app, viewer) = app_and_viewer(context)?;
        let filter = filter.unwrap_or_default().into();
        page((after, None), (first, None), |wanted| async move {
            let rows = app.receipts.page(viewer, filter, (wanted.after.as_ref(), wanted.limit())).await?;
            Ok(rows.into_iter().map(|receipt| (receipt.position(), receipt.into())).collect())
        })
        .await
    }

    /// What happened in stores and here, as subscribers get it, the newest first. Of the caller's own account; support and
    /// admin see all.
    #[graphql(complexity = "cost(first, None) * child_complexity + 1")]
    async fn commerce_events(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        filter: Option<CommerceEventFilter>,
    ) -> async_graphql::Result<Connection<Cursor<EventCursor>, CommerceEvent>> {
        let (app, viewer) = app_and_viewer(context)?;
        let filter = filter.unwrap_or_default().try_into()?;
        page((after, None), (first, None), |wanted| async move {
            let before = wanted.after.as_ref().map(|EventCursor(place)| *place);
            let rows = app.commerce_events.page(viewer, filter, (before, wanted.limit())).await?;
            Ok(rows.into_iter().map(|row| (EventCursor(row.list_position()), row.into())).collect())
        })
        .await
    }

    async fn commerce_event(&self, context: &Context<'_>, id: ID) -> Result<Option<CommerceEvent>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        Ok(app.commerce_events.find(viewer, &id).await?.map(CommerceEvent::from))
    }

    /// What was sent to which endpoint, or is to be, that of the newest events first. Of the caller's own account; support and
    /// admin see all.
    #[graphql(complexity = "cost(first, None) * child_complexity + 1")]
    async fn dispatches(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        filter: Option<DispatchFilter>,
    ) -> async_graphql::Result<Connection<Cursor<DispatchCursor>, Dispatch>> {
        let (app, viewer) = app_and_viewer(context)?;
        let filter = filter.unwrap_or_default().try_into()?;
        page((after, None), (first, None), |wanted| async move {
            let before = wanted.after.as_ref().map(|DispatchCursor(place)| place.clone());
            let entries = app.dispatches.page(viewer, filter, (before, wanted.limit())).await?;
            Ok(entries.into_iter().map(|entry| (DispatchCursor(entry.place()), entry.into())).collect())
        })
        .await
    }

    async fn dispatch(&self, context: &Context<'_>, id: ID) -> Result<Option<Dispatch>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        Ok(app.dispatches.find(viewer, &id).await?.map(Dispatch::from))
    }

    /// An endpoint, a deleted one too.
    async fn endpoint(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its id, or the beginning of it: 8 characters or more that no other id begins with.")] id: ID,
    ) -> Result<Option<Endpoint>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        Ok(app.endpoints.find(viewer, id.0).await?.map(Endpoint::from))
    }

    /// What commerce events are sent to, the oldest first. Of the caller's own account; support and admin see all.
    #[graphql(complexity = "cost(first, None) * child_complexity + 1")]
    async fn endpoints(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        #[graphql(desc = "Support and admin only: of this account; without it, of all.")] account_id: Option<ID>,
        #[graphql(desc = "Deleted ones too.", default)] with_deleted: bool,
    ) -> async_graphql::Result<Connection<Cursor<Position>, Endpoint>> {
        let (app, viewer) = app_and_viewer(context)?;
        let wanted_of = (account_id.map(String::from), with_deleted);
        page((after, None), (first, None), |wanted| async move {
            let place = (wanted.after.unwrap_or_default(), wanted.limit());
            let rows = app.endpoints.page(viewer, wanted_of, place).await?;
            Ok(rows.into_iter().map(|row| (row.listed_at, Endpoint::from(row))).collect())
        })
        .await
    }

    /// An instance, by its id in the instances API.
    async fn instance(&self, context: &Context<'_>, number: i32) -> Result<Option<Instance>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let Ok(number) = number.try_into() else { return Ok(None) };
        Ok(app.instances.row(viewer, number).await?.and_then(Instance::of))
    }

    /// Instances, the oldest first. Of the caller's own account; support and admin see all.
    #[graphql(complexity = "cost(first, None) * child_complexity + 1")]
    async fn instances(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        #[graphql(desc = "Support and admin only: of this account; without it, of all.")] account_id: Option<ID>,
    ) -> async_graphql::Result<Connection<Cursor<Position>, Instance>> {
        let (app, viewer) = app_and_viewer(context)?;
        page((after, None), (first, None), |wanted| async move {
            let place = (wanted.after.unwrap_or_default(), wanted.limit());
            let rows = app.instances.page(viewer, account_id.map(String::from), place).await?;
            Ok(rows.into_iter().filter_map(|row| Some((row.listed_at, Instance::of(row)?))).collect())
        })
        .await
    }

    /// The products of integrations that publish, as their stores reported them last, in the order of their first reports: a
    /// change moves none of them. Of the caller's own account; support and admin see all.
    #[graphql(complexity = "cost(first, None) * child_complexity + 1")]
    async fn products(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        filter: Option<ProductFilter>,
    ) -> async_graphql::Result<Connection<Cursor<Position>, Product, Completeness>> {
        let (app, viewer) = app_and_viewer(context)?;
        // Before the list is read: what that misses is after this.
        let complete_to = app.products.complete_to().await.map_err(ApiError::from)?;
        let filter = filter.unwrap_or_default().read(complete_to)?;
        let found = page((after, None), (first, None), |wanted| async move {
            let start = Start::After(wanted.after.unwrap_or(Position::START));
            let rows = app.products.page(viewer, filter, (start, wanted.limit())).await?;
            Ok(rows.into_iter().map(|row| (row.listed_at, row.into())).collect())
        });
        Ok(with_fields(found.await?, complete_to.into()))
    }

    /// What became of a shopping conversation: the checkouts, orders and deliveries that name it. The newest 100 of these events, the
    /// oldest of them first; `commerceEvents` with the filter `sessionId` has all.
    #[graphql(complexity = "100 * child_complexity + 1")]
    async fn session(
        &self,
        context: &Context<'_>,
        id: String,
        #[graphql(desc = "Support and admin only: of another account.")] account_id: Option<ID>,
    ) -> Result<Vec<CommerceEvent>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let account_id = account_id.map(String::from);
        let rows = app.commerce_events.of_session(viewer, &id, account_id).await?;
        Ok(rows.into_iter().map(CommerceEvent::from).collect())
    }

    /// Every type of commerce events, with its schema and a sample.
    #[graphql(complexity = "30 * child_complexity + 1")]
    #[expect(clippy::unused_async, reason = "resolvers are async by their macro")]
    async fn event_types(&self, context: &Context<'_>) -> Result<Vec<EventType>, ApiError> {
        app_and_viewer(context)?;
        Ok(CommerceEventType::iter().map(EventType::from).collect())
    }

    /// Support and admin only: any event stream, by the ids used in the log.
    #[graphql(complexity = "cost(first, None) * child_complexity + 1")]
    async fn event_stream(
        &self,
        context: &Context<'_>,
        aggregate_type: String,
        aggregate_id: ID,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<Cursor<Sequence>, Event>> {
        let (app, viewer) = app_and_viewer(context)?;
        let (kind, id) = (aggregate_type.replace('\0', ""), aggregate_id.replace('\0', ""));
        page((after, None), (first, None), |wanted| async move {
            let place = (wanted.after.unwrap_or_default(), wanted.limit());
            Ok(with_sequences(app.events.stream(viewer, (&kind, &id), place).await?))
        })
        .await
    }

    /// Admin only: how far everything is sealed by the present master key.
    async fn master_key_rotation(&self, context: &Context<'_>) -> Result<MasterKeyRotation, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        Ok(app.administration.master_key_rotation(viewer).await?.into())
    }

    /// A replay, while it goes on and after it.
    async fn replay(&self, context: &Context<'_>, id: ID) -> Result<Option<Replay>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        Ok(app.replays.seen_by(viewer, &id).await?.map(Replay::from))
    }

    /// What was done with API keys, the newest first: in the caller's own account; support and admin see all.
    #[graphql(complexity = "cost(first, None) * child_complexity + 1")]
    async fn operator_actions(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        filter: Option<OperatorActionFilter>,
    ) -> async_graphql::Result<Connection<Cursor<Position>, OperatorAction>> {
        let (app, viewer) = app_and_viewer(context)?;
        let filter = filter.unwrap_or_default().into();
        page((after, None), (first, None), |wanted| async move {
            let rows = app.operator_actions.page(viewer, filter, (wanted.after, wanted.limit())).await?;
            Ok(rows.into_iter().map(|action| (action.row.position, action.into())).collect())
        })
        .await
    }

    /// What stores asked by law: what is known of a customer, the newest first. Answer each within 30 days, with
    /// exportPersonalData. In the caller's own account; support and admin see all.
    #[graphql(complexity = "cost(first, None) * child_complexity + 1")]
    async fn data_requests(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        filter: Option<DataRequestFilter>,
    ) -> async_graphql::Result<Connection<Cursor<Position>, DataRequest>> {
        let (app, viewer) = app_and_viewer(context)?;
        let filter = filter.unwrap_or_default().into();
        page((after, None), (first, None), |wanted| async move {
            let rows = app.data_requests.page(viewer, filter, (wanted.after, wanted.limit())).await?;
            Ok(rows.into_iter().map(|request| (request.row.listed_at, request.into())).collect())
        })
        .await
    }

    /// Support and admin only: where each view stands.
    async fn projections(&self, context: &Context<'_>) -> Result<Vec<Projection>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        Ok(app.administration.views(viewer).await?.into_iter().map(Projection::from).collect())
    }

    /// Admin only: where each process manager stands.
    async fn processes(&self, context: &Context<'_>) -> Result<Vec<Process>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        Ok(app.administration.process_managers(viewer).await?.into_iter().map(Process::from).collect())
    }

    /// Admin only: the events that process managers could not handle and try again, in their order.
    #[graphql(complexity = "cost(first, None) * child_complexity + 1")]
    async fn parked_events(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        #[graphql(desc = "Those of this process manager; without it, of all.")] process: Option<String>,
    ) -> async_graphql::Result<Connection<Cursor<process::ListPosition>, ParkedEvent>> {
        let (app, viewer) = app_and_viewer(context)?;
        page((after, None), (first, None), |wanted| async move {
            let after =
                wanted.after.as_ref().map(|process::ListPosition(position, process)| (*position, process.as_str()));
            let rows = app.administration.parked_events(viewer, process.as_deref(), (after, wanted.limit())).await?;
            let place = |row: &parked::ParkedEvent| process::ListPosition(row.position, row.process.clone());
            Ok(rows.into_iter().map(|row| (place(&row), row.into())).collect())
        })
        .await
    }
}
