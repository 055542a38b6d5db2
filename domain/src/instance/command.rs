//! What can be asked of an instance.

use super::Subscription;
use crate::{AccountId, IntegrationId};

#[derive(Clone, Debug, PartialEq)]
pub enum InstanceCommand {
    /// The same again is the same instance.
    Create(Box<CreateInstance>),
    Rename {
        name: String,
    },
    /// All of them: those that are not named are removed.
    ChangeTags {
        tags: Vec<String>,
    },
    /// What its store was authorised with, where that was done again.
    ChangeAuthorization {
        callback_url: String,
        scope: String,
    },
    Enable,
    /// Nothing is sent, and its token opens nothing. What happens is recorded, and waits.
    Disable,
    EnableEvents,
    /// Nothing is sent. What happens is recorded, and waits.
    DisableEvents,
    AddSubscription(Subscription),
    RemoveSubscription {
        number: u32,
    },
    Delete,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CreateInstance {
    pub account_id: AccountId,
    /// Its id, as programs see it; its stream's follows from it.
    pub number: u32,
    /// Its own, of which nothing else is made.
    pub integration_id: IntegrationId,
    pub name: String,
    pub tags: Vec<String>,
    pub token: String,
    pub callback_url: String,
    pub scope: String,
    pub events_enabled: bool,
}
