//! What happened to an instance, in a sentence.

use domain::instance::{InstanceCreated, InstanceEvent};

pub(super) fn of_instance(event: &InstanceEvent) -> String {
    match event {
        InstanceEvent::InstanceCreated(created) => {
            let InstanceCreated { number, name, integration_id, .. } = created.as_ref();
            format!("The instance {number}, {name}, was created over the integration {integration_id}.")
        }
        InstanceEvent::InstanceRenamed { name } => format!("The instance is called {name} from now on."),
        InstanceEvent::TagsChanged { tags } if tags.is_empty() => "The instance has no tags from now on.".to_owned(),
        InstanceEvent::TagsChanged { tags } => format!("The instance has the tags {} from now on.", tags.join(", ")),
        InstanceEvent::AuthorizationChanged { scope, .. } => {
            format!("The instance's store was authorised again, for {scope}.")
        }
        InstanceEvent::InstanceEnabled {} => {
            "The instance was enabled: its token is taken, and what waits is sent.".to_owned()
        }
        InstanceEvent::InstanceDisabled {} => {
            "The instance was disabled: its token is refused, and what happens waits.".to_owned()
        }
        InstanceEvent::EventsEnabled {} => "What happens in the instance's store is sent from now on.".to_owned(),
        InstanceEvent::EventsDisabled {} => "What happens in the instance's store waits from now on.".to_owned(),
        InstanceEvent::SubscriptionAdded(subscription) => format!(
            "What happens in the instance's store is sent to the endpoint {} as its subscription {}.",
            subscription.endpoint_id, subscription.number
        ),
        InstanceEvent::SubscriptionRemoved { number } => format!("The instance's subscription {number} was deleted."),
        InstanceEvent::InstanceDeleted {} => "The instance was deleted, and its token erased.".to_owned(),
    }
}
