//! What stores asked by law of a customer, for the merchant to answer.

use async_graphql::dataloader::DataLoader;
use async_graphql::{ComplexObject, Context, ID, InputObject, SimpleObject};
use projections::data_requests::Filter;

use super::ApiError;
use super::account::int;
use super::integration::Integration;
use super::loader::{IntegrationKey, Loader};
use super::moment::{Moment, moment};
use crate::app::data_requests;

/// A store's request for what is known of a customer. Whom it is about is sealed, and shown by the export alone.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(super) struct DataRequest {
    /// For `exportPersonalData(input: { dataRequest: … })`, which gives the answer.
    id: ID,
    received_at: Moment,
    /// Until when the customer is to be answered.
    answer_by: Moment,
    /// How many deliveries were the customer's when it was asked; null until they are counted.
    deliveries: Option<i32>,
    /// When the answer was written out, the last time; null while it was not.
    exported_at: Option<Moment>,
    /// Since when the customer is erased, and nothing more is known.
    erased_at: Option<Moment>,
    /// What to type to write the answer to a file.
    command: String,
    #[graphql(skip)]
    integration_id: String,
}

#[ComplexObject]
impl DataRequest {
    async fn integration(&self, context: &Context<'_>) -> Result<Option<Integration>, ApiError> {
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        Ok(loader.load_one(IntegrationKey(self.integration_id.clone())).await?.map(Integration))
    }
}

#[derive(InputObject, Default)]
pub(super) struct DataRequestFilter {
    /// Support and admin only: of one account.
    account_id: Option<ID>,
    integration_id: Option<ID>,
}

impl From<DataRequestFilter> for Filter {
    fn from(filter: DataRequestFilter) -> Self {
        let text = |id: ID| id.replace('\0', "");
        let (account_id, integration_id) = (filter.account_id.map(text), filter.integration_id.map(text));
        Self { account_id, integration_id, is_readable: false }
    }
}

impl From<data_requests::DataRequest> for DataRequest {
    fn from(data_requests::DataRequest { row, answer_by }: data_requests::DataRequest) -> Self {
        Self {
            command: format!("cloud-bridge export-personal-data --request {} --to customer.json", row.id),
            id: ID(row.id),
            received_at: moment(row.received_at),
            answer_by: Moment(answer_by),
            deliveries: row.deliveries.map(int),
            exported_at: row.exported_at.map(moment),
            erased_at: row.erased_at.map(moment),
            integration_id: row.integration_id,
        }
    }
}
