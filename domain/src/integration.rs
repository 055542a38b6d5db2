//! An integration: one merchant's link to one store, with its signing secrets, mappings and order-status filter.

mod command;
mod connecting;
mod event;
mod order_status;
mod provider;
mod purpose;
mod refusal;
mod signing_secret;
mod store_access;
#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

pub use command::{CreateIntegration, IntegrationCommand};
pub use connecting::{Authorization, ConnectionAttempt, Grant, MAX_APP_CHARS, StoreApp};
pub use event::{IntegrationCreated, IntegrationEvent};
pub use order_status::ANY_ORDER_STATUS;
pub(crate) use order_status::is_never_delivered;
pub use provider::Provider;
pub use purpose::Purpose;
pub use refusal::IntegrationRefusal;
pub use signing_secret::{
    MAX_OVERLAP_HOURS, MAX_PREVIOUS_SECRETS, MAX_SECRET_CHARS, WEAK_SECRET_CHARS, is_weak_secret,
};
use signing_secret::{PreviousSecret, valid_secret};
use store_access::valid_notification_url;
pub use store_access::{AccessLost, MAX_NOTIFICATION_URL_CHARS, MAX_TOKEN_CHARS, StoreAccess, require_signed_address};

use crate::asset::MAX_REFERENCE_CHARS;
use crate::commerce::Currency;
use crate::event::{EventSourced, Owner, aggregate};
use crate::invisible::is_blank;
use crate::{AccountId, ItemMapping, Private};

pub const MAX_NAME_CHARS: usize = 200;
pub const MAX_MAPPINGS: usize = 5_000;
pub const MAX_ORDER_STATUSES: usize = 50;
/// Topics that a store is asked to report.
pub const MAX_TOPICS: usize = 100;
const MAX_TOPIC_CHARS: usize = 100;
/// How often a store is asked what it changed, where it is.
pub const POLL_MINUTES: RangeInclusive<u32> = 5..=1_440;

/// The fold of an integration's stream. The default is one that was never created.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Integration {
    #[default]
    Initial,
    Created(Box<Link>),
}

/// What is known of an integration that exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Link {
    pub account_id: AccountId,
    pub provider: Provider,
    pub name: String,
    #[serde(default, skip_serializing_if = "Purpose::is_default")]
    pub purpose: Purpose,
    /// Its purpose is or was one that delivers: there may be deliveries of its orders, whatever it is now.
    pub has_delivered: bool,
    pub active: bool,
    /// The statuses of an order that are delivered; empty means every status.
    pub order_statuses: Vec<String>,
    pub mappings: Vec<ItemMapping>,
    /// None as long as the store's own was not handed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<Private<String>>,
    /// The address that the store was given for its webhooks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_url: Option<String>,
    /// What the store's prices are in, where it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// How often the store is asked what it changed, in place of webhooks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_every_minutes: Option<u32>,
    /// What the store is asked to report, in its platform's words. None for all that the purpose needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topics: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_access: Option<StoreAccess>,
    /// The store that access was last given to: it stays the integration's, whatever becomes of the access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_store: Option<String>,
    /// The attempt to connect it that is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connecting: Option<ConnectionAttempt>,
    /// The merchant's own app, where it is not the operator's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<StoreApp>,
    /// The latest last, [`MAX_PREVIOUS_SECRETS`] at most.
    previous_secrets: Vec<PreviousSecret>,
}

impl Integration {
    pub fn link(&self) -> Option<&Link> {
        match self {
            Self::Initial => None,
            Self::Created(link) => Some(link),
        }
    }

    /// Decides a command. The same fact again decides to nothing; a different one that cannot be is refused.
    pub fn decide(&self, command: IntegrationCommand) -> Result<Vec<IntegrationEvent>, IntegrationRefusal> {
        match (self, command) {
            (Self::Initial, IntegrationCommand::Create(create)) => create_first(create),
            (Self::Created(link), IntegrationCommand::Create(create)) => link.create_again(&create),
            (Self::Initial, _) => Err(IntegrationRefusal::NotCreated),
            (Self::Created(link), command) => link.decide(command),
        }
    }
}

