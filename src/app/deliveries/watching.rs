//! Watching deliveries change.

use std::sync::Arc;

use futures_util::{Stream, StreamExt as _};
use projections::delivery_log::DeliveryRow;

use super::Deliveries;
use crate::app::viewer::Viewer;

impl Deliveries {
    /// Every change of the caller's own deliveries from now on; of one integration, where one is given. Ends once the key is
    /// deactivated.
    pub fn watch(
        &self,
        viewer: &Viewer,
        integration_id: Option<String>,
    ) -> impl Stream<Item = Arc<DeliveryRow>> + use<> {
        let (viewer, watcher, api_keys) = (viewer.clone(), viewer.clone(), self.api_keys.clone());
        let changes = self.changes.subscribe().filter(move |row| {
            let is_wanted = integration_id.as_ref().is_none_or(|id| *id == row.integration_id);
            std::future::ready(viewer.owns(&row.account_id) && is_wanted)
        });
        // A key that was deactivated meanwhile gets nothing more.
        let allowed = changes.then(move |row| {
            let (api_keys, watcher) = (api_keys.clone(), watcher.clone());
            async move { matches!(api_keys.is_active(&watcher).await, Ok(true)).then_some(row) }
        });
        allowed.take_while(|row| std::future::ready(row.is_some())).filter_map(std::future::ready)
    }
}
