//! Lists that are asked for a page at a time.

use clap::Args;
use serde_json::{Value, json};

use super::client::{MAX_PAGE, PageInfo, ServerArgs, understood};
use super::output;

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
    /// Asks for the page of a list, with a query that takes `first`, `after` and, where the list has one, `filter`.
    pub(super) async fn ask(
        &self,
        server: &ServerArgs,
        query: &str,
        list: &str,
        filter: Value,
    ) -> anyhow::Result<Value> {
        let variables = json!({ "first": self.first, "after": self.after, "filter": filter });
        Ok(server.client()?.ask(query, variables).await?[list].take())
    }
}

/// Says how to see the rest of a list.
pub(super) fn tell_of_more(page: &Value) -> anyhow::Result<()> {
    let info: PageInfo = understood(&page["pageInfo"])?;
    if let (true, Some(cursor)) = (info.has_next_page, info.end_cursor) {
        output::print(format_args!("\nThere is more: add --after '{}'", output::clean(&cursor)))?;
    }
    Ok(())
}
