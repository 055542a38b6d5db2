//! Who made an event happen, as it is stored with it.

use serde::{Deserialize, Serialize};

use crate::origin::Actor;
use crate::recorded::Operator;

/// The column `metadata`. Its fields are in alphabetical order, so that the bytes are the same every time.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Metadata {
    /// `store`, `worker`, `system` or `key`.
    actor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<String>,
}

impl From<&Actor> for Metadata {
    fn from(actor: &Actor) -> Self {
        match actor {
            Actor::Store => Self { actor: "store".to_owned(), ..Self::default() },
            Actor::System => Self { actor: "system".to_owned(), ..Self::default() },
            Actor::Worker(name) => Self { actor: "worker".to_owned(), worker: Some(name.clone()), ..Self::default() },
            Actor::Key { id, name, reason, account_id: _ } => Self {
                actor: "key".to_owned(),
                key_id: Some(id.clone()),
                key_name: Some(name.clone()),
                reason: reason.clone(),
                worker: None,
            },
        }
    }
}

impl Metadata {
    /// Who it was, as people read it.
    pub(super) fn actor(&self) -> String {
        match self.worker.as_ref().or(self.key_name.as_ref()) {
            Some(name) => format!("{} {name}", self.actor),
            None => self.actor.clone(),
        }
    }

    /// The person or program that did it, where it was one with a key.
    pub(super) fn operator(&self) -> Option<Operator> {
        let (key_id, key_name) = self.key_id.clone().zip(self.key_name.clone())?;
        Some(Operator { key_id, key_name, reason: self.reason.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_actor_is_stored_in_fields_and_read_in_words() {
        let key = |reason: Option<&str>| Actor::Key {
            id: "7".to_owned(),
            name: "desk".to_owned(),
            reason: reason.map(str::to_owned),
            account_id: None,
        };
        for (actor, stored, read) in [
            (Actor::Store, r#"{"actor":"store"}"#, "store"),
            (Actor::System, r#"{"actor":"system"}"#, "system"),
            (Actor::Worker("w 1".to_owned()), r#"{"actor":"worker","worker":"w 1"}"#, "worker w 1"),
            (key(None), r#"{"actor":"key","key_id":"7","key_name":"desk"}"#, "key desk"),
        ] {
            let metadata = Metadata::from(&actor);
            assert_eq!(serde_json::to_string(&metadata).unwrap(), stored);
            assert_eq!(metadata.actor(), read);
            assert_eq!(serde_json::from_str::<Metadata>(stored).unwrap(), metadata);
        }
    }
}
