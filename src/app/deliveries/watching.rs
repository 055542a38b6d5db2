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
        let owner = viewer.clone();
        let changes = self.changes.of_deliveries().filter(move |row| {
            let is_wanted = integration_id.as_ref().is_none_or(|id| *id == row.integration_id);
            std::future::ready(owner.owns(&row.account_id) && is_wanted)
        });
        self.api_keys.while_active(viewer, changes)
    }
}
