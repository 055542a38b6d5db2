//! The caller: the account and role behind an API key, and what that may see and change. No use case reads or changes what
//! is somebody's without it.

use std::time::Duration;

use domain::account::Role;
use domain::{AccountId, ApiKeyId, IntegrationId};
use event_log::Actor;

use super::error::{Error, Refused};
use super::links::Links;

/// Returned to support and administrators who erase or write out what is known of a person, and do not say why.
const SAY_WHY: &str = "say why, for the record: in the header X-Reason, or with --reason on the command line";

/// The caller, known by an active API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    pub account_id: AccountId,
    pub role: Role,
    pub key_id: ApiKeyId,
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

/// Of a key that was good when its request came.
impl From<Unauthorized> for Error {
    fn from(refused: Unauthorized) -> Self {
        match refused {
            Unauthorized::NoKey | Unauthorized::BadKey => Self::KeyDeactivated,
            Unauthorized::LimitReached { .. } => Self::LimitReached,
            Unauthorized::Unavailable => Self::Unavailable,
        }
    }
}

impl Viewer {
    /// As who acts for an account, or for none.
    pub(crate) fn actor(&self, account_id: Option<&str>) -> Actor {
        Actor::Key {
            id: self.key_id,
            name: self.key_name.clone(),
            reason: self.reason.clone(),
            account_id: account_id.and_then(|id| id.parse().ok()),
        }
    }

    /// Whether this caller reads every account.
    pub(crate) fn sees_all(&self) -> bool {
        self.role >= Role::Support
    }

    pub(crate) fn sees(&self, account_id: &str) -> bool {
        self.sees_all() || self.owns(account_id)
    }

    pub(crate) fn owns(&self, account_id: &str) -> bool {
        self.account_id.to_string() == account_id
    }

    /// Whether this caller reads who ordered from an account, and what webhooks came with, just so: the account's own keys.
    /// Support and administrators give a reason and leave a record.
    pub(crate) fn reads_personal_data(&self, account_id: &str) -> bool {
        self.owns(account_id)
    }

    /// A username of an account's customer as far as this caller reads it: of another's only the beginning.
    pub(crate) fn shown_username(&self, account_id: &str, name: &str) -> String {
        if self.reads_personal_data(account_id) { name.to_owned() } else { beginning(name) }
    }

    /// Whether this caller may change the settings of an account. Support looks at all of them and changes those of none,
    /// also not of the account that its key belongs to.
    pub(crate) fn manages(&self, account_id: &str) -> bool {
        match self.role {
            Role::Merchant => self.owns(account_id),
            Role::Support => false,
            Role::Admin => true,
        }
    }

    /// Refuses who sees an account and may not change its settings: that is support. Of an account that is not seen nothing is
    /// said.
    pub(crate) fn require_managing(&self, account_id: &str) -> Result<(), Error> {
        if self.sees(account_id) && !self.manages(account_id) { Err(Error::ChangesNothing) } else { Ok(()) }
    }

    /// The account whose rows a list is limited to; none for those who see all.
    pub(crate) fn scope(&self) -> Option<String> {
        (!self.sees_all()).then(|| self.account_id.to_string())
    }

    /// The account that is read: a caller's own, the one that is named, or all for those who see all.
    pub(crate) fn scope_within(&self, account_id: Option<String>) -> Result<Option<String>, Error> {
        match account_id {
            Some(account_id) if self.sees(&account_id) => Ok(Some(account_id)),
            Some(_) => Err(Error::Forbidden),
            None => Ok(self.scope()),
        }
    }

    /// Whose rows are counted or listed by account: those of the account that is named, else of the integration's, else of
    /// the caller's own. A caller that sees one account gets that one, and finds nothing of another's integration in it.
    pub(crate) async fn account_within(
        &self,
        links: &Links,
        account_id: Option<&str>,
        integration_id: Option<&str>,
    ) -> Result<String, Error> {
        match (account_id, integration_id.map(str::parse)) {
            (Some(account_id), _) if self.sees(account_id) => Ok(account_id.replace('\0', "")),
            (Some(_), _) => Err(Error::Forbidden),
            (None, Some(Ok(integration_id))) if self.sees_all() => {
                let link = links.find(integration_id).await?;
                Ok(link.map_or(self.account_id, |link| link.account_id).to_string())
            }
            (None, _) => Ok(self.account_id.to_string()),
        }
    }

    /// The integration that a list is limited to, as it is stored. One that is not there, not the account's or not seen by the
    /// caller is refused, all for one reason: an empty list would hide a typing error.
    pub(crate) async fn integration_within(
        &self,
        links: &Links,
        account_id: Option<&str>,
        integration_id: Option<&str>,
    ) -> Result<Option<String>, Error> {
        let Some(named) = integration_id else { return Ok(None) };
        let refused =
            Error::InvalidArgument { argument: "integrationId", reason: "names no integration of the account" };
        let Ok(id) = named.parse::<IntegrationId>() else { return Err(refused) };
        let owner = links.find(id).await?.map(|link| link.account_id.to_string());
        let is_within = |owner: &String| {
            self.sees(owner) && account_id.is_none_or(|account_id| owner.eq_ignore_ascii_case(account_id))
        };
        owner.filter(is_within).map(|_| Some(id.to_string())).ok_or(refused)
    }

    /// Support and administrators say why they do what concerns a person. Merchants may.
    pub(crate) fn require_reason(&self) -> Result<(), Refused> {
        let has_said = !self.sees_all() || self.reason.is_some();
        if has_said { Ok(()) } else { Err(Refused::new("REASON_REQUIRED", SAY_WHY, None)) }
    }

    /// Refuses an account that the caller does not see.
    pub(crate) fn require_seeing(&self, account_id: &str) -> Result<(), Error> {
        if self.sees(account_id) { Ok(()) } else { Err(Error::Forbidden) }
    }

    pub(crate) fn require(&self, role: Role) -> Result<(), Error> {
        if self.role >= role { Ok(()) } else { Err(Error::Forbidden) }
    }
}

/// Enough of a name to see whether it is the expected one, and not enough to read it.
fn beginning(name: &str) -> String {
    let shown = if name.chars().count() >= 5 { 2 } else { 0 };
    name.chars().take(shown).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use event_log::ids;

    use super::*;

    #[test]
    fn of_anothers_customer_only_the_beginning_of_the_name_is_shown() {
        let own = AccountId(ids::fresh());
        let viewer = |role| Viewer {
            account_id: own,
            role,
            key_id: ApiKeyId(ids::fresh()),
            key_name: String::new(),
            reason: None,
        };
        let (own, other) = (own.to_string(), ids::fresh().to_string());
        for role in [Role::Merchant, Role::Support, Role::Admin] {
            assert_eq!(viewer(role).shown_username(&own, "max_the_axe"), "max_the_axe");
            assert_eq!(viewer(role).shown_username(&other, "max_the_axe"), "ma…");
            assert_eq!(viewer(role).shown_username(&other, "maxi"), "…");
        }
    }
}
