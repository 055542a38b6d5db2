//! Loads what the rows of a list refer to with one question for all of them, instead of one for each.

use std::collections::HashMap;
use std::sync::Arc;

use projections::delivery_log::{self, DeliveryRow};
use projections::integrations::{self, IntegrationRow};

use crate::service::Service;

pub(super) struct Loader(pub(super) Arc<Service>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct IntegrationKey(pub(super) String);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct DeliveryKey(pub(super) String);

impl async_graphql::dataloader::Loader<IntegrationKey> for Loader {
    type Value = IntegrationRow;
    type Error = Arc<sqlx::Error>;

    async fn load(&self, keys: &[IntegrationKey]) -> Result<HashMap<IntegrationKey, IntegrationRow>, Self::Error> {
        let ids: Vec<String> = keys.iter().map(|key| key.0.clone()).collect();
        let rows = integrations::find_many(&self.0.views, &ids).await?;
        Ok(rows.into_iter().map(|row| (IntegrationKey(row.id.clone()), row)).collect())
    }
}

impl async_graphql::dataloader::Loader<DeliveryKey> for Loader {
    type Value = DeliveryRow;
    type Error = Arc<sqlx::Error>;

    async fn load(&self, keys: &[DeliveryKey]) -> Result<HashMap<DeliveryKey, DeliveryRow>, Self::Error> {
        let ids: Vec<String> = keys.iter().map(|key| key.0.clone()).collect();
        let rows = delivery_log::find_many(&self.0.views, &ids).await?;
        Ok(rows.into_iter().map(|row| (DeliveryKey(row.id.clone()), row)).collect())
    }
}
