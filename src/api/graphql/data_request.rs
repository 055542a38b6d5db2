//! What stores asked by law of a customer, for the merchant to answer.

use async_graphql::dataloader::DataLoader;
use async_graphql::{ComplexObject, Context, ID, InputObject, SimpleObject};
use chrono::TimeDelta;
use event_log::Position;
use projections::data_requests::{self, DataRequestRow, Filter};

use super::ApiError;
use super::account::int;
use super::integration::Integration;
use super::loader::{IntegrationKey, Loader};
use super::moment::{Moment, moment};
use super::page::Wanted;
use crate::app::App;
use crate::app::Viewer;

/// What the law gives the merchant to answer.
const DAYS_TO_ANSWER: TimeDelta = TimeDelta::days(30);

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

impl From<DataRequestRow> for DataRequest {
    fn from(row: DataRequestRow) -> Self {
        let received_at = moment(row.received_at);
        Self {
            command: format!("cloud-bridge export-personal-data --request {} --to customer.json", row.id),
            id: ID(row.id),
            received_at,
            answer_by: Moment(received_at.0 + DAYS_TO_ANSWER),
            deliveries: row.deliveries.map(int),
            exported_at: row.exported_at.map(moment),
            erased_at: row.erased_at.map(moment),
            integration_id: row.integration_id,
        }
    }
}

/// The questions that the caller may see, the newest first.
pub(super) async fn requests(
    app: &App,
    viewer: &Viewer,
    filter: Option<DataRequestFilter>,
    wanted: Wanted<Position>,
) -> Result<Vec<(Position, DataRequest)>, ApiError> {
    let filter = filter.unwrap_or_default();
    let text = |id: ID| id.replace('\0', "");
    let account_id = match filter.account_id.map(text) {
        Some(account_id) if !viewer.sees(&account_id) => return Err(ApiError::Forbidden),
        Some(account_id) => Some(account_id),
        None => viewer.scope(),
    };
    let filter = Filter { account_id, integration_id: filter.integration_id.map(text), is_readable: false };
    let rows = data_requests::page(&app.core.views, &filter, wanted.after, wanted.limit()).await?;
    Ok(rows.into_iter().map(|row| (row.listed_at, DataRequest::from(row))).collect())
}
