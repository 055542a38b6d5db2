//! Signing what was recorded since the last checkpoint.

use async_graphql::{Context, Object, SimpleObject};
use domain::checkpoint::Checkpoint as Signed;
use event_log::Sequence;

use super::payload;
use crate::api::graphql::ApiError;
use crate::api::graphql::account::int;
use crate::api::graphql::error::UserError;
use crate::api::graphql::moment::Moment;
use crate::api::graphql::viewer::app_and_viewer;

/// A signed statement over the events from one position to another; docs/audit.md describes what is signed.
#[derive(SimpleObject)]
pub(in crate::api::graphql) struct Checkpoint {
    /// The first is 1.
    number: i32,
    /// 64-bit.
    first_position: String,
    /// 64-bit.
    last_position: String,
    /// Hexadecimal.
    root: String,
    key_id: String,
    /// Ed25519; hexadecimal.
    public_key: String,
    /// Hexadecimal.
    signature: String,
    signed_at: Moment,
}

impl Checkpoint {
    fn of(number: Sequence, signed: Signed) -> Self {
        Self {
            number: int(number.0),
            first_position: signed.first_position.to_string(),
            last_position: signed.last_position.to_string(),
            root: signed.root,
            key_id: signed.key_id,
            public_key: signed.public_key,
            signature: signed.signature,
            signed_at: Moment(signed.signed_at),
        }
    }
}

payload!(
    /// `isNew` is false where nothing but checkpoints came after the newest one, which is then returned.
    SignCheckpointPayload { checkpoint: Checkpoint, is_new: bool }
);

#[derive(Default)]
pub(super) struct Checkpoints;

#[Object]
impl Checkpoints {
    /// Admin or support only: signs a checkpoint over everything since the last one.
    async fn sign_checkpoint(&self, context: &Context<'_>) -> Result<SignCheckpointPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let signed = app.administration.sign_checkpoint(viewer).await?;
        let Some(latest) = signed.latest else {
            return Ok(UserError::new("NOTHING_RECORDED", "there is nothing to sign yet", None).into());
        };
        Ok(SignCheckpointPayload {
            checkpoint: Some(Checkpoint::of(signed.number, latest)),
            is_new: Some(signed.position.is_some()),
            user_errors: vec![],
        })
    }
}
