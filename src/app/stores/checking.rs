//! Whether a store still posts its webhooks to us: what is needed is compared with what there is, and the difference mended. What
//! others made at the store is left alone. Doing it twice does nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::TimeDelta;
use domain::IntegrationId;
use domain::integration::{AccessLost, Integration, IntegrationCommand, Provider};
use domain::store::{CheckCause, Step, Store, StoreCommand, SubscriptionsChecked};
use event_log::{CommandError, Origin};
use providers::{NewSubscription, StoreApi, Subscription, SubscriptionApi, SubscriptionRefusal};

use super::Stores;
use crate::app::error::Error;
use crate::app::links::{CurrentLink, webhook_url};
use crate::ports::stores::{CallFailure, Target, api_of};

/// Pages of webhooks that are read: a store that lists the same one for ever is not followed.
const MAX_PAGES: usize = 20;
/// How long a check may take with all its calls.
const CHECK_TIMEOUT: Duration = Duration::from_mins(1);

/// How long a store that is disconnected is called for at most.
const WITHDRAW_TIMEOUT: Duration = Duration::from_secs(20);
/// How long an earlier secret counts beside the one of a new subscription: what was signed with it may still be on its way.
const OVERLAP_HOURS: u32 = 24;

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    /// What is needed was compared with what there is.
    Checked,
    /// There is nothing to be compared: the integration is switched off, not connected, or its platform has no such API.
    NothingToCheck,
    /// The store takes the token no more, which is recorded.
    AccessLost,
    /// It is tried again by itself.
    NotChecked { reason: String },
}

/// Why a check ended early.
enum Ended {
    Call(CallFailure),
    /// What the store responded with means nothing.
    Malformed(String),
    /// Nothing can be recorded.
    Failed(Error),
}

impl From<CallFailure> for Ended {
    fn from(failure: CallFailure) -> Self {
        Self::Call(failure)
    }
}

impl From<Error> for Ended {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<providers::Malformed> for Ended {
    fn from(malformed: providers::Malformed) -> Self {
        Self::Malformed(malformed.to_string())
    }
}

/// One check of one store.
struct Check<'a> {
    stores: &'a Stores,
    id: IntegrationId,
    link: &'a CurrentLink,
    api: &'static dyn SubscriptionApi,
    target: Target<'a>,
    origin: Origin,
}

impl Stores {
    /// Compares and mends, one check of an integration at a time. Whatever comes of it is recorded.
    pub(crate) async fn check(
        &self,
        id: IntegrationId,
        cause: CheckCause,
        origin: Origin,
    ) -> Result<CheckOutcome, Error> {
        let _turn = self.checks.of(id).await;
        let Some(link) = self.integrations.found(id).await?.filter(|link| link.active) else {
            return Ok(CheckOutcome::NothingToCheck);
        };
        let outcome = self.check_linked(id, &link, cause, origin).await;
        let word = match &outcome {
            Ok(CheckOutcome::NothingToCheck) => return outcome,
            Ok(CheckOutcome::Checked) => "checked",
            Ok(CheckOutcome::NotChecked { .. }) => "not_checked",
            Ok(CheckOutcome::AccessLost) => "access_lost",
            Err(_) => "failed",
        };
        self.metrics.store_checked(link.provider.as_str(), word);
        outcome
    }

    async fn check_linked(
        &self,
        id: IntegrationId,
        link: &CurrentLink,
        cause: CheckCause,
        origin: Origin,
    ) -> Result<CheckOutcome, Error> {
        let target = link.store_access.as_ref().and_then(|access| Target::api(link.provider, access));
        let (Some(api), Some(target)) = (api_of(link.provider), target.filter(Target::has_token)) else {
            return Ok(CheckOutcome::NothingToCheck);
        };
        let checking = async {
            if let Some(api) = api.subscriptions() {
                Check { stores: self, id, link, api, target, origin: origin.clone() }.run(cause).await?;
                return Ok(CheckOutcome::Checked);
            }
            let Some(request) = api.token_status() else { return Ok(CheckOutcome::NothingToCheck) };
            self.client.call(&target, &request).await?;
            let checked = self.checked(link, cause);
            self.record(id, link, Step::Checked(checked), origin.clone()).await?;
            Ok(CheckOutcome::Checked)
        };
        let ended = tokio::time::timeout(CHECK_TIMEOUT, checking).await;
        let (reason, retry_after) = match ended {
            Ok(Ok(outcome)) => return Ok(outcome),
            Ok(Err(Ended::Failed(error))) => return Err(error),
            Ok(Err(Ended::Call(CallFailure::Unauthorized { .. }))) => {
                let reason = match (cause, link.provider) {
                    (CheckCause::Revoked, Provider::Square) => AccessLost::Revoked,
                    (CheckCause::Revoked, _) => AccessLost::Uninstalled,
                    _ => AccessLost::Refused,
                };
                self.lose_access(id, link, reason, origin).await?;
                return Ok(CheckOutcome::AccessLost);
            }
            Ok(Err(Ended::Call(failure))) => {
                let retry_after = match &failure {
                    CallFailure::Unavailable { retry_after, .. } => *retry_after,
                    CallFailure::Unauthorized { .. } | CallFailure::Forbidden { .. } | CallFailure::NotFound { .. } => {
                        None
                    }
                };
                (failure.to_string(), retry_after)
            }
            Ok(Err(Ended::Malformed(malformed))) => {
                (format!("what it responded with means nothing: {malformed}"), None)
            }
            Err(_) => ("it took too long".to_owned(), None),
        };
        let retry_after = retry_after.and_then(|after| TimeDelta::from_std(after).ok());
        let (now, integration_sequence) = (self.integrations.now(), link.sequence().0.unsigned_abs());
        let step = Step::NotChecked { cause, reason: reason.clone(), now, retry_after, integration_sequence };
        self.record(id, link, step, origin).await?;
        Ok(CheckOutcome::NotChecked { reason })
    }