fn create_first(create: CreateIntegration) -> Result<Vec<IntegrationEvent>, IntegrationRefusal> {
    let secret = create.signing_secret.as_ref().map(valid_secret).transpose()?;
    Ok(vec![IntegrationEvent::IntegrationCreated(IntegrationCreated {
        account_id: create.account_id,
        provider: create.provider,
        name: valid_name(&create.name)?,
        purpose: create.purpose,
        secret_preview: secret.as_deref().map(crate::private::preview),
        signing_secret: secret.map(Private::Known),
        notification_url: Some(valid_notification_url(&create.notification_url)?),
        order_statuses: match create.order_statuses {
            Some(chosen) => order_status::valid(chosen)?,
            None => order_status::default_of(create.provider),
        },
    })])
}

impl Link {
    fn create_again(&self, create: &CreateIntegration) -> Result<Vec<IntegrationEvent>, IntegrationRefusal> {
        let same = self.account_id == create.account_id
            && self.provider == create.provider
            && create.signing_secret.as_ref().is_none_or(|secret| self.is_secret(secret.expose_secret()));
        if same { Ok(vec![]) } else { Err(IntegrationRefusal::AlreadyCreated) }
    }

    fn decide(&self, command: IntegrationCommand) -> Result<Vec<IntegrationEvent>, IntegrationRefusal> {
        let event = match command {
            IntegrationCommand::Create(create) => return self.create_again(&create),
            IntegrationCommand::Rename { name } => {
                let name = valid_name(&name)?;
                (name != self.name).then_some(IntegrationEvent::IntegrationRenamed { name })
            }
            IntegrationCommand::ChangePurpose { purpose } => {
                (purpose != self.purpose).then_some(IntegrationEvent::PurposeChanged { purpose })
            }
            IntegrationCommand::Activate => (!self.active).then_some(IntegrationEvent::IntegrationActivated {}),
            IntegrationCommand::Deactivate => self.active.then_some(IntegrationEvent::IntegrationDeactivated {}),
            IntegrationCommand::ChangeOrderStatuses { order_statuses } => {
                let order_statuses = order_status::valid(order_statuses)?;
                (order_statuses != self.order_statuses)
                    .then_some(IntegrationEvent::OrderStatusesChanged { order_statuses })
            }
            // It would be of no use to the store, and void the right one.
            IntegrationCommand::RotateSigningSecret { .. } if self.provider.chooses_secret() => {
                return Err(IntegrationRefusal::SecretOfStore { provider: self.provider });
            }
            IntegrationCommand::SetSigningSecret { secret, now: _, overlap_hours: 0 }
            | IntegrationCommand::RotateSigningSecret { secret, now: _, overlap_hours: 0 } => {
                self.set_secret(&secret)?
            }
            // Chosen by the store or by us: it replaces another one, which stays valid for a time.
            IntegrationCommand::SetSigningSecret { secret, now, overlap_hours }
            | IntegrationCommand::RotateSigningSecret { secret, now, overlap_hours } => {
                self.replace_secret(secret, now, overlap_hours)?
            }
            IntegrationCommand::ChangeNotificationUrl { notification_url } => {
                require_signed_address(self.provider)?;
                let notification_url = valid_notification_url(&notification_url)?;
                (self.notification_url.as_ref() != Some(&notification_url))
                    .then_some(IntegrationEvent::NotificationUrlChanged { notification_url })
            }
            IntegrationCommand::ChangeCurrency { currency } => {
                let currency = Currency::parse(&currency).ok_or(IntegrationRefusal::InvalidCurrency)?;
                (self.currency != Some(currency)).then_some(IntegrationEvent::CurrencyChanged { currency })
            }
            IntegrationCommand::ChangePolling { every_minutes } => {
                if every_minutes.is_some_and(|minutes| !POLL_MINUTES.contains(&minutes)) {
                    return Err(IntegrationRefusal::InvalidPollInterval);
                }
                (self.poll_every_minutes != every_minutes).then_some(IntegrationEvent::PollingChanged { every_minutes })
            }
            IntegrationCommand::ChooseTopics { topics } => {
                let topics = topics.map(valid_topics).transpose()?;
                (topics != self.topics).then_some(IntegrationEvent::TopicsChosen { topics })
            }
            IntegrationCommand::SaveStoreAccess { token, store } => {
                Some(store_access::save_store_access(&token, store)?)
            }
            IntegrationCommand::RenewStoreAccess { old_token, grant } => {
                self.renew_access(old_token.expose_secret(), grant)?
            }
            IntegrationCommand::LoseStoreAccess { token, reason } => {
                self.lose_access(token.as_ref().map(ExposeSecret::expose_secret), reason)
            }
            IntegrationCommand::StartConnecting { attempt } => Some(self.start_connecting(attempt)?),
            IntegrationCommand::CompleteConnecting { attempt_id, grant, now } => {
                Some(self.complete_connecting(attempt_id, grant, now)?)
            }
            IntegrationCommand::FailConnecting { attempt_id, reason } => self.fail_connecting(attempt_id, &reason),
            IntegrationCommand::SaveStoreApp { client_id, client_secret } => {
                self.save_app(&client_id, client_secret.expose_secret())?
            }
            IntegrationCommand::RemoveStoreApp => self.app.is_some().then_some(IntegrationEvent::StoreAppRemoved {}),
            IntegrationCommand::RemoveStoreAccess => return Ok(self.disconnect()),
            IntegrationCommand::AddItemMapping { mapping } => self.add_mapping(mapping)?,
            IntegrationCommand::RemoveItemMapping { mapping_id } => self
                .mappings
                .iter()
                .any(|mapping| mapping.id == mapping_id)
                .then_some(IntegrationEvent::ItemMappingRemoved { mapping_id }),
        };
        Ok(event.into_iter().collect())
    }

