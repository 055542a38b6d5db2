//! Whether a store still posts its webhooks to us: what is needed is compared with what there is, and the difference mended. What
//! others made at the store is left alone. Doing it twice does nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::TimeDelta;
use domain::IntegrationId;
use domain::integration::{AccessLost, Integration, IntegrationCommand, Provider};
use domain::store::{CheckCause, Comparing, Step, Store, StoreCommand, SubscriptionsChecked};
use event_log::CommandError;
use providers::{NewSubscription, StoreApi, Subscription, SubscriptionApi, SubscriptionRefusal};

use super::{Stores, Visit};
use crate::app::error::Error;
use crate::app::links::{CurrentLink, webhook_url};
use crate::ports::stores::{CallFailure, Target, api_of};

/// Pages of webhooks that are read: a store that lists the same one for ever is not followed.
const MAX_PAGES: usize = 20;
/// How long a check may take with all its calls: less than the lease of a store lasts.
const CHECK_TIMEOUT: Duration = Duration::from_mins(1);

/// By which Shopify says that the app is gone.
const UNINSTALLED: &str = "app/uninstalled";
/// How long a store that is disconnected is called for at most.
const WITHDRAW_TIMEOUT: Duration = Duration::from_secs(20);
/// How long an earlier secret counts beside the one of a new subscription: what was signed with it may still be on its way.
const OVERLAP_HOURS: u32 = 24;

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
    visit: Visit<'a>,
    api: &'static dyn SubscriptionApi,
    target: Target<'a>,
}

impl Stores {
    /// Compares and mends, under a lease of the store. Whatever comes of it is recorded.
    pub(crate) async fn check(&self, visit: Visit<'_>, cause: CheckCause) -> Result<(), Error> {
        let provider = visit.link.provider.as_str();
        let outcome = self.check_under_lease(visit, cause).await;
        self.metrics.store_checked(provider, outcome.as_ref().copied().unwrap_or("failed"));
        outcome.map(drop)
    }

    async fn check_under_lease(&self, visit: Visit<'_>, cause: CheckCause) -> Result<&'static str, Error> {
        let link = visit.link;
        let (Some(api), Some(target)) = (api_of(link.provider), visit.target()) else {
            self.record(&visit, visit.pause(self.integrations.now())).await?;
            return Ok("nothing");
        };
        let checking = async {
            if let Some(api) = api.subscriptions() {
                return Check { stores: self, visit: visit.clone(), api, target }.run(cause).await.map(|()| "checked");
            }
            let Some(request) = api.token_status() else {
                self.record(&visit, visit.pause(self.integrations.now())).await?;
                return Ok("nothing");
            };
            self.client.call(&target, &request).await?;
            self.record(&visit, checked(link, self.nothing_asked_for(link, cause))).await?;
            Ok("checked")
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
                self.lose_access(&visit, reason).await?;
                return Ok("access_lost");
            }
            Ok(Err(Ended::Call(failure))) => (failure.to_string(), failure.retry_after()),
            Ok(Err(Ended::Malformed(malformed))) => {
                (format!("what it responded with means nothing: {malformed}"), None)
            }
            Err(_) => ("it took too long".to_owned(), None),
        };
        let (now, integration_sequence) = (self.integrations.now(), visit.integration_sequence());
        let retry_after = retry_after.and_then(|after| TimeDelta::from_std(after).ok());
        let step = Step::NotChecked { cause, reason, now, retry_after, integration_sequence };
        self.record(&visit, step).await?;
        Ok("not_checked")
    }

    /// Has the store send nothing more of what was asked for here. False where it may go on.
    pub(super) async fn withdraw(&self, visit: Visit<'_>) -> Result<bool, Error> {
        let api = api_of(visit.link.provider).and_then(StoreApi::subscriptions);
        let (Some(api), Some(target)) = (api, visit.target()) else { return Ok(true) };
        let id = visit.id;
        let check = Check { stores: self, visit, api, target };
        match tokio::time::timeout(WITHDRAW_TIMEOUT, check.withdraw()).await {
            // Where the token is not known the app is gone from the store, and its webhooks with it.
            Ok(Ok(()) | Err(Ended::Call(CallFailure::Unauthorized { .. }))) => Ok(true),
            Ok(Err(Ended::Failed(error))) => Err(error),
            Ok(Err(Ended::Call(_) | Ended::Malformed(_))) | Err(_) => {
                tracing::warn!(integration = %id, "a store that is disconnected may go on sending its webhooks");
                Ok(false)
            }
        }
    }

    /// The token that the store was called with is taken no more.
    pub(crate) async fn lose_access(&self, visit: &Visit<'_>, reason: AccessLost) -> Result<(), Error> {
        let access = visit.link.store_access.as_ref();
        let token = access.and_then(|access| access.token.known()).map(|token| token.as_str().into());
        let lose = IntegrationCommand::LoseStoreAccess { token, reason };
        let log = &self.integrations.data.log;
        let committed = log.execute::<Integration>(visit.id, lose, visit.origin.clone()).await?;
        if committed.events.is_empty() {
            // The token was replaced meanwhile.
            let back = visit.worker.map(|_| Step::HandBack { now: self.integrations.now() });
            return match back {
                Some(back) => self.record(visit, back).await,
                None => Ok(()),
            };
        }
        tracing::warn!(integration = %visit.id, reason = reason.as_str(), "a store takes its token no more");
        self.record(visit, visit.pause(self.integrations.now())).await
    }

