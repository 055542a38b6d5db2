//! Changing an instance, and what it is made of with it. What is broken off half way is finished by saying it again.

use domain::EndpointId;
use domain::account::{Account, AccountCommand, FailurePolicy};
use domain::endpoint::RetryPolicy;
use domain::instance::{Details, Instance, InstanceCommand, Subscription};
use domain::integration::IntegrationCommand;
use event_log::Position;
use projections::instances;

use super::creating::{Chosen, check, new_number, new_subscription, owner, polling, profile, schedule, without_markup};
use super::granting::shop;
use super::{FoundInstance, InstanceChanges, Instances, NewGrant, Regrant, Settings, known, topics};
use crate::app::accounts::require_managed;
use crate::app::endpoints::{Change, EndpointChanges};
use crate::app::error::{Error, Refused};
use crate::app::integrations::IntegrationChanges;
use crate::app::viewer::Viewer;

/// Instances that are read at a time.
const PAGE: i64 = 100;

impl Instances {
    /// Changes what is named, and nothing where one of it is refused before anything was done.
    pub async fn update(&self, viewer: &Viewer, number: u32, changes: InstanceChanges) -> Result<FoundInstance, Error> {
        let found = self.managed(viewer, number).await?;
        let of = (found.id, found.details.account_id);
        let chosen = chosen(&found, &changes.settings)?;
        let changes = InstanceChanges {
            name: changes.name.as_deref().map(without_markup),
            tags: changes.tags.map(|tags| tags.iter().map(|tag| without_markup(tag)).collect()),
            ..changes
        };
        self.check_changes(&found, (&chosen, &changes)).await?;
        if let Some(regrant) = changes.grant {
            self.grant_again(viewer, &found, regrant).await?;
        }
        if let Some(name) = changes.name {
            let renamed = self.execute(viewer, of, InstanceCommand::Rename { name }).await?;
            let name = renamed.aggregate.details().map(|details| details.name.clone());
            let changes = IntegrationChanges { name, ..IntegrationChanges::default() };
            if found.link.is_some() {
                self.integrations.update(viewer, &found.details.integration_id.to_string(), changes).await?;
            }
        }
        if let Some(tags) = changes.tags {
            self.execute(viewer, of, InstanceCommand::ChangeTags { tags }).await?;
        }
        self.choose(viewer, &found, &chosen, changes.settings).await?;
        self.changed(found.id).await
    }

    /// Refuses what can be refused, before anything is different or a code is used up.
    async fn check_changes(
        &self,
        found: &FoundInstance,
        (chosen, changes): (&Chosen, &InstanceChanges),
    ) -> Result<(), Error> {
        let InstanceChanges { name, tags, settings, grant } = changes;
        let rename = name.clone().map(|name| InstanceCommand::Rename { name });
        let tag = tags.clone().map(|tags| InstanceCommand::ChangeTags { tags });
        for command in rename.into_iter().chain(tag) {
            Instance::Created(Box::new(found.details.clone())).decide(command).map_err(Refused::from)?;
        }
        if found.link.is_none() && (settings.are_of_events() || settings.signature_key.is_some() || grant.is_some()) {
            return Err(not_finished().into());
        }
        if settings.are_of_events() {
            chosen.check()?;
        }
        check(settings)?;
        if let Some(url) = settings.notification_url.as_deref().filter(|url| !url.trim().is_empty()) {
            self.endpoints.check_url(url).await?;
            if found.endpoint.is_none() {
                self.endpoints.allow_one_more(found.details.account_id).await?;
            }
        }
        let store = grant.as_ref().and_then(|grant| grant.store.as_deref()).map(shop).transpose()?;
        if let Some(link) = &found.link {
            link.require_store(store.as_deref()).map_err(Refused::from)?;
        }
        Ok(())
    }

    /// Its token is taken again, and what waits is sent.
    pub async fn enable(&self, viewer: &Viewer, number: u32) -> Result<FoundInstance, Error> {
        self.switch(viewer, number, InstanceCommand::Enable).await
    }

    /// Its token is refused, and nothing is sent. What happens is recorded, and waits.
    pub async fn disable(&self, viewer: &Viewer, number: u32) -> Result<FoundInstance, Error> {
        self.switch(viewer, number, InstanceCommand::Disable).await
    }

    async fn switch(&self, viewer: &Viewer, number: u32, command: InstanceCommand) -> Result<FoundInstance, Error> {
        let found = self.managed(viewer, number).await?;
        self.execute(viewer, (found.id, found.details.account_id), command).await?;
        let changed = self.changed(found.id).await?;
        self.set_sending(viewer, &changed.details).await?;
        self.changed(found.id).await
    }

