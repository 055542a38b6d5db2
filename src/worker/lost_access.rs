//! A store that does not know its token any more is not called again until it is connected again.

use domain::IntegrationId;
use domain::delivery::FetchFailure;
use domain::integration::{AccessLost, Integration, IntegrationCommand};
use event_log::{EventLog, Origin};

use crate::app::links::CurrentLink;

/// The status of a response that the token is not known: what a token does not allow is 403, and says nothing of the token.
const UNAUTHORIZED: u16 = 401;

/// Records it where this is why an order was not read.
pub(super) async fn note(
    log: &EventLog,
    id: IntegrationId,
    link: &CurrentLink,
    failure: &FetchFailure,
    origin: Origin,
) {
    let FetchFailure::AccessMissing { call: Some(call) } = failure else { return };
    // One that has ended is being renewed, or is lost for that.
    let has_ended = link.store_access.as_ref().is_some_and(|access| access.has_ended(log.clock().now()));
    if call.status != Some(UNAUTHORIZED) || has_ended {
        return;
    }
    let token = link.store_access.as_ref().and_then(|access| access.token.known()).map(|token| token.as_str().into());
    let lose = IntegrationCommand::LoseStoreAccess { token, reason: AccessLost::Refused };
    // What fails here is found out again by the next call.
    if let Err(error) = log.execute::<Integration>(id, lose, origin).await {
        tracing::warn!(integration = %id, %error, "that a store takes its token no more cannot be recorded");
    }
}
