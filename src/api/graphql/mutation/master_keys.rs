//! Changing the master key, for administrators.

use async_graphql::{Context, Object};

use super::payload;
use crate::api::graphql::ApiError;
use crate::api::graphql::master_key::MasterKeyRotation;
use crate::api::graphql::viewer::app_and_viewer;

payload!(RotateMasterKeyPayload { rotation: MasterKeyRotation });

#[derive(Default)]
pub(super) struct MasterKeys;

#[Object]
impl MasterKeys {
    /// Admin only: rewraps every data key and sealed secret by the present master key, in the background. Called again
    /// while that goes on, returns how far it is; interrupted, it is begun again with what is left.
    async fn rotate_master_key(&self, context: &Context<'_>) -> Result<RotateMasterKeyPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let state = app.administration.rotate_master_key(viewer).await?;
        Ok(RotateMasterKeyPayload { rotation: Some(state.into()), user_errors: vec![] })
    }
}
