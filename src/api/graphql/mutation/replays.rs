//! Doing recorded webhooks again, and cancelling that.

use async_graphql::{Context, ID, InputObject, Object};

use super::payload;
use crate::api::graphql::ApiError;
use crate::api::graphql::error::payload_of;
use crate::api::graphql::moment::Moment;
use crate::api::graphql::replay::Replay;
use crate::api::graphql::viewer::app_and_viewer;
use crate::api::graphql::words::DeliveryStatus;
use crate::replay::requests::ReplayRequest;

/// Everything that is given must hold.
#[derive(InputObject)]
struct ReplayWebhooksInput {
    integration_id: ID,
    /// Webhooks received from this moment on.
    from: Option<Moment>,
    /// Webhooks received before this moment.
    to: Option<Moment>,
    /// Deliveries that stand so now.
    statuses: Option<Vec<DeliveryStatus>>,
    /// The store's id of an order, or its number with or without its `#`.
    order_id: Option<String>,
    /// A thousand at most.
    delivery_ids: Option<Vec<ID>>,
    /// Delivers the assets of these mappings to orders that bought the product and were completed without them, and nothing
    /// else.
    mapping_ids: Option<Vec<ID>>,
    /// Returns how many and which deliveries it would do again, and records nothing.
    #[graphql(default)]
    dry_run: bool,
}

#[derive(InputObject)]
struct CancelReplayInput {
    replay_id: ID,
}

payload!(
    /// A replay that has begun. Ask `replay` by its id until it has ended.
    ReplayWebhooksPayload { replay: Replay }
);
payload!(CancelReplayPayload { replay: Replay });

#[derive(Default)]
pub(super) struct Replays;

#[Object]
impl Replays {
    /// Decides an integration's recorded webhooks again by today's filters, mappings and code, in the background, and puts
    /// back in the queue what delivers now and is not done or under way. What was shared is not shared again.
    async fn replay_webhooks(
        &self,
        context: &Context<'_>,
        input: ReplayWebhooksInput,
    ) -> Result<ReplayWebhooksPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        payload_of(app.replays.request(viewer, input.into()).await, |replay| ReplayWebhooksPayload {
            replay: Some(replay.into()),
            user_errors: vec![],
        })
    }

    /// Cancels a replay. What it has put back in the queue stays there.
    async fn cancel_replay(
        &self,
        context: &Context<'_>,
        input: CancelReplayInput,
    ) -> Result<CancelReplayPayload, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        payload_of(app.replays.request_cancel(viewer, &input.replay_id).await, |replay| CancelReplayPayload {
            replay: Some(replay.into()),
            user_errors: vec![],
        })
    }
}

impl From<ReplayWebhooksInput> for ReplayRequest {
    fn from(input: ReplayWebhooksInput) -> Self {
        let ids = |ids: Option<Vec<ID>>| ids.unwrap_or_default().into_iter().map(String::from).collect();
        Self {
            integration_id: input.integration_id.into(),
            from: input.from.map(|from| from.0),
            to: input.to.map(|to| to.0),
            statuses: input.statuses.unwrap_or_default().into_iter().map(Into::into).collect(),
            order_id: input.order_id,
            delivery_ids: ids(input.delivery_ids),
            mapping_ids: ids(input.mapping_ids),
            dry_run: input.dry_run,
        }
    }
}
