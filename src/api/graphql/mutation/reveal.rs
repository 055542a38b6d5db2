//! Reading who ordered, in an account that is not one's own: for support, with a reason, and on the record.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::payload;
use crate::api::graphql::ApiError;
use crate::api::graphql::error::payload_of;
use crate::api::graphql::viewer::app_and_viewer;
use crate::app::erasure::readings;

#[derive(InputObject)]
struct RevealPersonalDataInput {
    delivery_id: ID,
    /// Why it must be read: it is recorded.
    reason: String,
}

/// Who ordered, as far as it is known and not erased.
#[derive(SimpleObject)]
pub(in crate::api::graphql) struct PersonalData {
    username: Option<String>,
    email: Option<String>,
    customer_name: Option<String>,
    /// The store's own id of the customer.
    customer_id: Option<String>,
}

payload!(RevealPersonalDataPayload { personal_data: PersonalData });

#[derive(Default)]
pub(super) struct Reveal;

#[Object]
impl Reveal {
    /// Support and admin only: who ordered. That it was read, by whom and why, is recorded before it is answered.
    async fn reveal_personal_data(
        &self,
        context: &Context<'_>,
        input: RevealPersonalDataInput,
    ) -> Result<RevealPersonalDataPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        payload_of(app.erasure.reveal(viewer, &input.delivery_id, &input.reason).await, |data| {
            RevealPersonalDataPayload { personal_data: Some(data.into()), user_errors: vec![] }
        })
    }
}

impl From<readings::PersonalData> for PersonalData {
    fn from(data: readings::PersonalData) -> Self {
        let readings::PersonalData { username, email, customer_name, customer_id } = data;
        Self { username, email, customer_name, customer_id }
    }
}
