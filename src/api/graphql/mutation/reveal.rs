//! Reading who ordered, in an account that is not one's own: for support, with a reason, and on the record.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use domain::account::Role;
use domain::delivery::DeliveryEvent;
use domain::operator_action::OperatorActionEvent;
use domain::{AccountId, Private};
use event_log::recorded::AnyEvent;
use projections::delivery_log;

use super::payload;
use crate::api::graphql::ApiError;
use crate::api::graphql::error::UserError;
use crate::api::graphql::query::asked;
use crate::app::operator_actions;
use event_log::Actor;

/// A story longer than this is not read.
const MAX_STORY: i64 = 10_000;
const MAX_REASON_CHARS: usize = 500;

#[derive(InputObject)]
struct RevealPersonalDataInput {
    delivery_id: ID,
    /// Why it must be read: it is recorded.
    reason: String,
}

/// Who ordered, as far as it is known and not erased.
#[derive(SimpleObject, Default)]
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
        let (service, viewer) = asked(context)?;
        viewer.require(Role::Support)?;
        let reason: String = input.reason.chars().filter(|character| !character.is_control()).collect();
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > MAX_REASON_CHARS {
            let message = "say why, in 1 to 500 characters";
            return Ok(UserError::new("INVALID_REASON", message, Some("reason")).into());
        }
        let found = delivery_log::find(&service.views, &input.delivery_id.replace('\0', "")).await?;
        let Some(row) = found else {
            return Ok(UserError::not_found("deliveryId").into());
        };
        let stream = row.duplicate_of.as_ref().unwrap_or(&row.id);
        let (Ok(account_id), Ok(delivery_id)) = (row.account_id.parse::<AccountId>(), stream.parse()) else {
            return Err(ApiError::Internal);
        };
        let actor = Actor::Key {
            id: viewer.key_id.clone(),
            name: viewer.key_name.clone(),
            reason: Some(reason.to_owned()),
            account_id: Some(account_id),
        };
        let read = OperatorActionEvent::PersonalDataRead { account_id, delivery_id };
        operator_actions::begin(service, read, &actor).await.map_err(super::projections::unrecorded)?;
        let story = service.log.opened_stream("delivery", stream, 0, MAX_STORY).await?;
        let mut data = PersonalData::default();
        for event in story {
            if let AnyEvent::Delivery(event) = &event.recorded.event {
                data.learn(event);
            }
        }
        Ok(RevealPersonalDataPayload { personal_data: Some(data), user_errors: vec![] })
    }
}

impl PersonalData {
    fn learn(&mut self, event: &DeliveryEvent) {
        let update = |field: &mut Option<String>, value: &Option<Private<String>>| {
            if let Some(value) = value.as_ref().and_then(Private::known) {
                *field = Some(value.clone());
            }
        };
        if let DeliveryEvent::WebhookReceived { webhook, .. } = event {
            update(&mut self.username, &webhook.username);
            update(&mut self.email, &webhook.email);
            update(&mut self.customer_name, &webhook.customer_name);
            update(&mut self.customer_id, &webhook.customer_id);
        } else if let DeliveryEvent::UsernameCorrected { username } = event {
            update(&mut self.username, &Some(username.clone()));
        }
    }
}
