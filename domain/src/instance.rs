//! An instance, as programs know it that were written for Cloud Elements: a connected store with the addresses to which what
//! happens there is sent. It names the integration and the endpoints of which it is made, and holds what neither of them does.
//!
//! <https://docs.cloud-elements.com/home/shopify-events>

mod command;
mod event;
mod refusal;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use command::{CreateInstance, InstanceCommand};
pub use event::{InstanceCreated, InstanceEvent, Subscription};
pub use refusal::InstanceRefusal;

use crate::event::{EventSourced, Owner, aggregate};
use crate::invisible::is_blank;
use crate::{AccountId, IntegrationId, Private};

pub const MAX_NAME_CHARS: usize = 200;
pub const MAX_TAGS: usize = 50;
pub const MAX_TAG_CHARS: usize = 100;
/// Addresses that an instance is sent to.
pub const MAX_SUBSCRIPTIONS: usize = 10;
const MAX_CALLBACK_URL_CHARS: usize = 2_000;
const MAX_SCOPE_CHARS: usize = 2_000;
/// Ids of instances and of their subscriptions are numbers of 31 bits: programs in any language hold them.
pub const MAX_NUMBER: u32 = i32::MAX.unsigned_abs();

/// The fold of an instance's stream. The default is one that was never created.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Instance {
    #[default]
    Initial,
    Created(Box<Details>),
    Deleted {
        account_id: AccountId,
        integration_id: IntegrationId,
    },
}

/// What is known of an instance that exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Details {
    pub account_id: AccountId,
    /// Its id, as programs see it.
    pub number: u32,
    pub integration_id: IntegrationId,
    pub name: String,
    pub tags: Vec<String>,
    /// By it a program speaks for this instance alone.
    pub token: Private<String>,
    /// Where browsers came back to who authorised it.
    pub callback_url: String,
    /// What was asked of the store, in the words of its platform.
    pub scope: String,
    pub enabled: bool,
    /// Whether what happens is sent.
    pub events_enabled: bool,
    pub subscriptions: Vec<Subscription>,
}

impl Instance {
    pub fn details(&self) -> Option<&Details> {
        match self {
            Self::Initial | Self::Deleted { .. } => None,
            Self::Created(details) => Some(details),
        }
    }

    /// Decides a command. The same fact again decides to nothing; a different one that cannot be is refused.
    pub fn decide(&self, command: InstanceCommand) -> Result<Vec<InstanceEvent>, InstanceRefusal> {
        let event = match (self, command) {
            (Self::Initial, InstanceCommand::Create(create)) => Some(create_first(*create)?),
            (Self::Initial, _) => return Err(InstanceRefusal::NotFound),
            (Self::Created(details), command) => details.decide(command)?,
            (Self::Deleted { .. }, InstanceCommand::Create(_)) => return Err(InstanceRefusal::AlreadyExists),
            (Self::Deleted { .. }, InstanceCommand::Delete | InstanceCommand::RemoveSubscription { .. }) => None,
            (Self::Deleted { .. }, _) => return Err(InstanceRefusal::Deleted),
        };
        Ok(event.into_iter().collect())
    }

    fn fold(&mut self, event: InstanceEvent) {
        match (&mut *self, event) {
            (_, InstanceEvent::InstanceCreated(created)) => *self = Self::Created(Box::new((*created).into())),
            (Self::Created(details), InstanceEvent::InstanceDeleted {}) => {
                *self = Self::Deleted { account_id: details.account_id, integration_id: details.integration_id };
            }
            (Self::Created(details), event) => details.apply(event),
            // Every other event comes after creation; a stream that says otherwise means nothing.
            (Self::Initial | Self::Deleted { .. }, _) => {}
        }
    }
}

fn create_first(create: CreateInstance) -> Result<InstanceEvent, InstanceRefusal> {
    let CreateInstance { account_id, number, integration_id, name, tags, token, callback_url, scope, events_enabled } =
        create;
    if !(1..=MAX_NUMBER).contains(&number) {
        return Err(InstanceRefusal::InvalidNumber);
    }
    Ok(InstanceEvent::InstanceCreated(Box::new(InstanceCreated {
        account_id,
        number,
        integration_id,
        name: valid_name(&name)?,
        tags: valid_tags(tags)?,
        token: Private::Known(token),
        callback_url: bounded(callback_url, MAX_CALLBACK_URL_CHARS)?,
        scope: bounded(scope, MAX_SCOPE_CHARS)?,
        events_enabled,
    })))
}

impl Details {
    /// Whether anything is sent of what happens in its store. Where nothing is, it waits.
    pub fn sends(&self) -> bool {
        self.enabled && self.events_enabled
    }

    /// The subscription that its configuration names.
    pub fn configured(&self) -> Option<&Subscription> {
        self.subscriptions.iter().find(|subscription| subscription.configured)
    }

