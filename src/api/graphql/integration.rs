//! Integrations and their item mappings.

mod catalogue;
mod comparison;
mod connection;
mod suggestion;
mod unread_order;
mod webhooks;

use std::sync::Arc;

use async_graphql::connection::Connection;
use async_graphql::dataloader::DataLoader;
use async_graphql::{Context, ID, Object, SimpleObject};
use domain::integration::{Provider as DomainProvider, Purpose};
use domain::{ItemMapping as Mapping, MappingId};
use event_log::Position;
use projections::integrations::IntegrationRow;

use super::ApiError;
use super::account::int;
use super::delivery::{Delivery, DeliveryFilter, deliveries};
use super::loader::{AccountKey, Loader, StoreKey};
use super::moment::{Moment, moment};
use super::page::{Cursor, cost, page};
use super::viewer::app_and_viewer;
use super::words::{IntegrationPurpose, MatchType, Provider, ResourceType};
use crate::app::App;
use crate::app::links::webhook_url;
use crate::replay::past_orders;
pub(super) use catalogue::StoreCatalogue;
use comparison::{StoreComparison, StoreGaps};
use connection::StoreConnection;
use suggestion::MappingSuggestions;
use unread_order::UnreadOrder;
use webhooks::StoreWebhooks;

/// A link to one store.
pub(super) struct Integration(pub(super) Arc<IntegrationRow>);

impl From<IntegrationRow> for Integration {
    fn from(row: IntegrationRow) -> Self {
        Self(Arc::new(row))
    }
}

#[Object]
impl Integration {
    async fn id(&self) -> ID {
        ID(self.0.id.clone())
    }

    /// Whose it is.
    async fn account(&self, context: &Context<'_>) -> Result<Owner, ApiError> {
        owner_of(context, &self.0.account_id).await
    }

    async fn provider(&self) -> Provider {
        DomainProvider::parse(&self.0.provider).unwrap_or(DomainProvider::Generic).into()
    }

    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What it is for.
    async fn purpose(&self) -> IntegrationPurpose {
        Purpose::parse(&self.0.purpose).unwrap_or_default().into()
    }

    async fn active(&self) -> bool {
        self.0.active == 1
    }

    /// Where the store posts its webhooks.
    async fn webhook_url(&self, context: &Context<'_>) -> String {
        webhook_url(&context.data_unchecked::<Arc<App>>().public_url, &self.0.provider, &self.0.id)
    }

    /// The address that the store has for its webhooks, to the letter: Square signs it. It stays when the service moves.
    async fn notification_url(&self, context: &Context<'_>) -> String {
        let own = || webhook_url(&context.data_unchecked::<Arc<App>>().public_url, &self.0.provider, &self.0.id);
        self.0.notification_url.clone().unwrap_or_else(own)
    }

    /// How often the store is asked what it changed, in place of webhooks, in minutes; null where it sends webhooks.
    async fn poll_every_minutes(&self) -> Option<i32> {
        self.0.poll_every_minutes.map(int)
    }

    /// What the store's prices are in, where it was said: Shopify's and WooCommerce's webhooks of products do not.
    async fn currency(&self) -> Option<&str> {
        self.0.currency.as_deref()
    }

    /// Null where the store signs with a secret of its own that was not handed over yet.
    async fn signing_secret_preview(&self) -> Option<&str> {
        self.0.secret_preview.as_deref()
    }

    /// Access to the store's API, where webhooks only name orders; null where none is saved.
    async fn store_access(&self) -> Option<StoreAccess> {
        let token_preview = self.0.token_preview.clone()?;
        Some(StoreAccess { token_preview, store: self.0.store.clone() })
    }

    /// How it is connected with its store, by OAuth or by a token that somebody copied.
    async fn store_connection(&self, context: &Context<'_>) -> StoreConnection {
        let now = context.data_unchecked::<Arc<App>>().data.now();
        StoreConnection::new(&self.0, now.timestamp_micros())
    }

    /// The webhooks that the store was asked to send; null where it was never connected.
    async fn store_webhooks(&self, context: &Context<'_>) -> Result<Option<StoreWebhooks>, ApiError> {
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        let row = loader.load_one(StoreKey(self.0.id.clone())).await?;
        Ok(row.map(|row| StoreWebhooks::from(&row.store())))
    }

    /// Whether everything has come that the connected store changed; null where its orders are not compared.
    async fn store_comparison(&self, context: &Context<'_>) -> Result<Option<StoreComparison>, ApiError> {
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        let row = loader.load_one(StoreKey(self.0.id.clone())).await?;
        Ok(row.and_then(|row| row.store().comparing().map(StoreComparison::from)))
    }

    /// How far what the connected store sells is read; null where it never was. `products` lists it.
    async fn store_catalogue(&self, context: &Context<'_>) -> Result<Option<StoreCatalogue>, ApiError> {
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        let row = loader.load_one(StoreKey(self.0.id.clone())).await?;
        Ok(row.and_then(|row| StoreCatalogue::of(&row)))
    }

    /// What the connected store changed in these days, today among them, and what of it never came; null where its orders are not
    /// compared.
    async fn store_gaps(
        &self,
        context: &Context<'_>,
        #[graphql(default = 7, validator(minimum = 1, maximum = 90))] days: i32,
    ) -> Result<Option<StoreGaps>, ApiError> {
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        let row = loader.load_one(StoreKey(self.0.id.clone())).await?;
        let store = row.map(|row| row.store());
        let Some(comparing) = store.as_ref().and_then(|store| store.comparing()) else { return Ok(None) };
        let (app, _) = app_and_viewer(context)?;
        let report = app.stores.gap_report(&self.0.id, days.into()).await?;
        Ok(Some(StoreGaps::new(report, comparing)))
    }

