//! The addresses to which what happens in the stores of instances is sent.

use domain::instance::{InstanceCommand, Subscription};
use event_log::Position;
use projections::instances::{self, InstanceRow};

use super::creating::new_subscription;
use super::{FoundInstance, Instances, known};
use crate::app::error::{Error, Refused};
use crate::app::viewer::Viewer;
use domain::endpoint::{Activity, Profile, Subscription as Endpoint};

/// Instances of an account that are looked through: more than an account has endpoints.
const MAX_INSTANCES: i64 = 1_000;

/// A subscription with what it is made of.
#[derive(Clone)]
pub struct FoundSubscription {
    /// Of its instance.
    pub instance: u32,
    pub subscription: Subscription,
    pub endpoint: Endpoint,
    /// Whether its instance lets anything be sent.
    pub sends: bool,
}

impl FoundSubscription {
    /// Whether what happens is sent to it now.
    pub fn is_active(&self) -> bool {
        self.sends && self.endpoint.activity == Activity::Enabled
    }
}

impl Instances {
    /// Those of all instances of the caller's account, or of one.
    pub async fn subscriptions(&self, viewer: &Viewer, of: Option<u32>) -> Result<Vec<FoundSubscription>, Error> {
        let mut found = vec![];
        for details in self.of_account(viewer).await?.iter().filter_map(InstanceRow::details) {
            if of.is_some_and(|number| number != details.number) {
                continue;
            }
            for subscription in &details.subscriptions {
                // One that was deleted as an endpoint is none any more.
                let Some(endpoint) = self.endpoint(subscription.endpoint_id).await? else { continue };
                let (instance, sends, subscription) = (details.number, details.sends(), subscription.clone());
                found.push(FoundSubscription { instance, subscription, endpoint, sends });
            }
        }
        Ok(found)
    }

    /// The one with this number, if it is of the caller's account.
    pub async fn subscription(&self, viewer: &Viewer, number: u32) -> Result<Option<FoundSubscription>, Error> {
        let all = self.subscriptions(viewer, None).await?;
        Ok(all.into_iter().find(|found| found.subscription.number == number))
    }

    /// Has what happens in the store of an instance sent to one more address, signed with the key of its configuration.
    pub async fn add_subscription(
        &self,
        viewer: &Viewer,
        instance: u32,
        url: &str,
    ) -> Result<FoundSubscription, Error> {
        let found = self.managed(viewer, instance).await?;
        if found.topics().is_empty() {
            let message = "the instance has no shopify.webhook.topics: nothing happens that could be sent";
            return Err(Refused::new("INVALID_CONFIGURATION", message, Some("configuration")).into());
        }
        let key = found.endpoint.as_ref().and_then(|endpoint| match &endpoint.settings.profile {
            Profile::CloudElements { signature_key, .. } => known(signature_key.as_ref()),
            Profile::Standard | Profile::Clione { .. } => None,
        });
        let FoundInstance { id, details, .. } = &found;
        let subscription =
            self.subscribe(viewer, (*id, details), (url, key, found.topics()), new_subscription(false)).await?;
        let endpoint = self.endpoint(subscription.endpoint_id).await?.ok_or(Error::Internal)?;
        Ok(FoundSubscription { instance, subscription, endpoint, sends: details.sends() })
    }

    /// Nothing is sent to it any more; what waits for it is not sent.
    pub async fn remove_subscription(&self, viewer: &Viewer, number: u32) -> Result<(), Error> {
        let not_found = || Refused::not_found("subscriptionId");
        let found = self.subscription(viewer, number).await?.ok_or_else(not_found)?;
        let instance = self.managed(viewer, found.instance).await?;
        self.delete_endpoint(viewer, found.subscription.endpoint_id).await?;
        let remove = InstanceCommand::RemoveSubscription { number };
        self.execute(viewer, (instance.id, instance.details.account_id), remove).await?;
        Ok(())
    }

    /// The instances of the caller's account.
    pub(super) async fn of_account(&self, viewer: &Viewer) -> Result<Vec<InstanceRow>, Error> {
        let account_id = viewer.account_id.to_string();
        let page = instances::page(&self.data.views, Some(&account_id), Position::START, MAX_INSTANCES).await?;
        Ok(page)
    }
}
