//! What an erasure leaves behind in the files of the databases, and how it goes.

use std::time::Duration;

use projections::View;
use projections::view::forget_erased;

use crate::service::{PATIENCE, Service};

/// The log's table of what is deleted; what is deleted of views, they know themselves.
const DATA_KEYS: &str = "data_keys";
/// A reader holds an older state for the length of a question; a backup or somebody's own tool, longer.
const TRIES: u32 = 20;
const REST: Duration = Duration::from_millis(150);

/// Once the views show that a person is gone, removes what the files of log and views still say. Where somebody who reads
/// prevents that, the log says so; the next erasure, or a restart, removes it.
pub(super) async fn remove(service: &Service, position: i64) {
    for view in View::ALL {
        if !service.projector.wait_for(view, position, PATIENCE).await {
            tracing::warn!(view = view.name(), "the view is too far behind to clear its files of an erased person");
        }
    }
    for attempt in 1..=TRIES {
        match cleared(service).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, attempt, "the files cannot be cleared of an erased person yet"),
        }
        tokio::time::sleep(REST).await;
    }
    tracing::warn!("somebody reads the databases all the time: what was erased may still lie in their write-ahead logs");
}

async fn cleared(service: &Service) -> sqlx::Result<bool> {
    let log_is_clear = service.log.database().forget_deleted(&[DATA_KEYS.to_owned()]).await?;
    Ok(log_is_clear && forget_erased(&service.views).await?)
}