    /// Orders of these statuses are delivered; empty means every status, but for drafts and failed, voided or expired
    /// orders.
    async fn order_statuses(&self) -> Vec<String> {
        self.0.order_statuses()
    }

    /// Those of `orderStatuses` that the platform itself gives to no order: misspelt perhaps, or a plugin's.
    async fn unknown_order_statuses(&self) -> Vec<String> {
        let provider = DomainProvider::parse(&self.0.provider).unwrap_or(DomainProvider::Generic);
        providers::of(provider).unknown_order_statuses(&self.0.order_statuses())
    }

    #[graphql(complexity = "20 * child_complexity + 1")]
    async fn item_mappings(&self) -> Vec<ItemMapping> {
        self.0.mappings().into_iter().map(ItemMapping::from).collect()
    }

    /// How many completed orders bought what these of the mappings name, and did not get what they bring.
    /// `replayWebhooks` delivers it to them.
    #[graphql(complexity = 1000)]
    async fn past_orders(&self, context: &Context<'_>, mapping_ids: Vec<ID>) -> Result<PastOrders, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let wanted: Vec<MappingId> = mapping_ids.iter().filter_map(|id| id.parse().ok()).collect();
        let past_orders::PastOrders { orders, more } = app.integrations.past_orders(viewer, &self.0, &wanted).await?;
        Ok(PastOrders { orders: int(orders.into()), more })
    }

    /// What its store sells, as far as it is known, that no mapping matches: to choose from instead of typing. `search` keeps those with
    /// this text in the title or SKU.
    #[graphql(complexity = 1000)]
    async fn mapping_suggestions(
        &self,
        context: &Context<'_>,
        #[graphql(default = 20, validator(minimum = 1, maximum = 100))] first: i32,
        after: Option<String>,
        search: Option<String>,
    ) -> Result<MappingSuggestions, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let after = after.map_or(Ok(Position::START), |after| after.parse().map(Position));
        let after = after.map_err(|_| ApiError::InvalidArgument {
            argument: "after",
            reason: "is what `next` of the page before says",
        })?;
        let limit = usize::try_from(first).unwrap_or(1);
        let found = app.integrations.suggestions(viewer, &self.0, search.as_deref(), (after, limit)).await?;
        Ok(found.into())
    }

    /// Orders of BigCommerce or Square that are only published and that are still to be read at the store, the longest unread first:
    /// nothing is published of them before.
    #[graphql(complexity = "cost(first, None) * child_complexity + 1")]
    async fn unread_orders(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<Cursor<Position>, UnreadOrder>> {
        let (app, viewer) = app_and_viewer(context)?;
        page((after, None), (first, None), |wanted| async move {
            let place = (wanted.after.unwrap_or_default(), wanted.limit());
            let orders = app.integrations.unread_orders(viewer, &self.0, place).await?;
            Ok(orders.into_iter().map(|(listed_at, order)| (listed_at, UnreadOrder::from(order))).collect())
        })
        .await
    }

    async fn created_at(&self) -> Moment {
        moment(self.0.created_at)
    }

    async fn last_webhook_at(&self) -> Option<Moment> {
        self.0.last_webhook_at.map(moment)
    }

    #[graphql(complexity = "cost(first, None) * child_complexity + 1")]
    async fn deliveries(
        &self,
        context: &Context<'_>,
        first: Option<i32>,
        after: Option<String>,
        filter: Option<DeliveryFilter>,
    ) -> async_graphql::Result<Connection<Cursor<Position>, Delivery>> {
        let filter = DeliveryFilter { integration_id: Some(ID(self.0.id.clone())), ..filter.unwrap_or_default() };
        deliveries(context, (after, None), (first, None), Some(filter)).await
    }
}

/// Access to the API of a store.
#[derive(SimpleObject)]
struct StoreAccess {
    token_preview: String,
    /// What names the store in its platform's API, where the token alone does not.
    store: Option<String>,
}

/// The account that something belongs to.
#[derive(SimpleObject)]
pub(super) struct Owner {
    id: ID,
    name: String,
}

/// The views move together, in one transaction: something without its account is an inconsistency.
pub(super) async fn owner_of(context: &Context<'_>, account_id: &str) -> Result<Owner, ApiError> {
    let loader = context.data_unchecked::<DataLoader<Loader>>();
    let found = loader.load_one(AccountKey(account_id.to_owned())).await?;
    found.map(|name| Owner { id: ID(account_id.to_owned()), name }).ok_or(ApiError::Unavailable)
}

/// Orders that were completed before mappings were there.
#[derive(SimpleObject)]
struct PastOrders {
    orders: i32,
    /// There may be more: not every past order was read.
    more: bool,
}

/// For this product, deliver that asset.
#[derive(SimpleObject)]
pub(super) struct ItemMapping {
    pub(super) id: ID,
    pub(super) match_type: MatchType,
    pub(super) external_ref: String,
    pub(super) resource_type: ResourceType,
    pub(super) resource_id: String,
}

impl From<Mapping> for ItemMapping {
    fn from(mapping: Mapping) -> Self {
        Self {
            id: ID(mapping.id.to_string()),
            match_type: mapping.match_type.into(),
            external_ref: mapping.external_ref,
            resource_type: mapping.asset.resource_type.into(),
            resource_id: mapping.asset.resource_id,
        }
    }
}
