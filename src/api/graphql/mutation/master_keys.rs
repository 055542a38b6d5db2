//! Changing the master key, for administrators.

use async_graphql::{Context, Object};
use domain::account::Role;

use super::payload;
use crate::api::graphql::ApiError;
use crate::api::graphql::master_key::{MasterKeyRotation, unknown};
use crate::api::graphql::query::asked;
use crate::app::master_keys;

payload!(RotateMasterKeyPayload { rotation: MasterKeyRotation });

#[derive(Default)]
pub(super) struct MasterKeys;

#[Object]
impl MasterKeys {
    /// Admin only: rewraps every data key and sealed secret by the present master key, in the background. Called again
    /// while that goes on, returns how far it is; interrupted, it is begun again with what is left.
    async fn rotate_master_key(&self, context: &Context<'_>) -> Result<RotateMasterKeyPayload, ApiError> {
        let (service, viewer) = asked(context)?;
        viewer.require(Role::Admin)?;
        master_keys::begin(service, &viewer.actor(None)).await.map_err(unknown)?;
        let state = master_keys::state(service).await.map_err(unknown)?;
        Ok(RotateMasterKeyPayload { rotation: Some(state.into()), user_errors: vec![] })
    }
}
