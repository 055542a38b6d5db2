//! Finding deliveries by an order, or by the beginning of an order id, an order number or a username.

use sqlx::FromRow;

use super::filter::Filter;
use super::row::{order_term, username_term};
use storage::{Database, Sql};

/// Beyond so many matches, a page is read faster from the list than from the matches.
const MAX_SELECTIVE: i64 = 20_000;

/// How what is wanted is found.
pub(super) enum Found {
    /// Nothing is searched for.
    All,
    /// Few entries match one of these, so they are read from what they are found by.
    ByTerms(Vec<Term>),
    /// So many begin with it that they are best met on the way down the list.
    Among(String),
}

/// What entries are found by.
pub(super) enum Term {
    Is(String),
    BeginsWith(String),
}

impl Term {
    fn restrict(&self, sql: Sql, column: &str) -> Sql {
        match self {
            Self::Is(term) => sql.push(&format!("{column} = ")).bind(term.as_str()),
            // Everything that begins with a text lies between it and it followed by the last character there is.
            Self::BeginsWith(begin) => {
                let sql = sql.push(&format!("({column} >= ")).bind(begin.as_str());
                sql.push(&format!(" AND {column} < ")).bind(format!("{begin}\u{10FFFF}")).push(")")
            }
        }
    }
}

impl Filter {
    fn text(&self) -> Option<&str> {
        self.search.as_deref().map(str::trim).filter(|text| !text.is_empty())
    }

    /// The beginnings of terms that a text may mean.
    fn beginnings(&self, text: &str) -> Vec<Term> {
        let name = self.search_names.then(|| Term::BeginsWith(username_term(text)));
        [Term::BeginsWith(order_term(text))].into_iter().chain(name).collect()
    }
}

pub(super) async fn find(database: &Database, filter: &Filter) -> sqlx::Result<Found> {
    if let Some(order) = &filter.order {
        return Ok(Found::ByTerms(vec![Term::Is(order_term(order))]));
    }
    let Some(text) = filter.text() else { return Ok(Found::All) };
    let terms = filter.beginnings(text);
    Ok(if is_selective(database, filter, &terms).await? {
        Found::ByTerms(terms)
    } else {
        Found::Among(text.to_owned())
    })
}

#[derive(FromRow)]
struct Matches {
    matches: i64,
}

async fn is_selective(database: &Database, filter: &Filter, terms: &[Term]) -> sqlx::Result<bool> {
    for term in terms {
        let matching = Sql::new("SELECT count(*) AS matches FROM (SELECT 1 AS one FROM delivery_terms t WHERE ");
        let matching = match &filter.account_id {
            Some(account_id) => matching.push("t.account_id = ").bind(account_id.as_str()),
            None => matching.push("t.account_id IN (SELECT id FROM accounts)"),
        };
        let matching = term.restrict(matching.push(" AND "), "t.term").push(" LIMIT ").bind(MAX_SELECTIVE + 1);
        if database.fetch_one::<Matches>(matching.push(") found")).await?.matches > MAX_SELECTIVE {
            return Ok(false);
        }
    }
    Ok(true)
}

impl Found {
    pub(super) fn restrict(&self, mut sql: Sql, filter: &Filter) -> Sql {
        match self {
            Self::All => sql,
            Self::ByTerms(terms) => {
                if filter.account_id.is_none() {
                    // One look into the index for each account, which needs no second index without the account.
                    sql = sql.push(" AND t.account_id IN (SELECT id FROM accounts)");
                }
                sql = sql.push(" AND (");
                for (index, term) in terms.iter().enumerate() {
                    sql = term.restrict(if index == 0 { sql } else { sql.push(" OR ") }, "t.term");
                }
                sql = sql.push(")");
                // With an order and a text both are wanted.
                match filter.text().filter(|_| filter.order.is_some()) {
                    None => sql,
                    Some(text) => {
                        let again = "SELECT 1 FROM delivery_terms a WHERE a.account_id = t.account_id";
                        sql = sql.push(&format!(" AND EXISTS ({again} AND a.listed_at = t.listed_at AND ("));
                        for (index, term) in filter.beginnings(text).iter().enumerate() {
                            sql = term.restrict(if index == 0 { sql } else { sql.push(" OR ") }, "a.term");
                        }
                        sql.push("))")
                    }
                }
            }
            Self::Among(text) => {
                let bare = text.trim_start_matches('#');
                let mut columns = vec![("d.order_id", bare.to_owned()), ("d.order_number", bare.to_owned())];
                columns.push(("d.order_number", format!("#{bare}")));
                if filter.search_names {
                    columns.push(("s.username_key", text.trim_start_matches('@').to_lowercase()));
                }
                sql = sql.push(" AND (");
                for (index, (column, begin)) in columns.into_iter().enumerate() {
                    sql = Term::BeginsWith(begin).restrict(if index == 0 { sql } else { sql.push(" OR ") }, column);
                }
                sql.push(")")
            }
        }
    }
}
