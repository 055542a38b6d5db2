//! An integration: one merchant's link to one store, with its signing secrets, mappings and order-status filter.

mod command;
mod event;
mod order_status;
mod provider;
mod refusal;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

pub use command::{CreateIntegration, IntegrationCommand};
pub use event::{IntegrationCreated, IntegrationEvent};
pub use order_status::ANY_ORDER_STATUS;
pub(crate) use order_status::is_never_delivered;
pub use provider::Provider;
pub use refusal::IntegrationRefusal;

use crate::asset::MAX_REFERENCE_CHARS;
use crate::event::{EventSourced, Owner, aggregate};
use crate::invisible::is_blank;
use crate::{AccountId, ItemMapping, Private};

pub const MAX_NAME_CHARS: usize = 200;
pub const MAX_MAPPINGS: usize = 5_000;
pub const MAX_ORDER_STATUSES: usize = 50;
/// Secrets that overlap with the current one at a time.
pub const MAX_PREVIOUS_SECRETS: usize = 5;
/// Longest overlap of two signing secrets, in hours: a week.
pub const MAX_OVERLAP_HOURS: u32 = 168;
/// A signing secret shorter than this, in characters, can be guessed. It is taken, for a store may use it already, and
/// warned of; an empty one never is, since anyone can sign with it.
pub const WEAK_SECRET_CHARS: usize = 8;
/// What is tried first, also with a few digits after it.
const TRIED_SECRETS: [&str; 6] = ["password", "secret", "changeme", "12345678", "qwertyui", "webhook"];
pub const MAX_SECRET_CHARS: usize = 500;

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
    pub active: bool,
    /// The statuses of an order that are delivered; empty means every status.
    pub order_statuses: Vec<String>,
    pub mappings: Vec<ItemMapping>,
    secret: Private<String>,
    /// The latest last, [`MAX_PREVIOUS_SECRETS`] at most.
    previous_secrets: Vec<PreviousSecret>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct PreviousSecret {
    secret: Private<String>,
    valid_until: DateTime<Utc>,
}

