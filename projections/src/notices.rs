//! What still has its body and is about no order: webhooks, and events that programs of the account published; and whom those
//! name.

use std::collections::{BTreeMap, BTreeSet};

use domain::notice::NoticeEvent;
use domain::publication::PublicationEvent;
use sqlx::FromRow;

use crate::customers::{NOTICES, StoreCustomer, naming};
use crate::schema::Schema;
use crate::table::{self, Existing, Tables, table_row};
use crate::view::View;
use event_log::Position;
use event_log::recorded::{AnyEvent, Recorded};
use storage::{Database, Sql};

pub const VIEW: View = View {
    name: "notices",
    schema: Schema {
        version: 4,
        tables: &["kept_notices", "notice_customers"],
        holds_personal_data: true,
        statements: include_str!("../../migrations/views/notices.sql"),
    },
    fold: |tables, events| Box::pin(apply(tables, events)),
};

table_row!(KeptNotice, "kept_notices", key id; once listed_at, account_id, integration_id, kind, received_at; changing);

table_row!(CustomerNotice, "notice_customers", key token, listed_at; once; changing);

const COLUMNS: &str = "id, account_id, integration_id, kind, received_at, listed_at";

/// The kind of an event that a program of the account published.
pub const PUBLICATION: &str = "publication";

/// A webhook about no order whose body is kept, or an event that was published.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct KeptNotice {
    pub id: String,
    pub account_id: String,
    /// None of an event that was published for no store.
    pub integration_id: Option<String>,
    pub kind: String,
    /// Microseconds since 1970.
    pub received_at: i64,
    pub listed_at: Position,
}

#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
struct CustomerNotice {
    token: String,
    listed_at: Position,
}

async fn apply(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<()> {
    let (mut kept, mut named, mut erased) = (BTreeMap::new(), BTreeSet::new(), vec![]);
    // Whom the orders name that webhooks only named, once they are read.
    let mut read: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for event in events {
        let id = event.aggregate_id.as_str();
        let (account_id, integration_id, kind) = match &event.event {
            AnyEvent::Notice(NoticeEvent::WebhookReceived(notice)) => {
                (notice.account_id, Some(notice.integration_id), notice.kind.as_str())
            }
            AnyEvent::Publication(PublicationEvent::EventPublished(published)) => {
                (published.account_id, published.integration_id, PUBLICATION)
            }
            AnyEvent::Notice(NoticeEvent::OrderRead(_)) => {
                read.entry(id).or_default().extend(event.customer_tokens.iter().map(String::as_str));
                continue;
            }
            AnyEvent::Notice(NoticeEvent::PersonalDataErased {})
            | AnyEvent::Publication(PublicationEvent::PersonalDataErased {}) => {
                if let Some(KeptNotice { listed_at, .. }) = kept.remove(id) {
                    named.retain(|(_, at): &(&str, Position)| *at != listed_at);
                }
                read.remove(id);
                erased.push(id);
                continue;
            }
            AnyEvent::Notice(NoticeEvent::WebhookRepeated(_))
            | AnyEvent::Account(_)
            | AnyEvent::Integration(_)
            | AnyEvent::Ledger(_)
            | AnyEvent::Delivery(_)
            | AnyEvent::OperatorAction(_)
            | AnyEvent::Resource(_)
            | AnyEvent::Endpoint(_)
            | AnyEvent::Dispatch(_)
            | AnyEvent::Checkpoint(_)
            | AnyEvent::Store(_)
            | AnyEvent::Instance(_)
            | AnyEvent::Unknown => continue,
        };
        let row = KeptNotice {
            id: id.to_owned(),
            account_id: account_id.to_string(),
            integration_id: integration_id.map(|id| id.to_string()),
            kind: kind.to_owned(),
            received_at: event.recorded_at_us(),
            listed_at: event.position,
        };
        kept.insert(id, row);
        for token in &event.customer_tokens {
            named.insert((token.as_str(), event.position));
        }
    }
    if !erased.is_empty() {
        let (customers, kept) = (tables.name("notice_customers"), tables.name("kept_notices"));
        let of_these =
            format!("DELETE FROM {customers} WHERE listed_at IN (SELECT listed_at FROM {kept} WHERE id IN (");
        tables.execute(Sql::new(of_these).bind_list(erased.iter().copied()).push("))")).await?;
        let these = Sql::new(format!("DELETE FROM {kept} WHERE id IN ("));
        tables.execute(these.bind_list(erased.iter().copied()).push(")")).await?;
    }
    for notice in kept_of(tables, &read).await?.iter().chain(kept.values()) {
        let tokens = read.get(notice.id.as_str()).into_iter().flatten();
        named.extend(tokens.map(|token| (*token, notice.listed_at)));
    }
    let kept: Vec<KeptNotice> = kept.into_values().collect();
    table::write(tables, &kept, Existing::Keep).await?;
    let named: Vec<CustomerNotice> =
        named.into_iter().map(|(token, listed_at)| CustomerNotice { token: token.to_owned(), listed_at }).collect();
    table::write(tables, &named, Existing::Keep).await
}

/// The webhooks of orders that were read, as far as they still have their bodies.
async fn kept_of(tables: &mut Tables<'_>, read: &BTreeMap<&str, BTreeSet<&str>>) -> sqlx::Result<Vec<KeptNotice>> {
    if read.is_empty() {
        return Ok(vec![]);
    }
    let select = format!("SELECT {COLUMNS} FROM {} WHERE id", tables.name("kept_notices"));
    tables.fetch_among(&select, &read.keys().copied().collect::<Vec<_>>()).await
}

/// Which notices are wanted. What is left out restricts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Tokens of one customer; a notice that any of them names matches.
    pub customer: Option<Vec<String>>,
    /// With `customer`: those too that name one of these.
    pub known_as: Vec<StoreCustomer>,
    pub account_id: Option<String>,
    pub integration_id: Option<String>,
    /// Received at this moment or before it (microseconds since 1970).
    pub received_until: Option<i64>,
}

/// Notices that still have their bodies, the oldest first, from after a place in the list.
pub async fn page(database: &Database, filter: &Filter, after: Position, limit: i64) -> sqlx::Result<Vec<KeptNotice>> {
    let mut sql = Sql::new(format!("SELECT {COLUMNS} FROM kept_notices WHERE listed_at > ")).bind(after);
    if let Some(tokens) = &filter.customer {
        sql = naming(sql.push(" AND listed_at IN ("), NOTICES, tokens, &filter.known_as).push(")");
    }
    if let Some(account_id) = &filter.account_id {
        sql = sql.push(" AND account_id = ").bind(account_id.as_str());
    }
    if let Some(integration_id) = &filter.integration_id {
        sql = sql.push(" AND integration_id = ").bind(integration_id.as_str());
    }
    if let Some(until) = filter.received_until {
        sql = sql.push(" AND received_at <= ").bind(until);
    }
    database.fetch_all(sql.push(" ORDER BY listed_at LIMIT ").bind(limit)).await
}
