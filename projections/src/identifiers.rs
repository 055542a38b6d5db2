//! Ids as people type them: which of them begin with a text, and how much of one is enough to tell it from all others.

use sqlx::FromRow;

use crate::database::{Database, Sql};

/// The shortest beginning of an id that is printed or understood. Fewer characters would name many ids, and looking
/// through those has to be bounded.
pub const MIN_PREFIX_CHARS: usize = 8;

/// What an id is of. Each is read by the primary key of its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Account,
    ApiKey,
    Integration,
    /// Deliveries, and the webhooks that repeat them.
    Delivery,
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
            Self::DataRequest => "data_requests",
        }
    }

    /// The column that says which account an id belongs to.
    fn owner(self) -> &'static str {
        match self {
            Self::Account => "id",
            Self::ApiKey | Self::Integration | Self::Delivery | Self::DataRequest => "account_id",
        }
    }
}

/// Whether a text can be the beginning of an id: hexadecimal digits and hyphens, and enough of them.
pub fn is_prefix(text: &str) -> bool {
    (MIN_PREFIX_CHARS..=36).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
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

/// As much of an id as tells it from others.
pub fn shortest_beside<O: AsRef<str>>(id: &str, others: impl IntoIterator<Item = O>) -> &str {
    let alike = |other: &O| id.bytes().zip(other.as_ref().bytes()).take_while(|(one, other)| one == other).count();
    let longest = others.into_iter().map(|other| alike(&other)).max().unwrap_or(0);
    let end = (longest + 1).max(MIN_PREFIX_CHARS);
    // A beginning that ends with a hyphen looks cut off.
    let end = if id.as_bytes().get(end - 1) == Some(&b'-') { end + 1 } else { end };
    id.get(..end).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_as_long_as_it_must_be_to_be_told_from_others() {
        let id = "01a1fc56-1234-7abc-8def-0123456789ab";
        for (others, short) in [
            (vec![], "01a1fc56"),
            (vec!["01a1fc55-1234-7abc-8def-0123456789ab"], "01a1fc56"),
            (vec!["01a1fc56-9234-7abc-8def-0123456789ab"], "01a1fc56-1"),
            (vec!["01a1fc56-1235-7abc-8def-0123456789ab", "01a1fc56-2"], "01a1fc56-1234"),
            (vec!["01a1fc56-1234-7abd"], "01a1fc56-1234-7abc"),
            (vec!["01a1fc56-1234-7abc"], "01a1fc56-1234-7abc-8"),
        ] {
            assert_eq!(shortest_beside(id, &others), short, "{others:?}");
        }
    }

    #[test]
    fn what_is_no_beginning_of_an_id_is_not_looked_for() {
        for (text, is) in [
            ("01a1fc56", true),
            ("01A1FC56-1", true),
            ("01a1fc5", false),
            ("storm-lead-v2", false),
            ("01a1fc56%", false),
            ("", false),
        ] {
            assert_eq!(is_prefix(text), is, "{text:?}");
        }
    }
}
