//! Finding an order in the log itself, where no view may be: by the number that people see.

use projections::database::Sql;
use sqlx::FromRow;

use super::EventLog;

/// Deliveries of one number that are found at most: one for each store that uses it.
const MAX_FOUND: i64 = 1_000;

#[derive(FromRow)]
struct Found {
    aggregate_id: String,
}

impl EventLog {
    /// The deliveries of an order by its number, with or without its mark, of one integration or of all. Reads every
    /// recorded webhook: numbers are in no index of the log.
    pub async fn deliveries_numbered(&self, integration_id: Option<&str>, number: &str) -> sqlx::Result<Vec<String>> {
        let bare = number.trim().trim_start_matches('#');
        let [bare, marked] = [bare.to_owned(), format!("#{bare}")].map(|number| contains("order_number", &number));
        let mut sql = Sql::new("SELECT DISTINCT aggregate_id FROM events WHERE aggregate_type = 'delivery'")
            .push(" AND event_type = 'webhook_received' AND (CAST(payload AS text) LIKE ")
            .bind(bare)
            .push(" ESCAPE '!' OR CAST(payload AS text) LIKE ")
            .bind(marked)
            .push(" ESCAPE '!')");
        if let Some(integration_id) = integration_id {
            sql = sql.push(" AND CAST(payload AS text) LIKE ").bind(contains("integration_id", integration_id));
            sql = sql.push(" ESCAPE '!'");
        }
        let found: Vec<Found> = self.database().fetch_all(sql.push(" LIMIT ").bind(MAX_FOUND)).await?;
        Ok(found.into_iter().map(|found| found.aggregate_id).collect())
    }
}

/// What a payload contains that has this field. A quotation mark within a text is escaped in JSON, so no title or note can
/// look like it.
fn contains(field: &str, value: &str) -> String {
    let value = serde_json::Value::from(value).to_string();
    let mut pattern = String::from("%");
    for character in format!("\"{field}\":{value}").chars() {
        if matches!(character, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_field_and_nothing_by_accident() {
        assert_eq!(contains("order_number", "#1042"), r##"%"order!_number":"#1042"%"##);
        assert_eq!(contains("order_number", r#"1%_!""#), r#"%"order!_number":"1!%!_!!\""%"#);
    }
}
