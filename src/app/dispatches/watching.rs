//! Watching dispatches change.

use std::sync::Arc;

use futures_util::{Stream, StreamExt as _};
use projections::commerce::dispatch_list::DispatchEntry;

use super::Dispatches;
use crate::app::viewer::Viewer;

impl Dispatches {
    /// Every change of the caller's own dispatches from now on; of one endpoint, where one is given. Ends once the key is
    /// deactivated.
    pub fn watch(
        &self,
        viewer: &Viewer,
        endpoint_id: Option<String>,
    ) -> impl Stream<Item = Arc<DispatchEntry>> + use<> {
        let owner = viewer.clone();
        let changes = self.changes.of_dispatches().filter(move |entry| {
            let is_wanted = endpoint_id.as_ref().is_none_or(|id| *id == entry.endpoint_id);
            std::future::ready(owner.owns(&entry.event.account_id) && is_wanted)
        });
        self.api_keys.while_active(viewer, changes)
    }
}
