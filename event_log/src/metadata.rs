//! Who made an event happen, as it is stored with it.

use domain::Private;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::origin::Actor;
use crate::recorded::Operator;
use crate::seal;
use crate::vault::DataKey;

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
    /// Free text, which may name a customer: sealed like what the event says of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Private<String>>,
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
                key_id: Some(id.to_string()),
                key_name: Some(name.clone()),
                reason: reason.clone().map(Private::Known),
                worker: None,
            },
        }
    }
}

impl Metadata {
    /// Who is stored with an event whose private values this key sealed.
    pub(super) fn opened(stored: &str, key: Option<&DataKey>, associated_data: &str) -> serde_json::Result<Self> {
        if let Some(opened) = seal::open_text(stored, key, associated_data) {
            return serde_json::from_str(&opened);
        }
        let mut opened: Value = serde_json::from_str(stored)?;
        seal::open(&mut opened, key, associated_data);
        serde_json::from_value(opened)
    }

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
    use crate::vault::Vault;

    fn key(reason: Option<&str>) -> Actor {
        let reason = reason.map(str::to_owned);
        Actor::Key { id: domain::ApiKeyId(uuid::Uuid::nil()), name: "desk".to_owned(), reason, account_id: None }
    }

    #[test]
    fn each_kind_of_actor_is_stored_in_fields_and_read_in_words() {
        for (actor, stored, read) in [
            (Actor::Store, r#"{"actor":"store"}"#, "store"),
            (Actor::System, r#"{"actor":"system"}"#, "system"),
            (Actor::Worker("w 1".to_owned()), r#"{"actor":"worker","worker":"w 1"}"#, "worker w 1"),
            (
                key(None),
                r#"{"actor":"key","key_id":"00000000-0000-0000-0000-000000000000","key_name":"desk"}"#,
                "key desk",
            ),
        ] {
            let metadata = Metadata::from(&actor);
            assert_eq!(serde_json::to_string(&metadata).unwrap(), stored);
            assert_eq!(metadata.actor(), read);
            assert_eq!(Metadata::opened(stored, None, "").unwrap(), metadata);
        }
    }

    #[test]
    fn a_reason_is_sealed_and_gone_with_the_key() {
        let (data_key, _) = Vault::new(&[1; 32]).new_data_key("delivery/1");
        let metadata = Metadata::from(&key(Some("\"Max\" asked")));
        let mut stored = serde_json::to_value(&metadata).unwrap();
        seal::seal(&mut stored, &data_key, "delivery/1");
        assert!(stored["reason"]["$sealed"].is_string(), "{stored}");
        let reason = |key, associated_data| {
            let opened = Metadata::opened(&stored.to_string(), key, associated_data).unwrap();
            assert_eq!(opened.actor(), "key desk");
            opened.operator().unwrap().reason
        };
        assert_eq!(reason(Some(&data_key), "delivery/1"), Some(Private::from("\"Max\" asked")));
        assert_eq!(reason(Some(&data_key), "delivery/2"), Some(Private::Erased), "it is of another stream");
        assert_eq!(reason(None, "delivery/1"), Some(Private::Erased));
    }
}
