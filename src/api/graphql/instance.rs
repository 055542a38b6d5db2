//! Instances: connected stores as programs know them that were written for Cloud Elements.

use async_graphql::dataloader::DataLoader;
use async_graphql::{ComplexObject, Context, Enum, ID, Object, SimpleObject};
use domain::instance::Details;
use projections::instances::InstanceRow;

use super::ApiError;
use super::account::int;
use super::endpoint::Endpoint;
use super::integration::{Integration, Owner, owner_of};
use super::loader::{IntegrationKey, Loader};
use super::moment::{Moment, moment};
use super::viewer::app_and_viewer;

/// What becomes of a notification of an instance that fails.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "domain::account::FailurePolicy")]
pub(super) enum FailurePolicy {
    /// It is sent again by the schedule of its endpoint.
    Retry,
    /// It is a dead letter at once, for who pulls or replays it.
    Queue,
}

/// A connected store, and where what happens there is sent, as the instances API has it (docs/elements-api.md).
pub(super) struct Instance {
    row: InstanceRow,
    details: Details,
}

impl Instance {
    /// None of one that is deleted.
    pub(super) fn of(row: InstanceRow) -> Option<Self> {
        row.details().map(|details| Self { row, details })
    }
}

/// An endpoint of an instance.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(super) struct InstanceSubscription {
    /// Its id in the instances API.
    number: i32,
    /// Whether the configuration of the instance names its address.
    configured: bool,
    #[graphql(skip)]
    endpoint_id: String,
}

#[ComplexObject]
impl InstanceSubscription {
    /// Null where it was deleted.
    async fn endpoint(&self, context: &Context<'_>) -> Result<Option<Endpoint>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        Ok(app.endpoints.find(viewer, self.endpoint_id.clone()).await?.map(Endpoint::from))
    }
}

#[Object]
impl Instance {
    /// Its id in the instances API.
    async fn number(&self) -> i32 {
        int(self.row.number)
    }

    /// Of its stream in the event log.
    async fn id(&self) -> ID {
        ID(self.row.id.clone())
    }

    /// Whose it is.
    async fn account(&self, context: &Context<'_>) -> Result<Owner, ApiError> {
        owner_of(context, &self.row.account_id).await
    }

    async fn name(&self) -> &str {
        &self.details.name
    }

    async fn tags(&self) -> &[String] {
        &self.details.tags
    }

    /// Whether its token is taken. While it is not, nothing is sent either.
    async fn enabled(&self) -> bool {
        self.details.enabled
    }

    /// Whether what happens is sent. While it is not, it waits.
    async fn events_enabled(&self) -> bool {
        self.details.events_enabled
    }

    /// What its store was asked to allow, in the words of its platform.
    async fn scope(&self) -> &str {
        &self.details.scope
    }

    /// The integration with its store: how it is connected, and what it is asked to report. Null where making the instance was broken off.
    async fn integration(&self, context: &Context<'_>) -> Result<Option<Integration>, ApiError> {
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        let found = loader.load_one(IntegrationKey(self.row.integration_id.clone())).await?;
        Ok(found.map(Integration))
    }

    /// Where what happens is sent.
    #[graphql(complexity = "10 * child_complexity + 1")]
    async fn subscriptions(&self) -> Vec<InstanceSubscription> {
        let shown = self.details.subscriptions.iter().map(|subscription| InstanceSubscription {
            number: int(subscription.number.into()),
            configured: subscription.configured,
            endpoint_id: subscription.endpoint_id.to_string(),
        });
        shown.collect()
    }

    /// By it a program speaks for this instance in the instances API. Null for who may not change the instance.
    async fn token(&self, context: &Context<'_>) -> Result<Option<String>, ApiError> {
        let (app, viewer) = app_and_viewer(context)?;
        let found = app.instances.find(viewer, self.details.number).await?;
        Ok(found.and_then(|found| found.token(viewer).map(str::to_owned)))
    }

    async fn created_at(&self) -> Moment {
        moment(self.row.created_at)
    }
}
