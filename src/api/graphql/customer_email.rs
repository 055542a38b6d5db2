//! The customer's e-mail address, for the merchant whose customer it is.

use domain::Private;
use domain::delivery::DeliveryEvent;
use event_log::Sequence;
use event_log::recorded::AnyEvent;

use super::ApiError;
use crate::app::App;
use crate::app::Viewer;

/// Events of one delivery that are read.
const MAX_STORY: i64 = 1_000;

/// The address that the latest webhook of a delivery names, opened under the delivery's data key. None where no webhook
/// names one, where it was erased, and for callers of other accounts: they read it with `revealPersonalData`, on the
/// record.
pub(super) async fn customer_email(
    app: &App,
    viewer: &Viewer,
    account_id: &str,
    delivery_id: &str,
) -> Result<Option<String>, ApiError> {
    if !viewer.owns(account_id) {
        return Ok(None);
    }
    let story = app.core.log.opened_stream("delivery", delivery_id, Sequence::START, MAX_STORY).await?;
    let named = story.iter().rev().find_map(|event| match &event.recorded.event {
        AnyEvent::Delivery(DeliveryEvent::WebhookReceived { webhook, .. }) => {
            webhook.email.as_ref().and_then(Private::known).cloned()
        }
        AnyEvent::Delivery(_)
        | AnyEvent::Account(_)
        | AnyEvent::Integration(_)
        | AnyEvent::Notice(_)
        | AnyEvent::OperatorAction(_)
        | AnyEvent::Ledger(_)
        | AnyEvent::Checkpoint(_)
        | AnyEvent::Unknown => None,
    });
    Ok(named)
}
