//! `cloud-bridge data-requests`: what stores asked by law of their customers, and how to answer.

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Deserialize;
use serde_json::json;

use super::client::{ServerArgs, understood};
use super::identifiers::{Kind, ShortIds};
use super::output::{self, cell, moment};
use super::owners::{Owners, Store};
use super::paging::{PageArgs, print_cursor};

/// List stores' questions what is known of a customer, the newest first
///
/// A store sends one when a customer wants to know, and the merchant has 30 days to answer. Write the answer with
/// `export-personal-data --request ID`, which also says whom it is about; here no customer is named.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge data-requests
  cloud-bridge export-personal-data --request ID --to customer.json --reason 'asked by the store'")]
pub(super) struct DataRequests {
    /// Only of this account [default: all that the API key sees]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    server: ServerArgs,
}

const LIST: &str = "query($first: Int, $after: String, $filter: DataRequestFilter) {
  dataRequests(first: $first, after: $after, filter: $filter) {
    nodes { id receivedAt answerBy deliveries exportedAt erasedAt command integration { id name account { id name } } }
    pageInfo { hasNextPage endCursor } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DataRequest {
    id: String,
    answer_by: DateTime<Utc>,
    deliveries: Option<u32>,
    exported_at: Option<DateTime<Utc>>,
    erased_at: Option<DateTime<Utc>>,
    integration: Option<Store>,
}

impl DataRequests {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let filter = json!({ "accountId": self.account });
        let client = self.server.client()?;
        let page = self.page.data(&client, LIST, filter).await?["dataRequests"].take();
        if json {
            return Ok(output::print_json(&page)?);
        }
        let requests: Vec<DataRequest> = understood(&page["nodes"])?;
        if requests.is_empty() && self.page.is_first() {
            return Ok(output::say(
                "No store has asked what is known of a customer. Such a question comes as a webhook of the topic \
                 customers/data_request.",
            )?);
        }
        let short =
            ShortIds::of(&client, Kind::DataRequest, requests.iter().map(|request| request.id.as_str())).await?;
        let stores = requests.iter().filter_map(|request| request.integration.as_ref());
        let owners = Owners::of(stores.map(|store| &store.account));
        let mut header =
            vec![("ID", None), ("STORE", Some(6)), ("DELIVERIES", Some(1)), ("ANSWER BY (UTC)", None), ("STATE", None)];
        if owners.is_some() {
            header.insert(1, ("ACCOUNT", Some(5)));
        }
        let mut table = output::list(&header);
        for request in &requests {
            let store = request.integration.as_ref();
            let mut row = vec![
                cell(short.get(&request.id)),
                cell(store.map(|store| store.name.as_str()).unwrap_or_default()),
                cell(request.deliveries.map(|number| number.to_string()).unwrap_or_default()),
                cell(moment(request.answer_by)),
                cell(request.state()),
            ];
            if let Some(owners) = &owners {
                row.insert(1, cell(store.map(|store| owners.name(&store.account)).unwrap_or_default()));
            }
            table.add_row(row);
        }
        output::keep_whole(&mut table, 0);
        output::may_shorten(&mut table, &["STORE", "ACCOUNT"]);
        output::print(output::rendered(&table))?;
        if requests.iter().any(DataRequest::is_open) {
            output::say("\nWrite an answer with: cloud-bridge export-personal-data --request ID --to FILE")?;
        }
        print_cursor(&page)
    }
}

impl DataRequest {
    fn is_open(&self) -> bool {
        self.exported_at.is_none() && self.erased_at.is_none()
    }

    fn state(&self) -> String {
        match (self.erased_at, self.exported_at) {
            (Some(at), _) => format!("erased {}", moment(at)),
            (None, Some(at)) => format!("written out {}", moment(at)),
            (None, None) => "open".to_owned(),
        }
    }
}