    fn add_mapping(&self, mut mapping: ItemMapping) -> Result<Option<IntegrationEvent>, IntegrationRefusal> {
        mapping.external_ref = mapping.external_ref.trim().to_owned();
        let is_blank = mapping.match_type.is_blank(&mapping.external_ref);
        if is_blank || mapping.external_ref.chars().count() > MAX_REFERENCE_CHARS {
            return Err(IntegrationRefusal::InvalidExternalRef);
        }
        let length = mapping.asset.resource_id.chars().count();
        if length == 0 || length > MAX_REFERENCE_CHARS {
            return Err(IntegrationRefusal::InvalidResourceId);
        }
        if self.mapping_like(&mapping).is_some() {
            return Ok(None);
        }
        if self.mappings.len() >= MAX_MAPPINGS {
            return Err(IntegrationRefusal::TooManyMappings);
        }
        Ok(Some(IntegrationEvent::ItemMappingAdded { mapping }))
    }

    /// The mapping that already says the same, whatever its id.
    pub fn mapping_like(&self, wanted: &ItemMapping) -> Option<&ItemMapping> {
        self.mappings.iter().find(|mapping| mapping.says_the_same_as(wanted))
    }
}

/// Sorted, and each once.
fn valid_topics(mut topics: Vec<String>) -> Result<Vec<String>, IntegrationRefusal> {
    let is_valid = |topic: &String| {
        (1..=MAX_TOPIC_CHARS).contains(&topic.len()) && topic.bytes().all(|byte| byte.is_ascii_graphic())
    };
    if topics.len() > MAX_TOPICS || !topics.iter().all(is_valid) {
        return Err(IntegrationRefusal::InvalidTopics);
    }
    topics.sort_unstable();
    topics.dedup();
    Ok(topics)
}

fn valid_name(name: &str) -> Result<String, IntegrationRefusal> {
    let name = name.trim();
    let length = name.chars().count();
    if is_blank(name) || length > MAX_NAME_CHARS { Err(IntegrationRefusal::InvalidName) } else { Ok(name.to_owned()) }
}

