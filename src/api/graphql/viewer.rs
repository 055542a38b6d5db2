//! The caller: the account and role behind an API key, and what that may see.

use std::time::Duration;

use async_graphql::{Context, ID};
use axum::http::HeaderMap;
use domain::account::{Account, ApiKey, Role};
use domain::invisible::is_blank;
use domain::{AccountId, ApiKeyId};

use super::ApiError;
use crate::app::rates::{NotAdmitted, Rate};
use crate::service::Service;
use event_log::Actor;

const MAX_REASON_CHARS: usize = 500;

/// The caller, known by an active API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    pub account_id: AccountId,
    pub role: Role,
    pub key_id: String,
    pub key_name: String,
    /// Why they do what they do, where they say so.
    pub reason: Option<String>,
}

/// Why a key does not open the endpoint.
#[derive(Debug, PartialEq, Eq)]
pub enum Unauthorized {
    /// No key was sent.
    NoKey,
    /// Unknown or deactivated: strangers do not learn which.
    BadKey,
    /// Too many requests in this minute.
    LimitReached { retry_after: Duration },
    /// Keys cannot be looked up at the moment.
    Unavailable,
}

/// The caller that the headers name: none where they carry no key.
pub async fn viewer_of(service: &Service, headers: &HeaderMap) -> Result<Option<Viewer>, Unauthorized> {
    let bearer = headers.get("authorization").map(|value| value.to_str().unwrap_or_default());
    let key = match bearer {
        Some(value) => {
            let (scheme, key) = value.split_once(' ').unwrap_or_default();
            if scheme.eq_ignore_ascii_case("bearer") {
                Some(key)
            } else {
                return Err(Unauthorized::BadKey);
            }
        }
        None => headers.get("x-api-key").map(|value| value.to_str().unwrap_or_default()),
    };
    match key {
        Some(key) => by_key(service, key, reason_in(headers)).await.map(Some),
        None => Ok(None),
    }
}

/// A reason for whatever is done, for the record. Text of people, so it may be of any alphabet.
fn reason_in(headers: &HeaderMap) -> Option<String> {
    let said = String::from_utf8_lossy(headers.get("x-reason")?.as_bytes()).into_owned();
    let said: String = said.chars().filter(|character| !character.is_control()).take(MAX_REASON_CHARS).collect();
    let said = said.trim();
    // An invisible reason is none.
    (!is_blank(said)).then(|| said.to_owned())
}

async fn by_key(service: &Service, key: &str, reason: Option<String>) -> Result<Viewer, Unauthorized> {
    let found = service.api_key(key).await.map_err(|error| {
        service.key_failures.failed(error);
        Unauthorized::Unavailable
    })?;
    let row = found.ok_or(Unauthorized::BadKey)?;
    let (Ok(account_id), Ok(role)) = (row.account_id.parse(), row.role.parse::<Role>()) else {
        return Err(Unauthorized::BadKey);
    };
    let viewer = Viewer { account_id, role, key_id: row.id, key_name: row.name, reason };
    viewer.admitted(service, 1).await?;
    service.key_failures.worked();
    Ok(viewer)
}

impl Viewer {
    /// Whether the key is active, by the account itself: the view that found it may lag.
    pub(super) async fn may_still(&self, service: &Service) -> Result<bool, Unauthorized> {
        Ok(self.active_key(service).await?.is_some())
    }

    /// Counts what the key does as so many requests. It must be active, and within its limit.
    pub(super) async fn admitted(&self, service: &Service, cost: u32) -> Result<(), Unauthorized> {
        let (key_id, key) = self.active_key(service).await?.ok_or(Unauthorized::BadKey)?;
        // The costliest request is within every limit.
        let cost = cost.min((key.requests_per_minute / 2).max(1));
        let now = service.clock.now();
        let admitted =
            service.rates.admit(&service.log, Rate::Requests(key_id), (key.requests_per_minute, cost), now).await;
        admitted.map_err(|refused| match refused {
            NotAdmitted::Exceeded { next_at } => {
                Unauthorized::LimitReached { retry_after: (next_at - now).to_std().unwrap_or_default() }
            }
            NotAdmitted::Unavailable(error) => {
                service.key_failures.failed(error);
                Unauthorized::Unavailable
            }
        })
    }

