//! What happens to an integration leads to something at its store: a store that is connected, or of which something else is needed
//! than before, is to be checked; one that cannot be called any more is left alone.
//!
//! Here it is only requested. The store's own stream says when it is done, and the worker does it (`worker/stores.rs`).

use domain::integration::IntegrationEvent;
use domain::notice::NoticeEvent;
use domain::store::{CheckCause, Step, Store, StoreCommand};
use event_log::Actor;
use event_log::recorded::{AnyEvent, Recorded};

use super::Dependencies;
use super::failure::Failure;
use super::process_manager::{ProcessManager, handles};
use crate::app::log_and_views::LogAndViews;

/// Requests what is to be done at connected stores.
pub(super) struct StoreSubscriptions {
    data: LogAndViews,
}

impl ProcessManager for StoreSubscriptions {
    const NAME: &'static str = "store_subscriptions";

    handles! { |subscriptions, event| {
        ("integration", "store_access_saved") AnyEvent::Integration(IntegrationEvent::StoreAccessSaved { .. }) => {
            subscriptions.request_check(event, CheckCause::Connected).await
        },
        ("integration", "purpose_changed") AnyEvent::Integration(IntegrationEvent::PurposeChanged { .. }) => {
            subscriptions.request_check(event, CheckCause::Changed).await
        },
        ("integration", "notification_url_changed") AnyEvent::Integration(IntegrationEvent::NotificationUrlChanged { .. }) => {
            subscriptions.request_check(event, CheckCause::Changed).await
        },
        ("integration", "topics_chosen") AnyEvent::Integration(IntegrationEvent::TopicsChosen { .. }) => {
            subscriptions.request_check(event, CheckCause::Changed).await
        },
        ("integration", "polling_changed") AnyEvent::Integration(IntegrationEvent::PollingChanged { .. }) => {
            subscriptions.request_check(event, CheckCause::Changed).await?;
            subscriptions.request(event, Step::RequestComparison { now: subscriptions.data.now() }).await
        },
        ("integration", "integration_activated") AnyEvent::Integration(IntegrationEvent::IntegrationActivated {}) => {
            subscriptions.request_check(event, CheckCause::Activated).await
        },
        ("integration", "integration_deactivated") AnyEvent::Integration(IntegrationEvent::IntegrationDeactivated {}) => {
            subscriptions.pause(event).await
        },
        ("integration", "store_access_lost") AnyEvent::Integration(IntegrationEvent::StoreAccessLost { .. }) => {
            subscriptions.pause(event).await
        },
        ("integration", "store_access_removed") AnyEvent::Integration(IntegrationEvent::StoreAccessRemoved {}) => {
            subscriptions.pause(event).await
        },
        ("notice", "webhook_received") AnyEvent::Notice(NoticeEvent::WebhookReceived(received)) => {
            subscriptions.check_if_gone(event, received.topic.as_deref()).await
        },
        // The same bytes as before: the app was installed again since, and removed again.
        ("notice", "webhook_repeated") AnyEvent::Notice(NoticeEvent::WebhookRepeated(repeated)) => {
            subscriptions.check_if_gone(event, repeated.topic.as_deref()).await
        },
    } }

    fn new(needs: &Dependencies) -> Option<Self> {
        Some(Self { data: needs.data.clone() })
    }
}

/// By which a store says that the app was removed, or the authorisation taken back. The topic of Shopify is not signed: whether it is
/// so, the store itself is asked.
const GONE: [&str; 2] = ["app/uninstalled", "oauth.authorization.revoked"];

impl StoreSubscriptions {
    async fn check_if_gone(&self, event: &Recorded, topic: Option<&str>) -> Result<(), Failure> {
        if topic.is_some_and(|topic| GONE.contains(&topic)) {
            self.request_check(event, CheckCause::Revoked).await
        } else {
            Ok(())
        }
    }

    async fn request_check(&self, event: &Recorded, cause: CheckCause) -> Result<(), Failure> {
        let is_of_integration = matches!(event.event, AnyEvent::Integration(_));
        let integration_sequence = is_of_integration.then(|| event.sequence.0.unsigned_abs());
        let now = self.data.now();
        // When it happened, also where that is read late: what the store sells from then on is wanted.
        let now = if is_of_integration { now.min(event.recorded_at) } else { now };
        self.request(event, Step::RequestCheck { cause, now, integration_sequence }).await
    }

    async fn pause(&self, event: &Recorded) -> Result<(), Failure> {
        self.request(event, Step::Pause { integration_sequence: event.sequence.0.unsigned_abs(), now: self.data.now() })
            .await
    }

    async fn request(&self, event: &Recorded, step: Step) -> Result<(), Failure> {
        let (Some(id), Some(account_id)) = (event.integration_id, event.account_id) else { return Ok(()) };
        let command = StoreCommand { account_id, worker: None, step };
        let origin = Actor::System.because_of(Some(event.position));
        self.data.log.execute::<Store>(id, command, origin).await?;
        Ok(())
    }
}
