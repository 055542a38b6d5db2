//! What can be watched.

use std::sync::Arc;

use async_graphql::{Context, ID};
use futures_util::{Stream, StreamExt as _};

use super::ApiError;
use super::delivery::Delivery;
use super::viewer::viewer_in;
use crate::app::App;

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
        let app = context.data_unchecked::<Arc<App>>();
        let viewer = viewer_in(context)?.clone();
        let watcher = viewer.clone();
        let wanted = integration_id.map(|id| id.0);
        let app = app.clone();
        let changes = app.changes.subscribe().filter(move |row| {
            let visible = viewer.owns(&row.account_id) && wanted.as_ref().is_none_or(|id| *id == row.integration_id);
            std::future::ready(visible)
        });
        // A key that was deactivated meanwhile gets nothing more.
        let allowed = changes.then(move |row| {
            let (app, watcher) = (app.clone(), watcher.clone());
            async move { matches!(app.api_keys.is_active(&watcher).await, Ok(true)).then_some(row) }
        });
        Ok(allowed
            .take_while(|row| std::future::ready(row.is_some()))
            .filter_map(|row| std::future::ready(row.map(|row| Delivery::from(row.as_ref().clone())))))
    }
}