impl Link {
    /// The secrets that a signature may be made with at `now`: the current one, and previous ones while they overlap. A
    /// store goes on with the secret it has, whatever was tried here since.
    pub fn signing_secrets(&self, now: DateTime<Utc>) -> impl Iterator<Item = &str> {
        let previous = self.previous_secrets.iter().rev().filter(move |previous| now < previous.valid_until);
        [&self.secret]
            .into_iter()
            .chain(previous.map(|previous| &previous.secret))
            .filter_map(|secret| secret.known().map(String::as_str))
    }
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
    let secret = valid_secret(&create.signing_secret)?;
    Ok(vec![IntegrationEvent::IntegrationCreated(IntegrationCreated {
        account_id: create.account_id,
        provider: create.provider,
        name: valid_name(&create.name)?,
        secret_preview: crate::private::preview(&secret),
        signing_secret: Private::Known(secret),
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
            && self.secret.known().map(String::as_str) == Some(create.signing_secret.expose_secret());
        if same { Ok(vec![]) } else { Err(IntegrationRefusal::AlreadyCreated) }
    }

    fn decide(&self, command: IntegrationCommand) -> Result<Vec<IntegrationEvent>, IntegrationRefusal> {
        let event = match command {
            IntegrationCommand::Create(create) => return self.create_again(&create),
            IntegrationCommand::Rename { name } => {
                let name = valid_name(&name)?;
                (name != self.name).then_some(IntegrationEvent::IntegrationRenamed { name })
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
                let secret = valid_secret(&secret)?;
                // The same secret again ends every overlap.
                let is_known = self.secret.known() == Some(&secret) && self.previous_secrets.is_empty();
                (!is_known).then(|| IntegrationEvent::SigningSecretSet {
                    secret_preview: crate::private::preview(&secret),
                    signing_secret: Private::Known(secret),
                })
            }
            // Chosen by the store or by us: it replaces another one, which stays valid for a time.
            IntegrationCommand::SetSigningSecret { secret, now, overlap_hours }
            | IntegrationCommand::RotateSigningSecret { secret, now, overlap_hours } => {
                self.replace_secret(secret, now, overlap_hours)?
            }
            IntegrationCommand::AddItemMapping { mapping } => self.add_mapping(mapping)?,
            IntegrationCommand::RemoveItemMapping { mapping_id } => self
                .mappings
                .iter()
                .any(|mapping| mapping.id == mapping_id)
                .then_some(IntegrationEvent::ItemMappingRemoved { mapping_id }),
        };
        Ok(event.into_iter().collect())
    }

    fn replace_secret(
        &self,
        secret: SecretString,
        now: DateTime<Utc>,
        overlap_hours: u32,
    ) -> Result<Option<IntegrationEvent>, IntegrationRefusal> {
        if overlap_hours > MAX_OVERLAP_HOURS {
            return Err(IntegrationRefusal::OverlapTooLong { hours: overlap_hours });
        }
        let secret = valid_secret(&secret)?;
        Ok((self.secret.known() != Some(&secret)).then(|| IntegrationEvent::SigningSecretRotated {
            secret_preview: crate::private::preview(&secret),
            signing_secret: Private::Known(secret),
            previous_valid_until: now + TimeDelta::hours(i64::from(overlap_hours)),
        }))
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

fn valid_name(name: &str) -> Result<String, IntegrationRefusal> {
    let name = name.trim();
    let length = name.chars().count();
    if is_blank(name) || length > MAX_NAME_CHARS { Err(IntegrationRefusal::InvalidName) } else { Ok(name.to_owned()) }
}

/// As it is copied: without white space around it, which no store has in its secrets.
fn valid_secret(secret: &SecretString) -> Result<String, IntegrationRefusal> {
    let secret = secret.expose_secret().trim();
    if is_blank(secret) || secret.chars().count() > MAX_SECRET_CHARS {
        Err(IntegrationRefusal::InvalidSecret)
    } else {
        Ok(secret.to_owned())
    }
}

/// Whether a signing secret can be guessed: it is short, has few different characters, or is a word that many would try.
pub fn is_weak_secret(secret: &str) -> bool {
    let secret = secret.trim().to_lowercase();
    let different: BTreeSet<char> = secret.chars().collect();
    let is_tried = TRIED_SECRETS.iter().any(|word| secret.starts_with(word) && secret.len() <= word.len() + 4);
    secret.chars().count() < WEAK_SECRET_CHARS || different.len() < 5 || is_tried
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
                    active: true,
                    order_statuses: created.order_statuses,
                    mappings: vec![],
                    secret: created.signing_secret,
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
            IntegrationEvent::IntegrationActivated {} => self.active = true,
            IntegrationEvent::IntegrationDeactivated {} => self.active = false,
            IntegrationEvent::OrderStatusesChanged { order_statuses } => self.order_statuses = order_statuses,
            IntegrationEvent::SigningSecretSet { signing_secret, .. } => {
                self.secret = signing_secret;
                self.previous_secrets.clear();
            }
            IntegrationEvent::SigningSecretRotated { signing_secret, previous_valid_until, .. } => {
                let old = std::mem::replace(&mut self.secret, signing_secret);
                if self.previous_secrets.len() >= MAX_PREVIOUS_SECRETS {
                    self.previous_secrets.remove(0);
                }
                self.previous_secrets.push(PreviousSecret { secret: old, valid_until: previous_valid_until });
            }
            IntegrationEvent::ItemMappingAdded { mapping } => self.mappings.push(mapping),
            IntegrationEvent::ItemMappingRemoved { mapping_id } => {
                self.mappings.retain(|mapping| mapping.id != mapping_id);
            }
        }
    }
}

impl EventSourced for Integration {
    const SNAPSHOT_VERSION: i64 = 1;

    fn owner(&self, id: &str) -> Owner {
        Owner { account_id: self.link().map(|link| link.account_id), integration_id: id.parse().ok() }
    }
}