    /// Has the store send nothing more of what was asked for here. What cannot be done is left: the store is not ours.
    pub(super) async fn withdraw(&self, id: IntegrationId, link: &CurrentLink, origin: Origin) -> Result<(), Error> {
        let api = api_of(link.provider).and_then(StoreApi::subscriptions);
        let target = link.store_access.as_ref().and_then(|access| Target::api(link.provider, access));
        let (Some(api), Some(target)) = (api, target.filter(Target::has_token)) else { return Ok(()) };
        let check = Check { stores: self, id, link, api, target, origin };
        match tokio::time::timeout(WITHDRAW_TIMEOUT, check.withdraw()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Ended::Failed(error))) => Err(error),
            Ok(Err(Ended::Call(_) | Ended::Malformed(_))) | Err(_) => {
                tracing::warn!(integration = %id, "a store that is disconnected may go on sending its webhooks");
                Ok(())
            }
        }
    }

    /// The token that the store was called with is taken no more.
    pub(crate) async fn lose_access(
        &self,
        id: IntegrationId,
        link: &CurrentLink,
        reason: AccessLost,
        origin: Origin,
    ) -> Result<(), Error> {
        let token =
            link.store_access.as_ref().and_then(|access| access.token.known()).map(|token| token.as_str().into());
        let lose = IntegrationCommand::LoseStoreAccess { token, reason };
        let log = &self.integrations.data.log;
        let committed = log.execute::<Integration>(id, lose, origin).await?;
        if !committed.events.is_empty() {
            tracing::warn!(integration = %id, reason = reason.as_str(), "a store takes its token no more");
        }
        Ok(())
    }

    /// Of a store that is asked for no webhook.
    fn checked(&self, link: &CurrentLink, cause: CheckCause) -> SubscriptionsChecked {
        SubscriptionsChecked {
            cause,
            present: 0,
            missing: vec![],
            disabled: vec![],
            at: self.integrations.now(),
            integration_sequence: link.sequence().0.unsigned_abs(),
        }
    }

    async fn record(&self, id: IntegrationId, link: &CurrentLink, step: Step, origin: Origin) -> Result<(), Error> {
        let command = StoreCommand { account_id: link.account_id, step };
        let done = self.integrations.data.log.execute::<Store>(id, command, origin).await;
        done.map(drop).map_err(|error: CommandError<_>| {
            tracing::error!(%error, "what was done at a store cannot be recorded");
            Error::Unavailable
        })
    }

    /// Where the webhooks of an integration are posted.
    pub(crate) fn address_of(&self, id: IntegrationId, link: &CurrentLink) -> String {
        let own = || webhook_url(&self.public_url, link.provider.as_str(), &id);
        link.notification_url.clone().unwrap_or_else(own)
    }
}