    /// Deletes it for good, with its token and its endpoints. The store is asked to send nothing more, and its integration stays, switched
    /// off, for what happened.
    pub async fn delete(&self, viewer: &Viewer, number: u32) -> Result<(), Error> {
        let found = self.managed(viewer, number).await?;
        let FoundInstance { id, details, link, .. } = found;
        if link.is_some() {
            let integration = details.integration_id.to_string();
            self.stores.disconnect(viewer, &integration).await?;
            self.integrations.execute(viewer, owner(&details), IntegrationCommand::RemoveStoreApp).await?;
            self.integrations.execute(viewer, owner(&details), IntegrationCommand::Deactivate).await?;
        }
        for Subscription { endpoint_id, .. } in &details.subscriptions {
            self.delete_endpoint(viewer, *endpoint_id).await?;
        }
        // Last: until here it is found, and deleting it again goes on.
        self.execute(viewer, (id, details.account_id), InstanceCommand::Delete).await?;
        Ok(())
    }

    /// Nothing where making it was broken off.
    pub(super) async fn delete_endpoint(&self, viewer: &Viewer, id: EndpointId) -> Result<(), Error> {
        if self.endpoint(id).await?.is_some() {
            self.endpoints.delete(viewer, &id.to_string()).await?;
        }
        Ok(())
    }

