//! What can be asked.

use async_graphql::connection::Connection;
use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, ID, Object};
use domain::account::Role;
use domain::integration::Provider as DomainProvider;
use event_log::{Position, Sequence};
use projections::delivery_stats::{self, Counts};
use projections::identifiers::Kind;
use projections::{accounts, integrations};

use super::ApiError;
use super::account::Account;
use super::action::{OperatorAction, OperatorActionFilter, actions};
use super::caller::Caller;
use super::data_request::{DataRequest, DataRequestFilter, requests};
use super::delivery::{AS_OF_COST, Delivery, DeliveryFilter, deliveries, delivery_as_of};
use super::event::{Event, events};
use super::identifiers::{self, IdKind, ShortId};
use super::integration::Integration;
use super::loader::{DeliveryKey, IntegrationKey, Loader};
use super::master_key::MasterKeyRotation;
use super::moment::Moment;
use super::page::{Cursor, cost, page};
use super::process::{self, ParkedEvent, Process, parked_events};
use super::projection::Projection;
use super::receipt::{Place, WebhookReceipt, WebhookReceiptFilter, receipts};
use super::replay::Replay;
use super::stats::DeliveryStatsBucket;
use super::viewer::asked;
use super::words::{Bucket, Provider};

const MAX_BUCKETS: i64 = 400;

pub struct Query;

#[Object]
impl Query {
    /// The calling key, its role and its account.
    #[expect(clippy::unused_async, reason = "resolvers are async by their macro")]
    async fn caller(&self, context: &Context<'_>) -> Result<Caller, ApiError> {
        Ok(asked(context)?.1.into())
    }

    /// The account that the caller's key belongs to.
    async fn account(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Support and admin only: another account.")] id: Option<ID>,
    ) -> Result<Account, ApiError> {
        let (app, viewer) = asked(context)?;
        let Some(id) = id else {
            let own = accounts::find(&app.core.views, &viewer.account_id.to_string()).await?;
            return own.map(Account::from).ok_or(ApiError::Unavailable);
        };
        let found = if viewer.sees(&id) { accounts::find(&app.core.views, &id).await? } else { None };
        found
            .map(Account::from)
            .ok_or(ApiError::InvalidArgument { argument: "id", reason: "is no account that you see" })
    }

    /// The ids that begin with a text of 8 characters or more, ten at most: of what the caller may see.
    #[graphql(complexity = "10")]
    async fn ids_beginning(&self, context: &Context<'_>, kind: IdKind, text: String) -> Result<Vec<ID>, ApiError> {
        let (app, viewer) = asked(context)?;
        let found = identifiers::beginning_with(app, viewer, kind.into(), &text).await?;
        Ok(found.into_iter().map(ID).collect())
    }

    /// For lists that people read: how each id can be shortened so that it still names one thing only. 100 at most.
    #[graphql(complexity = "100 + child_complexity")]
    async fn short_ids(&self, context: &Context<'_>, kind: IdKind, ids: Vec<ID>) -> Result<Vec<ShortId>, ApiError> {
        let (app, viewer) = asked(context)?;
        identifiers::shortened(app, viewer, kind.into(), ids).await
    }

