//! What can be watched.

use async_graphql::{Context, ID};
use futures_util::{Stream, StreamExt as _};

use super::ApiError;
use super::delivery::Delivery;
use super::dispatch::Dispatch;
use super::integration::StoreCatalogue;
use super::viewer::app_and_viewer;
use crate::app::stores::Stores;

pub struct Subscription;

#[async_graphql::Subscription]
impl Subscription {
    /// A delivery of the caller's account changed.
    #[expect(clippy::unused_async, reason = "resolvers are async by their macro")]
    async fn delivery_changed(
        &self,
        context: &Context<'_>,
        integration_id: Option<ID>,
    ) -> Result<impl Stream<Item = Delivery>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        Ok(app.deliveries.watch(viewer, integration_id.map(String::from)).map(Delivery::from))
    }

    /// Something came of an attempt to send an event to an endpoint of the caller's account, or it is to be sent again.
    #[expect(clippy::unused_async, reason = "resolvers are async by their macro")]
    async fn dispatch_changed(
        &self,
        context: &Context<'_>,
        endpoint_id: Option<ID>,
    ) -> Result<impl Stream<Item = Dispatch>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let changes = app.dispatches.watch(viewer, endpoint_id.map(String::from));
        Ok(changes.map(|entry| Dispatch::from(entry.as_ref().clone())))
    }

    /// What a connected store of the caller's account sells was read further.
    #[expect(clippy::unused_async, reason = "resolvers are async by their macro")]
    async fn store_catalogue_changed(
        &self,
        context: &Context<'_>,
        integration_id: Option<ID>,
    ) -> Result<impl Stream<Item = StoreCatalogue>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let changes = Stores::watch(&app.watching_stores, viewer, integration_id.map(String::from));
        let read = changes.filter_map(async |row| StoreCatalogue::of(&row));
        Ok(Box::pin(read))
    }
}
