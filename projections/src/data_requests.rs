//! What stores asked by law: what is known of a customer. Each is answered with an export, and says itself whom it is about;
//! no customer is named here.

use std::collections::HashMap;

use domain::notice::{NoticeEvent, NoticeKind};
use domain::operator_action::OperatorActionEvent;
use sqlx::FromRow;

use crate::schema::Schema;
use crate::table::{self, Tables, table_row};
use crate::view::View;
use event_log::Position;
use event_log::recorded::{AnyEvent, Recorded};
use storage::{Database, Sql};

pub const VIEW: View = View {
    name: "data_requests",
    schema: Schema {
        version: 1,
        tables: &["data_requests"],
        holds_personal_data: false,
        statements: include_str!("../../migrations/views/data_requests.sql"),
    },
    fold: |tables, events| Box::pin(apply(tables, events)),
};

table_row!(DataRequestRow, "data_requests", key id;
    once account_id, integration_id, received_at, listed_at;
    changing deliveries, exported_at, erased_at);

const COLUMNS: &str = "id, account_id, integration_id, received_at, deliveries, exported_at, erased_at, listed_at";

/// A question as it lies in the table. Times are microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct DataRequestRow {
    /// Of the notice that makes the request.
    pub id: String,
    pub account_id: String,
    pub integration_id: String,
    pub received_at: i64,
    /// How many were the customer's when it was asked; `None` until they are counted.
    pub deliveries: Option<i64>,
    /// When the answer was written out, the last time.
    pub exported_at: Option<i64>,
    /// Since when the request does not say any more whom it is about.
    pub erased_at: Option<i64>,
    pub listed_at: Position,
}

/// What an event changes of a data request.
enum Change<'e> {
    Asked(DataRequestRow),
    Counted(&'e u32),
    Exported,
    Erased,
}

async fn apply(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<()> {
    let changes: Vec<(i64, String, Change<'_>)> = events.iter().filter_map(change).collect();
    let ids: Vec<&str> = changes.iter().map(|(_, id, _)| id.as_str()).collect();
    let known: Vec<DataRequestRow> = table::read(tables, &ids).await?;
    let known: HashMap<String, DataRequestRow> = known.into_iter().map(|row| (row.id.clone(), row)).collect();
    let mut rows = known.clone();
    for (at, id, change) in changes {
        if let Change::Asked(row) = change {
            rows.insert(id, row);
            continue;
        }
        // Notices of other kinds are erased too.
        let Some(row) = rows.get_mut(&id) else { continue };
        match change {
            Change::Asked(_) => {}
            Change::Counted(deliveries) => row.deliveries = Some((*deliveries).into()),
            Change::Exported => row.exported_at = Some(at),
            Change::Erased => row.erased_at = Some(at),
        }
    }
    let mut rows: Vec<DataRequestRow> = rows.into_values().collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    table::write_changed(tables, &rows, &known, |row| &row.id).await
}

fn change(event: &Recorded) -> Option<(i64, String, Change<'_>)> {
    let at = event.recorded_at_us();
    let of_stream = |change| Some((at, event.aggregate_id.clone(), change));
    match &event.event {
        AnyEvent::Notice(NoticeEvent::WebhookReceived(notice)) if notice.kind == NoticeKind::CustomerDataRequest => {
            of_stream(Change::Asked(DataRequestRow {
                id: event.aggregate_id.clone(),
                account_id: notice.account_id.to_string(),
                integration_id: notice.integration_id.to_string(),
                received_at: at,
                deliveries: None,
                exported_at: None,
                erased_at: None,
                listed_at: event.position,
            }))
        }
        AnyEvent::Notice(NoticeEvent::PersonalDataErased {}) => of_stream(Change::Erased),
        AnyEvent::OperatorAction(OperatorActionEvent::DataRequested { deliveries, .. }) => {
            of_stream(Change::Counted(deliveries))
        }
        AnyEvent::OperatorAction(OperatorActionEvent::PersonalDataExported { data_request: Some(id), .. }) => {
            Some((at, id.to_string(), Change::Exported))
        }
        AnyEvent::Notice(
            NoticeEvent::WebhookReceived(_) | NoticeEvent::WebhookRepeated(_) | NoticeEvent::OrderRead(_),
        )
        | AnyEvent::OperatorAction(_)
        | AnyEvent::Resource(_)
        | AnyEvent::Publication(_)
        | AnyEvent::Endpoint(_)
        | AnyEvent::Dispatch(_)
        | AnyEvent::Account(_)
        | AnyEvent::Integration(_)
        | AnyEvent::Delivery(_)
        | AnyEvent::Ledger(_)
        | AnyEvent::Checkpoint(_)
        | AnyEvent::Store(_)
        | AnyEvent::Instance(_)
        | AnyEvent::Unknown => None,
    }
}

/// Which data requests are wanted; empty parts mean everything.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// `None` for those who may see every account.
    pub account_id: Option<String>,
    pub integration_id: Option<String>,
    /// Only those that still say whom they are about.
    pub is_readable: bool,
}

/// Data requests before a position in the list, the newest first.
pub async fn page(
    database: &Database,
    filter: &Filter,
    before: Option<Position>,
    limit: i64,
) -> sqlx::Result<Vec<DataRequestRow>> {
    let mut sql = Sql::new(format!("SELECT {COLUMNS} FROM data_requests WHERE listed_at < "));
    sql = sql.bind(before.unwrap_or(Position::MAX));
    if let Some(account_id) = &filter.account_id {
        sql = sql.push(" AND account_id = ").bind(account_id.as_str());
    }
    if let Some(integration_id) = &filter.integration_id {
        sql = sql.push(" AND integration_id = ").bind(integration_id.as_str());
    }
    if filter.is_readable {
        sql = sql.push(" AND erased_at IS NULL");
    }
    database.fetch_all(sql.push(" ORDER BY listed_at DESC LIMIT ").bind(limit)).await
}