    fn decide(&self, command: InstanceCommand) -> Result<Option<InstanceEvent>, InstanceRefusal> {
        let event = match command {
            InstanceCommand::Create(create) => {
                let is_same = create.integration_id == self.integration_id && create.account_id == self.account_id;
                return if is_same { Ok(None) } else { Err(InstanceRefusal::AlreadyExists) };
            }
            InstanceCommand::Rename { name } => {
                let name = valid_name(&name)?;
                (name != self.name).then_some(InstanceEvent::InstanceRenamed { name })
            }
            InstanceCommand::ChangeTags { tags } => {
                let tags = valid_tags(tags)?;
                (tags != self.tags).then_some(InstanceEvent::TagsChanged { tags })
            }
            InstanceCommand::ChangeAuthorization { callback_url, scope } => {
                let callback_url = bounded(callback_url, MAX_CALLBACK_URL_CHARS)?;
                let scope = bounded(scope, MAX_SCOPE_CHARS)?;
                (callback_url != self.callback_url || scope != self.scope)
                    .then_some(InstanceEvent::AuthorizationChanged { callback_url, scope })
            }
            InstanceCommand::Enable => (!self.enabled).then_some(InstanceEvent::InstanceEnabled {}),
            InstanceCommand::Disable => self.enabled.then_some(InstanceEvent::InstanceDisabled {}),
            InstanceCommand::EnableEvents => (!self.events_enabled).then_some(InstanceEvent::EventsEnabled {}),
            InstanceCommand::DisableEvents => self.events_enabled.then_some(InstanceEvent::EventsDisabled {}),
            InstanceCommand::AddSubscription(subscription) => self.add(subscription)?,
            InstanceCommand::RemoveSubscription { number } => self
                .subscriptions
                .iter()
                .any(|known| known.number == number)
                .then_some(InstanceEvent::SubscriptionRemoved { number }),
            InstanceCommand::Delete => Some(InstanceEvent::InstanceDeleted {}),
        };
        Ok(event)
    }

    fn add(&self, new: Subscription) -> Result<Option<InstanceEvent>, InstanceRefusal> {
        if self.subscriptions.contains(&new) {
            return Ok(None);
        }
        if !(1..=MAX_NUMBER).contains(&new.number) || self.subscriptions.iter().any(|known| known.number == new.number)
        {
            return Err(InstanceRefusal::InvalidNumber);
        }
        // The one that its configuration names takes the place of the one before.
        let others = self.subscriptions.iter().filter(|known| !(known.configured && new.configured)).count();
        if others >= MAX_SUBSCRIPTIONS {
            return Err(InstanceRefusal::TooManySubscriptions);
        }
        Ok(Some(InstanceEvent::SubscriptionAdded(new)))
    }

    fn apply(&mut self, event: InstanceEvent) {
        match event {
            InstanceEvent::InstanceCreated(_) | InstanceEvent::InstanceDeleted {} => {}
            InstanceEvent::InstanceRenamed { name } => self.name = name,
            InstanceEvent::TagsChanged { tags } => self.tags = tags,
            InstanceEvent::AuthorizationChanged { callback_url, scope } => {
                self.callback_url = callback_url;
                self.scope = scope;
            }
            InstanceEvent::InstanceEnabled {} => self.enabled = true,
            InstanceEvent::InstanceDisabled {} => self.enabled = false,
            InstanceEvent::EventsEnabled {} => self.events_enabled = true,
            InstanceEvent::EventsDisabled {} => self.events_enabled = false,
            InstanceEvent::SubscriptionAdded(new) => {
                self.subscriptions.retain(|known| !(known.configured && new.configured));
                self.subscriptions.push(new);
            }
            InstanceEvent::SubscriptionRemoved { number } => {
                self.subscriptions.retain(|known| known.number != number);
            }
        }
    }
}

impl From<InstanceCreated> for Details {
    fn from(created: InstanceCreated) -> Self {
        let InstanceCreated {
            account_id,
            number,
            integration_id,
            name,
            tags,
            token,
            callback_url,
            scope,
            events_enabled,
        } = created;
        Self {
            account_id,
            number,
            integration_id,
            name,
            tags,
            token,
            callback_url,
            scope,
            enabled: true,
            events_enabled,
            subscriptions: vec![],
        }
    }
}

fn valid_name(name: &str) -> Result<String, InstanceRefusal> {
    let name = name.trim();
    let is_valid = !is_blank(name) && name.chars().count() <= MAX_NAME_CHARS;
    if is_valid { Ok(name.to_owned()) } else { Err(InstanceRefusal::InvalidName) }
}

/// Each once, in their order.
fn valid_tags(tags: Vec<String>) -> Result<Vec<String>, InstanceRefusal> {
    if tags.len() > MAX_TAGS {
        return Err(InstanceRefusal::InvalidTags);
    }
    let mut valid: Vec<String> = Vec::with_capacity(tags.len());
    for tag in tags.iter().map(|tag| tag.trim()) {
        if is_blank(tag) || tag.chars().count() > MAX_TAG_CHARS {
            return Err(InstanceRefusal::InvalidTags);
        }
        if !valid.iter().any(|known| known == tag) {
            valid.push(tag.to_owned());
        }
    }
    Ok(valid)
}

fn bounded(text: String, max_chars: usize) -> Result<String, InstanceRefusal> {
    if text.chars().count() <= max_chars { Ok(text) } else { Err(InstanceRefusal::TooLong) }
}

aggregate!(Instance, "instance", InstanceCommand, InstanceEvent, InstanceRefusal);

impl EventSourced for Instance {
    const SNAPSHOT_VERSION: i64 = 1;

    fn owner(&self, _: &str) -> Owner {
        match self {
            Self::Initial => Owner::default(),
            Self::Created(details) => {
                Owner { account_id: Some(details.account_id), integration_id: Some(details.integration_id) }
            }
            Self::Deleted { account_id, integration_id } => {
                Owner { account_id: Some(*account_id), integration_id: Some(*integration_id) }
            }
        }
    }
}
