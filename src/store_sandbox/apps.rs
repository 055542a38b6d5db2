//! Apps at the platforms, and what stores let them do: who asks for access, the codes that are exchanged for it, and the tokens.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use event_log::ids;
use serde::Deserialize;

use super::ControlError;
use super::platform::Platform;

const MAX_APPS: usize = 100;
const MAX_TEXT_BYTES: usize = 1_000;
/// Where browsers may be sent back to, of one app.
const MAX_ADDRESSES: usize = 10;
/// Codes that were given out and not exchanged; the oldest are forgotten.
const MAX_CODES: usize = 1_000;
/// Of one app in one store.
pub(super) const MAX_SUBSCRIPTIONS: usize = 1_000;

/// An app to register. Not `Debug`: it holds a secret.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct App {
    pub platform: Platform,
    pub client_id: String,
    pub client_secret: String,
    /// Where browsers may be sent back to, to the letter.
    pub redirect_uris: Vec<String>,
}

/// An app that a store lets in.
#[derive(Clone)]
pub(super) struct Installation {
    pub(super) token: String,
    /// By which another token is asked for, and when this one ends. None for one that does not.
    pub(super) refresh: Option<(String, DateTime<Utc>)>,
    pub(super) scopes: BTreeSet<String>,
    /// By their numbers.
    pub(super) subscriptions: BTreeMap<u64, AppSubscription>,
}

/// Webhooks of one topic that an app wants sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AppSubscription {
    pub(super) topic: String,
    pub(super) address: String,
    /// Whether it is sent: a platform stops after failures.
    pub(super) is_enabled: bool,
    /// What it is signed with, where who asked for it said so. Otherwise the app's.
    pub(super) secret: Option<String>,
    /// In a row.
    pub(super) failures: u32,
}

impl AppSubscription {
    pub(super) fn new(topic: String, address: String, is_enabled: bool) -> Self {
        Self { topic, address, is_enabled, secret: None, failures: 0 }
    }
}

/// A code that a browser brought back.
struct Code {
    code: String,
    store: String,
    client_id: String,
    scopes: BTreeSet<String>,
}

#[derive(Default)]
pub(super) struct Apps {
    by_id: BTreeMap<String, App>,
    codes: Vec<Code>,
    last_number: u64,
}

/// What a code was exchanged for.
pub(super) struct Exchanged {
    pub(super) store: String,
    pub(super) client_id: String,
    pub(super) scopes: BTreeSet<String>,
}

impl Apps {
    /// A known app gets the secret and the addresses that are given now.
    pub(super) fn register(&mut self, app: App) -> Result<(), ControlError> {
        let is_out_of_bounds = |text: &String| text.is_empty() || text.len() > MAX_TEXT_BYTES;
        let texts_are =
            [&app.client_id, &app.client_secret].into_iter().chain(&app.redirect_uris).any(is_out_of_bounds);
        if texts_are || app.redirect_uris.len() > MAX_ADDRESSES {
            return Err(ControlError::OutOfBounds(
                "an app has an id, a secret and at most 10 addresses of 1 to 1000 bytes",
            ));
        }
        if self.by_id.len() >= MAX_APPS && !self.by_id.contains_key(&app.client_id) {
            return Err(ControlError::Full { limit: MAX_APPS });
        }
        self.by_id.insert(app.client_id.clone(), app);
        Ok(())
    }

    pub(super) fn find(&self, platform: Platform, client_id: &str) -> Option<&App> {
        self.by_id.get(client_id).filter(|app| app.platform == platform)
    }

    pub(super) fn secret(&self, client_id: &str) -> Option<&str> {
        self.by_id.get(client_id).map(|app| app.client_secret.as_str())
    }

    pub(super) fn give_code(&mut self, store: &str, client_id: &str, scopes: BTreeSet<String>) -> String {
        if self.codes.len() >= MAX_CODES {
            self.codes.remove(0);
        }
        let code = ids::fresh().simple().to_string();
        let (store, client_id) = (store.to_owned(), client_id.to_owned());
        self.codes.push(Code { code: code.clone(), store, client_id, scopes });
        code
    }

    /// Each code once, and only for the app that it was given to.
    pub(super) fn exchange(&mut self, client_id: &str, client_secret: &str, code: &str) -> Option<Exchanged> {
        let app = self.by_id.get(client_id).filter(|app| app.client_secret == client_secret)?;
        let at = self.codes.iter().position(|known| known.code == code && known.client_id == app.client_id)?;
        let Code { store, client_id, scopes, .. } = self.codes.remove(at);
        Some(Exchanged { store, client_id, scopes })
    }

    /// The number of the next subscription.
    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}

impl Installation {
    pub(super) fn new(scopes: BTreeSet<String>, ends_at: Option<DateTime<Utc>>) -> Self {
        let secret = |prefix: &str| format!("{prefix}_{}", ids::fresh().simple());
        Self {
            token: secret("shpat"),
            refresh: ends_at.map(|ends_at| (secret("shprt"), ends_at)),
            scopes,
            subscriptions: BTreeMap::new(),
        }
    }

    /// What a store's own token has made. It has no token beside that.
    pub(super) fn of_api_account() -> Self {
        Self { token: String::new(), refresh: None, scopes: BTreeSet::new(), subscriptions: BTreeMap::new() }
    }

    pub(super) fn is_token(&self, token: &str, now: DateTime<Utc>) -> bool {
        !token.is_empty() && self.token == token && self.refresh.as_ref().is_none_or(|(_, ends_at)| now < *ends_at)
    }
}