    /// What becomes of notifications that fail, for all instances of an account from now on.
    pub async fn set_failure_policy(
        &self,
        viewer: &Viewer,
        account_id: &str,
        policy: FailurePolicy,
    ) -> Result<(), Error> {
        let account_id = require_managed(viewer, account_id)?;
        let named = account_id.to_string();
        let mut after = Position::START;
        loop {
            let page = instances::page(&self.data.views, Some(&named), after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.listed_at;
            for details in page.iter().filter_map(instances::InstanceRow::details) {
                self.set_schedule(viewer, &details, policy).await?;
            }
        }
        // Last: said again, it reaches those that a failure left out.
        let set = AccountCommand::SetFailurePolicy { policy };
        let actor = viewer.actor(Some(&named));
        let committed = self.data.log.execute::<Account>(account_id, set, &actor).await?;
        self.data.wait_for_views(committed.position).await;
        Ok(())
    }

    /// A schedule that somebody chose for an endpoint stays.
    async fn set_schedule(&self, viewer: &Viewer, details: &Details, policy: FailurePolicy) -> Result<(), Error> {
        for Subscription { endpoint_id, .. } in &details.subscriptions {
            let Some(endpoint) = self.endpoint(*endpoint_id).await? else { continue };
            let change = match (schedule(policy), endpoint.settings.schedule) {
                (Some(queue), _) => Change::Set(queue),
                (None, Some(RetryPolicy::Queue)) => Change::Remove,
                (None, _) => Change::Keep,
            };
            let changes = EndpointChanges { schedule: change, ..EndpointChanges::default() };
            self.endpoints.update(viewer, &endpoint_id.to_string(), changes).await?;
        }
        Ok(())
    }

    async fn grant_again(&self, viewer: &Viewer, found: &FoundInstance, regrant: Regrant) -> Result<(), Error> {
        let FoundInstance { id, details, link, .. } = found;
        let missing = |what: &str| {
            let message = format!("to authorise the store again, configuration.{what} is needed");
            Error::from(Refused::new("INVALID_CONFIGURATION", message, Some("configuration")))
        };
        let link = link.as_ref().ok_or_else(not_finished)?;
        let app = link.app.as_ref();
        let secret = || known(app.map(|app| &app.client_secret));
        let new = NewGrant {
            code: regrant.code,
            client_id: regrant
                .client_id
                .or_else(|| app.map(|app| app.client_id.clone()))
                .ok_or_else(|| missing("oauth.api.key"))?,
            client_secret: regrant.client_secret.or_else(secret).ok_or_else(|| missing("oauth.api.secret"))?,
            store: regrant.store.or_else(|| link.known_store.clone()).ok_or_else(|| missing("shopify.site.address"))?,
            callback_url: regrant.callback_url.unwrap_or_else(|| details.callback_url.clone()),
            scope: regrant.scope.unwrap_or_else(|| details.scope.clone()),
        };
        let grant = self.exchange(&new).await?;
        self.connect(viewer, owner(details), (&new, grant)).await?;
        let change = InstanceCommand::ChangeAuthorization { callback_url: new.callback_url, scope: new.scope };
        self.execute(viewer, (*id, details.account_id), change).await?;
        Ok(())
    }

    async fn choose(
        &self,
        viewer: &Viewer,
        found: &FoundInstance,
        chosen: &Chosen,
        settings: Settings,
    ) -> Result<(), Error> {
        let FoundInstance { id, details, link, .. } = found;
        let of = (*id, details.account_id);
        if link.is_some() {
            let choose = settings
                .topics
                .is_some()
                .then(|| IntegrationCommand::ChooseTopics { topics: Some(chosen.topics.clone()) });
            for command in choose.into_iter().chain(polling(&settings)) {
                self.integrations.execute(viewer, owner(details), command).await?;
            }
        }
        // What is not to be sent any more is not, before anything else is different.
        if settings.events_enabled == Some(false) {
            self.execute(viewer, of, InstanceCommand::DisableEvents).await?;
            self.set_sending(viewer, &self.changed(*id).await?.details).await?;
        }
        let now = self.changed(*id).await?.details;
        let configured = now.configured().cloned();
        for Subscription { endpoint_id, .. } in &now.subscriptions {
            if self.endpoint(*endpoint_id).await?.is_none() {
                continue;
            }
            let changes = EndpointChanges {
                event_types: settings
                    .topics
                    .is_some()
                    .then(|| topics::event_types(&chosen.topics))
                    .filter(|types| !types.is_empty()),
                profile: settings.signature_key.clone().map(|key| profile(Some(key))),
                ..EndpointChanges::default()
            };
            self.endpoints.update(viewer, &endpoint_id.to_string(), changes).await?;
        }
        if settings.notification_url.is_some() {
            self.address(viewer, (found, configured), chosen, &settings).await?;
        }
        if settings.events_enabled == Some(true) {
            self.execute(viewer, of, InstanceCommand::EnableEvents).await?;
        }
        self.set_sending(viewer, &self.changed(*id).await?.details).await
    }

    /// Another address is another subscription, of the same endpoint: what waits for it is sent there.
    async fn address(
        &self,
        viewer: &Viewer,
        (found, configured): (&FoundInstance, Option<Subscription>),
        chosen: &Chosen,
        settings: &Settings,
    ) -> Result<(), Error> {
        let details = self.changed(found.id).await?.details;
        let of = (found.id, details.account_id);
        // None also where making it was broken off, or somebody deleted it.
        let endpoint = match &configured {
            Some(configured) => self.endpoint(configured.endpoint_id).await?,
            None => None,
        };
        match (&chosen.notification_url, configured, endpoint) {
            (None, None, _) => {}
            (None, Some(Subscription { number, endpoint_id, .. }), _) => {
                self.delete_endpoint(viewer, endpoint_id).await?;
                self.execute(viewer, of, InstanceCommand::RemoveSubscription { number }).await?;
            }
            (Some(url), Some(Subscription { endpoint_id, .. }), Some(before)) => {
                let changes = EndpointChanges { url: Some(url.clone()), ..EndpointChanges::default() };
                self.endpoints.update(viewer, &endpoint_id.to_string(), changes).await?;
                if self
                    .endpoint(endpoint_id)
                    .await?
                    .is_some_and(|endpoint| endpoint.settings.url != before.settings.url)
                {
                    let renumbered = Subscription { number: new_number(), endpoint_id, configured: true };
                    self.execute(viewer, of, InstanceCommand::AddSubscription(renumbered)).await?;
                }
            }
            (Some(url), _, _) => {
                let (key, new) = (settings.signature_key.clone(), new_subscription(true));
                self.subscribe(viewer, (found.id, &details), (url, key, &chosen.topics), new).await?;
            }
        }
        Ok(())
    }
}

fn not_finished() -> Refused {
    let message = "the instance was never finished: delete it, and create another";
    Refused::new("NOT_FINISHED", message, None)
}

/// What an instance is to be with these settings.
fn chosen(found: &FoundInstance, settings: &Settings) -> Result<Chosen, Refused> {
    let present = found.endpoint.as_ref().map(|endpoint| endpoint.settings.url.clone());
    Ok(Chosen {
        events_enabled: settings.events_enabled.unwrap_or(found.details.events_enabled),
        notification_url: match &settings.notification_url {
            Some(url) => Some(url.clone()).filter(|url| !url.trim().is_empty()),
            None => present,
        },
        topics: match &settings.topics {
            Some(topics) => topics::parse(topics)?,
            None => found.topics().to_vec(),
        },
    })
}
