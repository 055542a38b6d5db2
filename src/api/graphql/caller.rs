//! The caller, as shown to itself.

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, ID, SimpleObject};
use projections::accounts;

use super::ApiError;
use super::account::Account;
use super::words::Role;
use crate::app::App;
use crate::app::Viewer;

/// The key that a request is sent with, and whose it is.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(super) struct Caller {
    role: Role,
    key_id: ID,
    key_name: String,
    #[graphql(skip)]
    account_id: String,
}

#[ComplexObject]
impl Caller {
    /// The account that the key belongs to.
    async fn account(&self, context: &Context<'_>) -> Result<Account, ApiError> {
        let app = context.data_unchecked::<Arc<App>>();
        accounts::find(&app.core.views, &self.account_id).await?.map(Account::from).ok_or(ApiError::Unavailable)
    }
}

impl From<&Viewer> for Caller {
    fn from(viewer: &Viewer) -> Self {
        Self {
            role: viewer.role.into(),
            key_id: ID(viewer.key_id.clone()),
            key_name: viewer.key_name.clone(),
            account_id: viewer.account_id.to_string(),
        }
    }
}
