//! Watching what is done at stores.

use std::sync::Arc;

use futures_util::{Stream, StreamExt as _};
use projections::stores::StoreRow;

use super::Stores;
use crate::app::api_keys::ApiKeys;
use crate::app::changes::Changes;
use crate::app::viewer::Viewer;

/// What watching needs.
#[derive(Clone)]
pub struct Watching {
    pub api_keys: Arc<ApiKeys>,
    pub changes: Changes,
}

impl Stores {
    /// Every change of the caller's own stores from now on; of one integration's, where one is given. Ends once the key is
    /// deactivated.
    pub fn watch(
        watching: &Watching,
        viewer: &Viewer,
        integration_id: Option<String>,
    ) -> impl Stream<Item = Arc<StoreRow>> + use<> {
        let owner = viewer.clone();
        let changes = watching.changes.of_stores().filter(move |row| {
            let is_wanted = integration_id.as_ref().is_none_or(|id| *id == row.id);
            std::future::ready(owner.owns(&row.account_id) && is_wanted)
        });
        watching.api_keys.while_active(viewer, changes)
    }
}