impl Check<'_> {
    async fn run(&self, cause: CheckCause) -> Result<(), Ended> {
        let address = self.stores.address_of(self.id, self.link);
        let known = self.stores.integrations.data.log.load::<Store>(self.id).await.map_err(Error::from)?.aggregate;
        let all = self.list().await?;
        let ours: Vec<&Subscription> = all.iter().filter(|one| one.address == address).collect();
        let wanted: BTreeSet<&str> = self.api.topics(self.link.purpose).into_iter().collect();
        let mut by_topic: BTreeMap<&str, Vec<&Subscription>> = BTreeMap::new();
        for subscription in &ours {
            for topic in &subscription.topics {
                by_topic.entry(topic).or_default().push(subscription);
            }
        }
        let missing: Vec<&str> = wanted.iter().filter(|topic| !by_topic.contains_key(*topic)).copied().collect();
        let is_on = |topic: &str| by_topic[topic].iter().any(|subscription| subscription.is_enabled);
        let disabled: Vec<&str> =
            wanted.iter().filter(|topic| by_topic.contains_key(*topic) && !is_on(topic)).copied().collect();
        let owned = |topics: &[&str]| topics.iter().map(|topic| (*topic).to_owned()).collect::<Vec<_>>();
        let checked = SubscriptionsChecked {
            present: u32::try_from(wanted.len() - missing.len() - disabled.len()).unwrap_or(u32::MAX),
            missing: owned(&missing),
            disabled: owned(&disabled),
            ..self.stores.checked(self.link, cause)
        };
        self.enable(&ours, &disabled).await?;
        self.make(&missing, &address).await?;
        self.remove(&all, &wanted, &known, &address).await?;
        self.record(Step::Checked(checked)).await
    }

    async fn withdraw(&self) -> Result<(), Ended> {
        let known = self.stores.integrations.data.log.load::<Store>(self.id).await.map_err(Error::from)?.aggregate;
        let address = self.stores.address_of(self.id, self.link);
        self.remove(&self.list().await?, &BTreeSet::new(), &known, &address).await
    }

    async fn list(&self) -> Result<Vec<Subscription>, Ended> {
        let (mut all, mut cursor) = (vec![], None::<String>);
        for _ in 0..MAX_PAGES {
            let request = self.api.list(self.target.store(), cursor.as_deref())?;
            let body = self.stores.client.call(&self.target, &request).await?;
            let page = self.api.listed(&body, cursor.as_deref())?;
            all.extend(page.subscriptions);
            match page.next {
                None => return Ok(all),
                // The same page again has no end.
                Some(next) if cursor.as_ref() == Some(&next) => break,
                Some(next) => cursor = Some(next),
            }
        }
        Err(Ended::Malformed("the list of its webhooks has no end".to_owned()))
    }

    /// One that the store has stopped goes on.
    async fn enable(&self, ours: &[&Subscription], disabled: &[&str]) -> Result<(), Ended> {
        let is_needed = |one: &&&Subscription| one.topics.iter().any(|topic| disabled.contains(&topic.as_str()));
        for subscription in ours.iter().filter(|one| !one.is_enabled).filter(is_needed) {
            let Some(request) = self.api.enable(self.target.store(), &subscription.id) else { continue };
            self.stores.client.call(&self.target, &request?).await?;
            let (subscription_id, topics) = (subscription.id.clone(), subscription.topics.clone());
            self.record(Step::Enabled { subscription_id, topics }).await?;
        }
        Ok(())
    }

    async fn make(&self, missing: &[&str], address: &str) -> Result<(), Ended> {
        let of_one = if self.api.takes_several_topics() { missing.len().max(1) } else { 1 };
        for topics in missing.chunks(of_one) {
            let secret = self.link.signing_secrets(self.stores.integrations.now()).next();
            let wanted = NewSubscription { topics, address, secret };
            let request = self.api.create(self.target.store(), &wanted)?;
            let body = match self.stores.client.call(&self.target, &request).await {
                Ok(body) => body,
                Err(failure @ CallFailure::Forbidden { .. }) => {
                    self.refused(topics, failure.to_string()).await?;
                    continue;
                }
                Err(failure) => return Err(failure.into()),
            };
            match self.api.created(&body) {
                Ok(created) => {
                    if let Some(secret) = created.secret {
                        self.take_over(secret).await?;
                    }
                    let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
                    let made = Step::Made { subscription_id: created.id, topics, address: address.to_owned() };
                    self.record(made).await?;
                }
                Err(SubscriptionRefusal::Refused(reason)) => self.refused(topics, reason).await?,
                Err(SubscriptionRefusal::Malformed(malformed)) => return Err(malformed.into()),
            }
        }
        Ok(())
    }

    /// What was made here and is not needed any more, be it because the address has changed; and what would be sent twice.
    async fn remove(
        &self,
        all: &[Subscription],
        wanted: &BTreeSet<&str>,
        known: &Store,
        address: &str,
    ) -> Result<(), Ended> {
        let mut sent: BTreeSet<&str> = BTreeSet::new();
        for subscription in all {
            let topics: Vec<&str> = subscription.topics.iter().map(String::as_str).collect();
            let adds_something = topics.iter().any(|topic| wanted.contains(topic) && !sent.contains(topic));
            if subscription.address == address && adds_something {
                sent.extend(&topics);
            } else if known.has_made(&subscription.id) {
                let request = self.api.delete(self.target.store(), &subscription.id)?;
                match self.stores.client.call(&self.target, &request).await {
                    Ok(_) | Err(CallFailure::NotFound { .. }) => {}
                    Err(failure) => return Err(failure.into()),
                }
                let (subscription_id, topics) = (subscription.id.clone(), subscription.topics.clone());
                self.record(Step::Removed { subscription_id, topics }).await?;
            }
        }
        Ok(())
    }

    /// What the platform chose to sign with.
    async fn take_over(&self, secret: String) -> Result<(), Ended> {
        let (secret, now) = (secret.into(), self.stores.integrations.now());
        let set = IntegrationCommand::SetSigningSecret { secret, now, overlap_hours: OVERLAP_HOURS };
        let log = &self.stores.integrations.data.log;
        log.execute::<Integration>(self.id, set, self.origin.clone()).await.map_err(Error::from)?;
        Ok(())
    }

    async fn refused(&self, topics: &[&str], reason: String) -> Result<(), Ended> {
        let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
        self.record(Step::Refused { topics, reason }).await
    }

    async fn record(&self, step: Step) -> Result<(), Ended> {
        Ok(self.stores.record(self.id, self.link, step, self.origin.clone()).await?)
    }
}