    async fn active_key(&self, service: &Service) -> Result<Option<(ApiKeyId, ApiKey)>, Unauthorized> {
        let Ok(key_id) = self.key_id.parse() else { return Ok(None) };
        let account = service.log.current::<Account>(&self.account_id.to_string()).await.map_err(|error| {
            service.key_failures.failed(error);
            Unauthorized::Unavailable
        })?;
        let key = account.aggregate.merchant().and_then(|merchant| merchant.keys.active(key_id)).cloned();
        Ok(key.map(|key| (key_id, key)))
    }

    pub(super) fn of<'c>(context: &'c Context<'_>) -> Result<&'c Self, ApiError> {
        context.data_opt::<Self>().ok_or(ApiError::Unauthenticated)
    }

    /// As who acts for an account, or for none.
    pub(super) fn actor(&self, account_id: Option<&str>) -> Actor {
        Actor::Key {
            id: self.key_id.clone(),
            name: self.key_name.clone(),
            reason: self.reason.clone(),
            account_id: account_id.and_then(|id| id.parse().ok()),
        }
    }

    /// Whether this caller reads every account.
    pub(super) fn sees_all(&self) -> bool {
        self.role >= Role::Support
    }

    pub(super) fn sees(&self, account_id: &str) -> bool {
        self.sees_all() || self.owns(account_id)
    }

    pub(super) fn owns(&self, account_id: &str) -> bool {
        self.account_id.to_string() == account_id
    }

    /// Whether this caller may change the settings of an account. Support looks at all of them and changes those of none,
    /// also not of the account that its key belongs to.
    pub(super) fn manages(&self, account_id: &str) -> bool {
        match self.role {
            Role::Merchant => self.owns(account_id),
            Role::Support => false,
            Role::Admin => true,
        }
    }

    /// Refuses who sees an account and may not change its settings: that is support. Of an account that is not seen nothing is
    /// said.
    pub(super) fn require_managing(&self, account_id: &str) -> Result<(), ApiError> {
        if self.sees(account_id) && !self.manages(account_id) { Err(ApiError::ChangesNothing) } else { Ok(()) }
    }

    /// The account whose rows a list is limited to; none for those who see all.
    pub(super) fn scope(&self) -> Option<String> {
        (!self.sees_all()).then(|| self.account_id.to_string())
    }

    /// The account that is read: a caller's own, the one that is named, or all for those who see all.
    pub(super) fn scope_within(&self, account_id: Option<ID>) -> Result<Option<String>, ApiError> {
        match account_id {
            Some(account_id) if self.sees(&account_id) => Ok(Some(account_id.0)),
            Some(_) => Err(ApiError::Forbidden),
            None => Ok(self.scope()),
        }
    }

    /// Whose rows are counted or listed by account: those of the account that is named, else of the integration's, else of
    /// the caller's own. A caller that sees one account gets that one, and finds nothing of another's integration in it.
    pub(super) async fn looks_at(
        &self,
        service: &Service,
        account_id: Option<&str>,
        integration_id: Option<&str>,
    ) -> Result<String, ApiError> {
        match (account_id, integration_id.map(str::parse)) {
            (Some(account_id), _) if self.sees(account_id) => Ok(account_id.replace('\0', "")),
            (Some(_), _) => Err(ApiError::Forbidden),
            (None, Some(Ok(integration_id))) if self.sees_all() => {
                let link = service.integrations.find(integration_id).await?;
                Ok(link.map_or(self.account_id, |link| link.account_id).to_string())
            }
            (None, _) => Ok(self.account_id.to_string()),
        }
    }

    /// Support and administrators say why they do what concerns a person. None where they did not; merchants may.
    pub(super) fn says_why(&self) -> bool {
        !self.sees_all() || self.reason.is_some()
    }

    pub(super) fn require(&self, role: Role) -> Result<(), ApiError> {
        if self.role >= role { Ok(()) } else { Err(ApiError::Forbidden) }
    }
}
