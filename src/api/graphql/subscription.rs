//! What can be watched.

use async_graphql::{Context, ID};
use futures_util::{Stream, StreamExt as _};

use super::ApiError;
use super::delivery::Delivery;
use super::viewer::app_and_viewer;

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
}