aggregate!(Integration, "integration", IntegrationCommand, IntegrationEvent, IntegrationRefusal);

impl Integration {
    fn fold(&mut self, event: IntegrationEvent) {
        match (&mut *self, event) {
            (_, IntegrationEvent::IntegrationCreated(created)) => {
                *self = Self::Created(Box::new(Link {
                    account_id: created.account_id,
                    provider: created.provider,
                    name: created.name,
                    purpose: created.purpose,
                    has_delivered: created.purpose.delivers(),
                    active: true,
                    order_statuses: created.order_statuses,
                    mappings: vec![],
                    secret: created.signing_secret,
                    notification_url: created.notification_url,
                    currency: None,
                    poll_every_minutes: None,
                    topics: None,
                    store_access: None,
                    known_store: None,
                    connecting: None,
                    app: None,
                    previous_secrets: vec![],
                }));
            }
            (Self::Created(link), event) => link.apply(event),
            // Every other event comes after creation; a stream that says otherwise means nothing.
            (Self::Initial, _) => {}
        }
    }
}

impl Link {
    fn apply(&mut self, event: IntegrationEvent) {
        match event {
            IntegrationEvent::IntegrationCreated(_) => {}
            IntegrationEvent::IntegrationRenamed { name } => self.name = name,
            IntegrationEvent::PurposeChanged { purpose } => {
                self.purpose = purpose;
                self.has_delivered |= purpose.delivers();
            }
            IntegrationEvent::IntegrationActivated {} => self.active = true,
            IntegrationEvent::IntegrationDeactivated {} => self.active = false,
            IntegrationEvent::OrderStatusesChanged { order_statuses } => self.order_statuses = order_statuses,
            IntegrationEvent::SigningSecretSet { signing_secret, .. } => self.apply_secret_set(signing_secret),
            IntegrationEvent::SigningSecretRotated { signing_secret, previous_valid_until, .. } => {
                self.apply_secret_rotated(signing_secret, previous_valid_until);
            }
            IntegrationEvent::NotificationUrlChanged { notification_url } => {
                self.notification_url = Some(notification_url);
            }
            IntegrationEvent::CurrencyChanged { currency } => self.currency = Some(currency),
            IntegrationEvent::PollingChanged { every_minutes } => self.poll_every_minutes = every_minutes,
            IntegrationEvent::TopicsChosen { topics } => self.topics = topics,
            IntegrationEvent::StoreAccessSaved { token, token_preview: _, store, authorization } => {
                self.apply_access(StoreAccess { token, store, authorization, lost: None });
            }
            IntegrationEvent::StoreAccessRenewed { token, token_preview: _, refresh_token, expires_at } => {
                self.apply_renewed(token, refresh_token, expires_at);
            }
            IntegrationEvent::StoreAccessLost { reason } => {
                if let Some(access) = &mut self.store_access {
                    access.lost = Some(reason);
                }
            }
            IntegrationEvent::StoreConnectionStarted(attempt) => self.connecting = Some(attempt),
            IntegrationEvent::StoreConnectionFailed { .. } => self.connecting = None,
            IntegrationEvent::StoreAppSaved { client_id, client_secret, .. } => {
                self.app = Some(StoreApp { client_id, client_secret });
            }
            IntegrationEvent::StoreAppRemoved {} => self.app = None,
            IntegrationEvent::StoreAccessRemoved {} => self.store_access = None,
            IntegrationEvent::ItemMappingAdded { mapping } => self.mappings.push(mapping),
            IntegrationEvent::ItemMappingRemoved { mapping_id } => {
                self.mappings.retain(|mapping| mapping.id != mapping_id);
            }
        }
    }
}

impl EventSourced for Integration {
    const SNAPSHOT_VERSION: i64 = 3;

    fn owner(&self, id: &str) -> Owner {
        Owner { account_id: self.link().map(|link| link.account_id), integration_id: id.parse().ok() }
    }
}
