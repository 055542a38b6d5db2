//! How an integration is connected with its store, as its merchant sees it: what is waited for, what was granted, what was lost.

use domain::integration::{AccessLost, Authorization, ConnectionAttempt};
use event_log::Position;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Kept as JSON in a column. Moments are microseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Connection {
    /// The attempt that is waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<Attempt>,
    /// How the latest attempt failed, until one is begun again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What was granted by OAuth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub granted: Option<Granted>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<Lost>,
    /// The merchant's own app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<App>,
    /// The store that access was last given to, whatever has become of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_store: Option<String>,
    /// What the store is asked to report, in its platform's words. None for all that the purpose needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topics: Option<Vec<String>>,
    /// Where in the log that was chosen.
    pub topics_since: Position,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub id: Uuid,
    pub store: Option<String>,
    pub scopes: Vec<String>,
    pub expires_at: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub attempt_id: Uuid,
    pub reason: String,
    pub at: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// Of the attempt that it came of.
    pub attempt_id: Uuid,
    pub client_id: String,
    pub scopes: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_scopes: Vec<String>,
    pub at: i64,
    /// When the token ends, where it does.
    pub ends_at: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    pub reason: AccessLost,
    pub at: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    pub client_id: String,
    pub secret_preview: String,
}

impl Connection {
    pub(super) fn started(&mut self, attempt: &ConnectionAttempt) {
        self.failure = None;
        self.attempt = Some(Attempt {
            id: attempt.id,
            store: attempt.store.clone(),
            scopes: attempt.scopes.clone(),
            expires_at: attempt.expires_at.timestamp_micros(),
        });
    }

    pub(super) fn failed(&mut self, attempt_id: Uuid, reason: &str, at: i64) {
        self.attempt = None;
        self.failure = Some(Failure { attempt_id, reason: reason.to_owned(), at });
    }

    /// Access was saved, be it by OAuth or by a token that somebody copied.
    pub(super) fn saved(&mut self, authorization: Option<&Authorization>, store: Option<&String>, at: i64) {
        self.lost = None;
        if store.is_some() {
            self.known_store = store.cloned();
        }
        let is_awaited = |attempt: &Attempt| authorization.is_some_and(|granted| granted.attempt_id == attempt.id);
        if self.attempt.as_ref().is_some_and(is_awaited) {
            self.attempt = None;
        }
        self.granted = authorization.map(|granted| Granted {
            attempt_id: granted.attempt_id,
            client_id: granted.client_id.clone(),
            scopes: granted.scopes.clone(),
            missing_scopes: granted.missing_scopes.clone(),
            at,
            ends_at: granted.expires_at.map(|ends| ends.timestamp_micros()),
        });
    }

    pub(super) fn renewed(&mut self, ends_at: Option<i64>) {
        self.lost = None;
        if let Some(granted) = &mut self.granted {
            granted.ends_at = ends_at;
        }
    }

    pub(super) fn removed(&mut self) {
        (self.granted, self.lost) = (None, None);
    }
}
