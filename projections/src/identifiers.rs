//! Ids as people type them: which of them begin with a text, and how much of one distinguishes it from all others.
//!
//! A beginning is a range of an index, kept short by the least length; how far an id can be shortened is read from its
//! two neighbours. Mutations take whole ids, so that a program never acts on a guess: the command line resolves before it sends.

use event_log::identifiers::{is_prefix, shortest_beside};
use sqlx::FromRow;

use storage::{Database, Sql};

/// What an id is of. Each is read by the primary key or a unique index of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Account,
    ApiKey,
    Integration,
    /// Deliveries, and the webhooks that repeat them.
    Delivery,
    Endpoint,
    Dispatch,
    CommerceEvent,
    /// What a store asked by law of a customer.
    DataRequest,
}

impl Kind {
    fn view(self) -> &'static str {
        match self {
            Self::Account => "accounts",
            Self::ApiKey => "api_keys",
            Self::Integration => "integrations",
            Self::Delivery => "delivery_log",
            Self::Endpoint => "endpoints",
            Self::Dispatch => "dispatches",
            Self::CommerceEvent => "commerce_events",
            Self::DataRequest => "data_requests",
        }
    }

    /// The column that says which account an id belongs to.
    fn owner(self) -> &'static str {
        match self {
            Self::Account => "id",
            Self::ApiKey
            | Self::Integration
            | Self::Delivery
            | Self::Endpoint
            | Self::Dispatch
            | Self::CommerceEvent
            | Self::DataRequest => "account_id",
        }
    }
}

/// The ids that begin with a text, `limit` at most, in order: of one account, or of all.
pub async fn beginning_with(
    database: &Database,
    kind: Kind,
    account_id: Option<&str>,
    prefix: &str,
    limit: i64,
) -> sqlx::Result<Vec<String>> {
    if !is_prefix(prefix) {
        return Ok(vec![]);
    }
    let view = kind.view();
    let prefix = prefix.to_ascii_lowercase();
    // No id has a character after the hexadecimal digits. Ids are all of one form, so that they lie in this order also where
    // the database sorts text like a language.
    let end = format!("{prefix}g");
    let mut sql =
        Sql::new(format!("SELECT id FROM {view} WHERE id >= ")).bind(prefix.as_str()).push(" AND id < ").bind(end);
    if let Some(account_id) = account_id {
        sql = sql.push(&format!(" AND {} = ", kind.owner())).bind(account_id);
    }
    let sql = sql.push(" ORDER BY id LIMIT ").bind(limit);
    let ids: Vec<(String,)> = database.fetch_all(sql).await?;
    Ok(ids.into_iter().map(|(id,)| id).filter(|id| id.starts_with(&prefix)).collect())
}

#[derive(FromRow)]
struct Neighbours {
    id: String,
    one_before: Option<String>,
    one_after: Option<String>,
}

/// The shortest beginning of each id that no other id of its kind has. Ids that are not there, or not of the account that
/// is given, are left out.
///
/// The ids of all accounts are compared: what is unique among all is unique among those of one account, and it takes two
/// reads of an index for each id, however many there are.
pub async fn shortest(
    database: &Database,
    kind: Kind,
    account_id: Option<&str>,
    ids: &[String],
) -> sqlx::Result<Vec<(String, String)>> {
    if ids.is_empty() {
        return Ok(vec![]);
    }
    let view = kind.view();
    let beside = |than: &str, order: &str| {
        format!("(SELECT o.id FROM {view} o WHERE o.id {than} d.id ORDER BY o.id {order} LIMIT 1)")
    };
    let (before, after) = (beside("<", "DESC"), beside(">", "ASC"));
    let mut sql =
        Sql::new(format!("SELECT d.id, {before} AS one_before, {after} AS one_after FROM {view} d WHERE d.id IN ("))
            .bind_list(ids.iter().map(String::as_str))
            .push(")");
    if let Some(account_id) = account_id {
        sql = sql.push(&format!(" AND d.{} = ", kind.owner())).bind(account_id);
    }
    let found: Vec<Neighbours> = database.fetch_all(sql).await?;
    Ok(found
        .into_iter()
        .map(|Neighbours { id, one_before, one_after }| {
            let beside = one_before.into_iter().chain(one_after);
            let short = shortest_beside(&id, beside).to_owned();
            (id, short)
        })
        .collect())
}