    /// Support and admin only: every account, the oldest first.
    #[graphql(complexity = "cost(first, None) * child_complexity + 1")]
    async fn accounts(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<Cursor<Position>, Account>> {
        let (app, viewer) = asked(context)?;
        viewer.require(Role::Support)?;
        page((after, None), (first, None), |wanted| async move {
            let rows = accounts::page(&app.core.views, wanted.after.unwrap_or_default(), wanted.limit()).await?;
            Ok(rows.into_iter().map(|row| (row.listed_at, Account::from(row))).collect())
        })
        .await
    }

    async fn integration(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Its id, or the beginning of it: 8 characters or more that no other id begins with.")] id: ID,
    ) -> Result<Option<Integration>, ApiError> {
        let (app, viewer) = asked(context)?;
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        let id = identifiers::resolve(app, viewer, Kind::Integration, id, "id").await?;
        let found = loader.load_one(IntegrationKey(id)).await?;
        Ok(found.filter(|row| viewer.sees(&row.account_id)).map(Integration))
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
        let (app, viewer) = asked(context)?;
        let scope = viewer.scope_within(account_id.map(String::from))?;
        page((after, None), (first, None), |wanted| async move {
            let provider = provider.map(|provider| DomainProvider::from(provider).as_str());
            let after = wanted.after.unwrap_or_default();
            let rows = integrations::page(&app.core.views, scope.as_deref(), provider, after, wanted.limit()).await?;
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
        let (app, viewer) = asked(context)?;
        let id = identifiers::resolve(app, viewer, Kind::Delivery, id, "id").await?;
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        let now = loader.load_one(DeliveryKey(id)).await?.filter(|row| viewer.sees(&row.account_id));
        let (Some(row), Some(as_of)) = (&now, as_of) else {
            return Ok(now.map(Delivery::from));
        };
        delivery_as_of(context, row, as_of.0).await
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
        let (app, viewer) = asked(context)?;
        let bucket = delivery_stats::Bucket::from(bucket);
        let (from_us, to_us) = (from.0.timestamp_micros(), to.0.timestamp_micros());
        let begin = bucket.start_us(from_us);
        if from_us >= to_us {
            return Err(ApiError::InvalidArgument { argument: "to", reason: "must come after from" });
        }
        // Dates may lie as far apart as dates can; their distance need not fit a number of microseconds.
        if to_us.saturating_sub(begin) / bucket.length_us() >= MAX_BUCKETS {
            return Err(ApiError::InvalidArgument { argument: "bucket", reason: "gives more than 400 buckets" });
        }
        let integration_id = integration_id.as_deref().map(|id| id.replace('\0', ""));
        let integration_id = integration_id.as_deref();
        let account_id = account_id.as_deref().map(String::as_str);
        let account_id = viewer.looks_at(&app.links, account_id, integration_id).await?;
        let counted =
            delivery_stats::between(&app.core.views, &account_id, integration_id, bucket, from_us, to_us).await?;
        let mut counted = counted.into_iter().peekable();
        let mut buckets = vec![];
        let mut start = begin;
        while start < to_us {
            let counts = counted.next_if(|at| at.start == start).map_or_else(Counts::default, |at| at.counts);
            buckets.push(DeliveryStatsBucket::of(start, &counts));
            start += bucket.length_us();
        }
        Ok(buckets)
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
    ) -> async_graphql::Result<Connection<Cursor<Place>, WebhookReceipt>> {
        let (app, viewer) = asked(context)?;
        page((after, None), (first, None), |wanted| async move { receipts(app, viewer, filter, wanted).await }).await
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
        asked(context)?.1.require(Role::Support)?;
        let (kind, id) = (aggregate_type.replace('\0', ""), aggregate_id.replace('\0', ""));
        events(context, (&kind, &id), None, (after, first), false).await
    }

    /// Admin only: how far everything is sealed by the present master key.
    async fn master_key_rotation(&self, context: &Context<'_>) -> Result<MasterKeyRotation, ApiError> {
        let (app, viewer) = asked(context)?;
        Ok(app.administration.master_key_rotation(viewer).await?.into())
    }

    /// A replay, while it goes on and after it.
    async fn replay(&self, context: &Context<'_>, id: ID) -> Result<Option<Replay>, ApiError> {
        let (app, viewer) = asked(context)?;
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
        let (app, viewer) = asked(context)?;
        page((after, None), (first, None), |wanted| async move { actions(app, viewer, filter, wanted).await }).await
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
        let (app, viewer) = asked(context)?;
        page((after, None), (first, None), |wanted| async move { requests(app, viewer, filter, wanted).await }).await
    }

    /// Support and admin only: where each view stands.
    async fn projections(&self, context: &Context<'_>) -> Result<Vec<Projection>, ApiError> {
        let (app, viewer) = asked(context)?;
        viewer.require(Role::Support)?;
        Projection::all(&app.core).await
    }

    /// Admin only: where each process manager stands.
    async fn processes(&self, context: &Context<'_>) -> Result<Vec<Process>, ApiError> {
        let (app, viewer) = asked(context)?;
        viewer.require(Role::Admin)?;
        Process::all(app).await
    }

    /// Admin only: the events that process managers could not handle and try again, in their order.
    #[graphql(complexity = "cost(first, None) * child_complexity + 1")]
    async fn parked_events(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        #[graphql(desc = "Those of this process manager; without it, of all.")] process: Option<String>,
    ) -> async_graphql::Result<Connection<Cursor<process::Place>, ParkedEvent>> {
        let (app, viewer) = asked(context)?;
        viewer.require(Role::Admin)?;
        let process = process.as_deref();
        page((after, None), (first, None), |wanted| parked_events(app, process, wanted)).await
    }
}
