//! Creating an instance: everything that can be refused is before its code is used up, for that is good for one time.

use domain::account::FailurePolicy;
use domain::endpoint::RetryPolicy;
use domain::instance::{CreateInstance, Details, Instance, InstanceCommand, InstanceRefusal, MAX_NUMBER, Subscription};
use domain::integration::{CreateIntegration, Grant, IntegrationCommand, IntegrationRefusal, POLL_MINUTES, Purpose};
use domain::{AccountId, EndpointId, InstanceId, IntegrationId};
use event_log::{CommandError, Origin, ids};
use rand::RngExt as _;
use secrecy::{ExposeSecret as _, SecretString};

use super::{FoundInstance, Instances, NewInstance, PROVIDER, Settings, token, topics};
use crate::app::accounts::{named_or_own, require_managed};
use crate::app::endpoints::{NewEndpoint, NewProfile, ProfileKind};
use crate::app::error::{Error, Refused};
use crate::app::viewer::Viewer;

/// Random numbers that are tried before another is not: of two billion few are taken.
const MAX_TRIES: usize = 8;
/// Longer than any name or tag. Each pass over a text may leave out one element only.
const MAX_MARKUP_BYTES: usize = 10_000;

/// What an instance is to be, as a whole.
pub(super) struct Chosen {
    pub(super) events_enabled: bool,
    pub(super) notification_url: Option<String>,
    pub(super) topics: Vec<String>,
}

impl Chosen {
    /// Refuses what sends nothing, or nowhere.
    pub(super) fn check(&self) -> Result<(), Refused> {
        let refused = |message| Err(Refused::new("INVALID_CONFIGURATION", message, Some("configuration")));
        if self.events_enabled && self.notification_url.is_none() {
            return refused("event.notification.enabled is true: event.notification.callback.url says where to");
        }
        if self.notification_url.is_some() && self.topics.is_empty() {
            return refused(
                "event.notification.callback.url is there: shopify.webhook.topics says what is sent to it, such as \
                 orders/create, orders/updated",
            );
        }
        Ok(())
    }
}

impl Instances {
    /// Creates an instance.
    pub async fn create(&self, viewer: &Viewer, new: NewInstance) -> Result<FoundInstance, Error> {
        let account_id = require_managed(viewer, &named_or_own(viewer, new.account_id.clone()))?;
        let chosen = Chosen {
            events_enabled: new.settings.events_enabled.unwrap_or_default(),
            notification_url: new.settings.notification_url.clone().filter(|url| !url.trim().is_empty()),
            topics: topics::parse(new.settings.topics.as_deref().unwrap_or_default())?,
        };
        chosen.check()?;
        check(&new.settings)?;
        self.integrations.allow_one_more(account_id).await?;
        if let Some(url) = &chosen.notification_url {
            self.endpoints.check_url(url).await?;
            self.endpoints.allow_one_more(account_id).await?;
        }
        let create = |number| CreateInstance {
            account_id,
            number,
            integration_id: IntegrationId(ids::fresh()),
            name: without_markup(&new.name),
            tags: new.tags.iter().map(|tag| without_markup(tag)).collect(),
            token: token::new(number),
            callback_url: new.grant.callback_url.clone(),
            scope: new.grant.scope.clone(),
            events_enabled: chosen.events_enabled,
        };
        let refused = Instance::default().decide(InstanceCommand::Create(Box::new(create(1)))).err();
        if let Some(refusal) = refused {
            return Err(Refused::from(refusal).into());
        }
        let grant = self.exchange(&new.grant).await?;
        let (id, details) = self.record(viewer, create).await?;
        match self.build(viewer, (id, &details), &new, (&chosen, grant)).await {
            Ok(()) => {
                self.wait_for_webhooks(viewer, &details).await?;
                self.changed(id).await
            }
            Err(error) => {
                // What was begun of it is taken back, as far as that goes: it is listed otherwise, and can be deleted.
                if self.delete(viewer, details.number).await.is_err() {
                    tracing::warn!(instance = details.number, "an instance that was not finished cannot be deleted");
                }
                Err(error)
            }
        }
    }

    /// Until its store was asked for them: what happens there from then on is sent. Where that takes too long it is done later.
    async fn wait_for_webhooks(&self, viewer: &Viewer, details: &Details) -> Result<(), Error> {
        let origin = Origin::from(viewer.actor(Some(&details.account_id.to_string())));
        self.stores.check_requested(details.integration_id, origin).await
    }

