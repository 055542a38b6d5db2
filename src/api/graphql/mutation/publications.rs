//! Events that an account's own programs publish.

use async_graphql::{Context, ID, InputObject, Json, Object};
use serde_json::Value;

use super::payload;
use crate::api::graphql::ApiError;
use crate::api::graphql::commerce_event::CommerceEvent;
use crate::api::graphql::error::payload_of;
use crate::api::graphql::moment::Moment;
use crate::api::graphql::viewer::app_and_viewer;
use crate::app::publications::NewEvent;

#[derive(InputObject)]
struct PublishEventInput {
    /// Admin only: of another account.
    account_id: Option<ID>,
    /// The store that it is about, if it is about one: only endpoints for that store, or for all, get it.
    integration_id: Option<ID>,
    /// One of those of `eventTypes` whose publisher is `ACCOUNT`.
    #[graphql(name = "type")]
    event_type: String,
    /// What it says, as the schema of its type has it.
    data: Json<Value>,
    /// When it happened; now, if left out.
    occurred_at: Option<Moment>,
    /// The same key again publishes nothing again; 1 to 200 characters. Without one, every call publishes.
    idempotency_key: Option<String>,
}

payload!(PublishEventPayload { commerce_event: CommerceEvent });

#[derive(Default)]
pub(super) struct Publications;

#[Object]
impl Publications {
    /// Publishes an event of the account's own programs, such as `product.enriched`. Its data is checked against the schema of
    /// its type.
    async fn publish_event(
        &self,
        context: &Context<'_>,
        input: PublishEventInput,
    ) -> Result<PublishEventPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let PublishEventInput {
            account_id,
            integration_id,
            event_type,
            data: Json(data),
            occurred_at,
            idempotency_key,
        } = input;
        let new = NewEvent {
            account_id: account_id.map(String::from),
            integration_id: integration_id.map(String::from),
            event_type,
            data: data.to_string(),
            occurred_at: occurred_at.map(|Moment(at)| at),
            idempotency_key,
        };
        payload_of(app.publications.publish(viewer, new).await, |row| PublishEventPayload {
            commerce_event: row.map(CommerceEvent::from),
            user_errors: vec![],
        })
    }
}
