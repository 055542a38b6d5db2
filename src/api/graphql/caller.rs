//! The caller, as shown to itself.

use async_graphql::{ComplexObject, Context, ID, SimpleObject};

use super::ApiError;
use super::account::Account;
use super::viewer::app_and_viewer;
use super::words::Role;
use crate::app::Viewer;

/// The key that a request is sent with, and whose it is.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(super) struct Caller {
    role: Role,
    key_id: ID,
    key_name: String,
}

#[ComplexObject]
impl Caller {
    /// The account that the key belongs to.
    async fn account(&self, context: &Context<'_>) -> Result<Account, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        Ok(app.accounts.find(viewer, None).await?.into())
    }
}

impl From<&Viewer> for Caller {
    fn from(viewer: &Viewer) -> Self {
        Self { role: viewer.role.into(), key_id: ID(viewer.key_id.to_string()), key_name: viewer.key_name.clone() }
    }
}