    async fn record(
        &self,
        viewer: &Viewer,
        create: impl Fn(u32) -> CreateInstance,
    ) -> Result<(InstanceId, Details), Error> {
        for _ in 0..MAX_TRIES {
            let number = new_number();
            let create = create(number);
            let actor = viewer.actor(Some(&create.account_id.to_string()));
            let command = InstanceCommand::Create(Box::new(create));
            let id = InstanceId::of(number);
            match self.data.log.execute_new::<Instance>(id, command, &actor).await {
                Ok(committed) => {
                    self.data.wait_for_views(committed.position).await;
                    let details = committed.aggregate.details().cloned().ok_or(Error::Internal)?;
                    return Ok((id, details));
                }
                Err(CommandError::Refused(InstanceRefusal::AlreadyExists)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Error::Unavailable)
    }

    /// The store is connected last: nothing comes before there is where to send it.
    async fn build(
        &self,
        viewer: &Viewer,
        (id, details): (InstanceId, &Details),
        new: &NewInstance,
        (chosen, grant): (&Chosen, Grant),
    ) -> Result<(), Error> {
        let of = (details.integration_id, details.account_id);
        let create = IntegrationCommand::Create(CreateIntegration {
            account_id: details.account_id,
            provider: PROVIDER,
            name: details.name.clone(),
            purpose: Purpose::Publishes,
            signing_secret: None,
            notification_url: self.integrations.own_address(PROVIDER, details.integration_id),
            order_statuses: None,
        });
        let choose = IntegrationCommand::ChooseTopics { topics: Some(chosen.topics.clone()) };
        for command in [create, choose].into_iter().chain(polling(&new.settings)) {
            self.integrations.execute(viewer, of, command).await?;
        }
        if let Some(url) = &chosen.notification_url {
            let key = new.settings.signature_key.clone();
            self.subscribe(viewer, (id, details), (url, key, &chosen.topics), new_subscription(true)).await?;
        }
        self.connect(viewer, of, (&new.grant, grant)).await
    }

    /// Makes an endpoint to which what happens in the store of an instance is sent.
    pub(super) async fn subscribe(
        &self,
        viewer: &Viewer,
        (id, details): (InstanceId, &Details),
        (url, signature_key, topics): (&str, Option<SecretString>, &[String]),
        subscription: Subscription,
    ) -> Result<Subscription, Error> {
        let account_id = details.account_id;
        let policy = self.failure_policy(viewer, &account_id.to_string()).await?;
        let new = NewEndpoint {
            account_id: Some(account_id.to_string()),
            url: url.to_owned(),
            description: format!("Instance {}: {}", details.number, details.name),
            event_types: topics::event_types(topics),
            integration_ids: vec![details.integration_id.to_string()],
            filter: None,
            headers: vec![],
            profile: profile(signature_key),
            schedule: schedule(policy),
            ordered: None,
            rate_per_second: None,
            concurrency: None,
            secret: None,
            paused: !details.sends(),
        };
        // Named first: an endpoint that nothing names would be sent to for ever.
        self.execute(viewer, (id, account_id), InstanceCommand::AddSubscription(subscription.clone())).await?;
        let endpoint_id = subscription.endpoint_id;
        let made = self.endpoints.create_as(viewer, endpoint_id, new).await;
        if let Err(error) = made {
            let remove = InstanceCommand::RemoveSubscription { number: subscription.number };
            self.execute(viewer, (id, account_id), remove).await?;
            return Err(error);
        }
        Ok(subscription)
    }
}

/// To an endpoint that is to be made.
pub(super) fn new_subscription(configured: bool) -> Subscription {
    Subscription { number: new_number(), endpoint_id: EndpointId(ids::fresh()), configured }
}

pub(super) fn new_number() -> u32 {
    rand::rng().random_range(1..=MAX_NUMBER)
}

/// What an account's policy makes of the schedule of an endpoint. None for that of its profile.
pub(super) fn schedule(policy: FailurePolicy) -> Option<RetryPolicy> {
    match policy {
        FailurePolicy::Retry => None,
        FailurePolicy::Queue => Some(RetryPolicy::Queue),
    }
}

pub(super) fn profile(signature_key: Option<SecretString>) -> NewProfile {
    NewProfile {
        kind: ProfileKind::CloudElements,
        header_word: None,
        element_key: Some(PROVIDER.as_str().to_owned()),
        signature_key: signature_key.filter(|key| !key.expose_secret().is_empty()),
    }
}

pub(super) fn polling(settings: &Settings) -> Option<IntegrationCommand> {
    let minutes = settings.poll_every?;
    Some(IntegrationCommand::ChangePolling { every_minutes: (minutes > 0).then_some(minutes) })
}

/// Refuses a key that could not be signed with, and an interval that is none.
pub(super) fn check(settings: &Settings) -> Result<(), Refused> {
    if settings.poll_every.is_some_and(|minutes| minutes != 0 && !POLL_MINUTES.contains(&minutes)) {
        return Err(IntegrationRefusal::InvalidPollInterval.into());
    }
    let Some(key) = settings.signature_key.as_ref().filter(|key| !key.expose_secret().is_empty()) else {
        return Ok(());
    };
    commerce::profile::SignatureKey::parse(key.expose_secret())
        .map(drop)
        .map_err(|invalid| Refused::new("INVALID_SIGNATURE_KEY", invalid.to_string(), Some("signatureKey")))
}

/// `<a href="x">y</a>` is `y`: what looks like an element of HTML is left out, also of what is left then. What is too long for a name
/// or a tag, however it is written, stays as it is, and is refused.
pub(super) fn without_markup(text: &str) -> String {
    let mut text = text.to_owned();
    loop {
        let left = without_elements(&text);
        if left == text || text.len() > MAX_MARKUP_BYTES {
            return text;
        }
        text = left;
    }
}

fn without_elements(text: &str) -> String {
    let (mut kept, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('<') {
        kept.push_str(before);
        let begins = after.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
        rest = if let Some((_, behind)) = after.split_once('>').filter(|_| begins) {
            behind
        } else {
            kept.push('<');
            after
        };
    }
    kept + rest
}

/// Of the account that the instance is of.
pub(super) fn owner(details: &Details) -> (IntegrationId, AccountId) {
    (details.integration_id, details.account_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_left_out_of_names_and_tags() {
        assert_eq!(without_markup("<a href='#'>x</a>"), "x");
        assert_eq!(without_markup("a < b > c <3 <!-- y --> <"), "a < b > c <3  <");
        assert_eq!(without_markup("<<b>script>alert(1)<<b>/script>"), "alert(1)");
        assert_eq!(without_markup("<b"), "<b");
    }
}