    /// Of a store that is asked for no webhook.
    fn nothing_asked_for(&self, link: &CurrentLink, cause: CheckCause) -> SubscriptionsChecked {
        SubscriptionsChecked {
            cause,
            present: 0,
            missing: vec![],
            disabled: vec![],
            at: self.integrations.now(),
            integration_sequence: link.sequence().0.unsigned_abs(),
        }
    }

    pub(crate) async fn record(&self, visit: &Visit<'_>, step: Step) -> Result<(), Error> {
        let (account_id, worker) = (visit.link.account_id, visit.worker.map(str::to_owned));
        let command = StoreCommand { account_id, worker, step };
        let done = self.integrations.data.log.execute::<Store>(visit.id, command, visit.origin.clone()).await;
        done.map(drop).map_err(|error: CommandError<_>| {
            tracing::warn!(integration = %visit.id, %error, "what was done at a store cannot be recorded");
            Error::Unavailable
        })
    }

    /// Where the webhooks of an integration are posted.
    pub(crate) fn address_of(&self, id: IntegrationId, link: &CurrentLink) -> String {
        let own = || webhook_url(&self.public_url, link.provider.as_str(), &id);
        link.notification_url.clone().unwrap_or_else(own)
    }
}

/// What a check found. Its orders are compared from now on, where they can be listed and were not before.
fn checked(link: &CurrentLink, checked: SubscriptionsChecked) -> Step {
    let reports =
        |kind: &str| link.topics.as_ref().is_none_or(|topics| topics.iter().any(|topic| topic.starts_with(kind)));
    // Where a store is not asked to report changes, those that did not come are not missing.
    let lists = reports("orders/updated") && api_of(link.provider).and_then(StoreApi::order_lists).is_some();
    let compares_from = lists.then(|| Comparing::from(checked.at));
    let fills = reports("products/") && api_of(link.provider).and_then(StoreApi::catalogue).is_some();
    Step::Checked { checked, compares_from, fills }
}

impl Check<'_> {
    async fn run(&self, cause: CheckCause) -> Result<(), Ended> {
        let address = self.stores.address_of(self.visit.id, self.visit.link);
        let known = self.known().await?;
        let all = self.list().await?;
        let ours: Vec<&Subscription> = all.iter().filter(|one| one.address == address).collect();
        let mut wanted: BTreeSet<&str> = self.api.topics(self.visit.link.purpose).into_iter().collect();
        if let Some(chosen) = &self.visit.link.topics {
            wanted.retain(|topic| *topic == UNINSTALLED || chosen.iter().any(|chosen| chosen == topic));
        }
        if self.visit.link.poll_every_minutes.is_some() {
            // The store is asked in place of webhooks, but for the one that cannot be asked for.
            wanted.retain(|topic| *topic == UNINSTALLED);
        }
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
            ..self.stores.nothing_asked_for(self.visit.link, cause)
        };
        self.enable(&ours, &disabled).await?;
        self.make(&missing, &address).await?;
        self.remove(&all, &wanted, &known, &address).await?;
        self.record(self::checked(self.visit.link, checked)).await
    }

    async fn withdraw(&self) -> Result<(), Ended> {
        let address = self.stores.address_of(self.visit.id, self.visit.link);
        self.remove(&self.list().await?, &BTreeSet::new(), &self.known().await?, &address).await
    }

    async fn known(&self) -> Result<Store, Ended> {
        let loaded = self.stores.integrations.data.log.load::<Store>(self.visit.id).await;
        Ok(loaded.map_err(Error::from)?.aggregate)
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
            let secret = self.visit.link.signing_secrets(self.stores.integrations.now()).next();
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

    /// What was made here and is not needed any more, be it because the address has changed; and what would be sent twice. Of what is
    /// posted here to no avail it does not matter who made it: a check that was killed may have, before it could say so.
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
                continue;
            }
            let is_needed_once = topics.iter().all(|topic| wanted.contains(topic) || wanted.is_empty());
            if known.has_made(&subscription.id) || (subscription.address == address && is_needed_once) {
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
        log.execute::<Integration>(self.visit.id, set, self.visit.origin.clone()).await.map_err(Error::from)?;
        Ok(())
    }

    async fn refused(&self, topics: &[&str], reason: String) -> Result<(), Ended> {
        let topics = topics.iter().map(|topic| (*topic).to_owned()).collect();
        self.record(Step::Refused { topics, reason }).await
    }

    async fn record(&self, step: Step) -> Result<(), Ended> {
        Ok(self.stores.record(&self.visit, step).await?)
    }
}
