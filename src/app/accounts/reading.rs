//! Reading accounts and their keys.

use domain::account::Role;
use event_log::Position;
use projections::accounts::{self, AccountRow, ApiKeyRow};

use super::Accounts;
use crate::app::error::Error;
use crate::app::viewer::Viewer;

impl Accounts {
    /// The account that is named, or the caller's own.
    pub async fn find(&self, viewer: &Viewer, id: Option<&str>) -> Result<AccountRow, Error> {
        let Some(id) = id else {
            let own = accounts::find(&self.data.views, &viewer.account_id.to_string()).await?;
            return own.ok_or(Error::Unavailable);
        };
        let found = if viewer.sees(id) { accounts::find(&self.data.views, id).await? } else { None };
        found.ok_or(Error::InvalidArgument { argument: "id", reason: "is no account that you see" })
    }

    /// Every account after a place in the list, the oldest first: for support and administrators.
    pub async fn page(&self, viewer: &Viewer, after: Position, limit: i64) -> Result<Vec<AccountRow>, Error> {
        viewer.require(Role::Support)?;
        Ok(accounts::page(&self.data.views, after, limit).await?)
    }

    /// The keys of an account, deactivated ones too.
    pub async fn keys(&self, viewer: &Viewer, account_id: &str) -> Result<Vec<ApiKeyRow>, Error> {
        viewer.require_seeing(account_id)?;
        Ok(accounts::keys(&self.data.views, account_id).await?)
    }
}
