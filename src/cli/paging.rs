//! Lists that are asked for a page at a time.

use clap::Args;
use serde_json::{Value, json};

use super::client::{Client, MAX_PAGE, PageInfo, ServerArgs, understood};
use super::{identifiers, output};

/// Which page of a list.
#[derive(Args, Debug)]
pub(super) struct PageArgs {
    /// How many at most
    #[arg(long, env = "CLOUD_BRIDGE_FIRST", value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_PAGE)))]
    first: u32,
    /// Go on after this cursor, which the list before ended with
    #[arg(long, env = "CLOUD_BRIDGE_AFTER", value_name = "CURSOR")]
    after: Option<String>,
}

impl PageArgs {
    /// Queries a page of a list, with a query that takes `first`, `after` and, where the list has one, `filter`.
    pub(super) async fn ask(
        &self,
        server: &ServerArgs,
        query: &str,
        list: &str,
        filter: Value,
    ) -> anyhow::Result<Value> {
        Ok(self.data(&server.client()?, query, filter).await?[list].take())
    }

    /// The same, with the other variables of the query. Ids in the filter may be beginnings of ids.
    pub(super) async fn data(&self, client: &Client, query: &str, filter: Value) -> anyhow::Result<Value> {
        let variables = json!({ "first": self.first, "after": self.after, "filter": filter });
        client.ask(query, identifiers::completed(client, variables).await?).await
    }

    /// What a mutation is given for the page.
    pub(super) fn variables(&self) -> (u32, Option<&str>) {
        (self.first, self.after.as_deref())
    }

    /// Whether it is the beginning of the list.
    pub(super) fn is_first(&self) -> bool {
        self.after.is_none()
    }
}

/// Says how to see the rest of a list.
pub(super) fn print_cursor(page: &Value) -> anyhow::Result<()> {
    let info: PageInfo = understood(&page["pageInfo"])?;
    if let (true, Some(cursor)) = (info.has_next_page, info.end_cursor) {
        output::print(format_args!("\nThere is more: add --after '{}'", output::clean(&cursor)))?;
    }
    Ok(())
}
