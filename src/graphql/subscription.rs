//! What can be watched.

use std::sync::Arc;

use async_graphql::{Context, ID};
use futures_util::{Stream, StreamExt as _};

use super::ApiError;
use super::delivery::Delivery;
use super::viewer::Viewer;
use crate::service::Service;

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
        let service = context.data_unchecked::<Arc<Service>>();
        let viewer = Viewer::of(context)?.clone();
        let wanted = integration_id.map(|id| id.0);
        Ok(service.changes.subscribe().filter_map(move |row| {
            let visible = viewer.owns(&row.account_id) && wanted.as_ref().is_none_or(|id| *id == row.integration_id);
            std::future::ready(visible.then(|| Delivery(row.as_ref().clone())))
        }))
    }
}
