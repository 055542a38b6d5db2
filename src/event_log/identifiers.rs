//! Ids of streams as people type them: found by their beginnings, and shortened for people to read.

use projections::database::Sql;
use projections::identifiers;

use super::EventLog;

impl EventLog {
    /// The ids of the streams of one kind that begin with a text, some at most: none where the text is too short.
    pub async fn streams_beginning(&self, aggregate_type: &str, prefix: &str, limit: i64) -> sqlx::Result<Vec<String>> {
        if !identifiers::is_prefix(prefix) {
            return Ok(vec![]);
        }
        let prefix = prefix.to_ascii_lowercase();
        let sql = Sql::new("SELECT aggregate_id FROM events WHERE sequence = 1 AND aggregate_type = ")
            .bind(aggregate_type)
            .push(" AND aggregate_id >= ")
            .bind(prefix.as_str())
            .push(" AND aggregate_id < ")
            .bind(format!("{prefix}g"))
            .push(" ORDER BY aggregate_id LIMIT ")
            .bind(limit);
        let ids: Vec<(String,)> = self.database.fetch_all(sql).await?;
        Ok(ids.into_iter().map(|(id,)| id).filter(|id| id.starts_with(&prefix)).collect())
    }

    /// The shortest beginning of a stream's id that no other stream of its kind has.
    pub async fn shortest_id(&self, aggregate_type: &str, id: &str) -> sqlx::Result<String> {
        let mut beside: Vec<(String,)> = vec![];
        for (than, order) in [("<", "DESC"), (">", "ASC")] {
            let sql = Sql::new("SELECT aggregate_id FROM events WHERE sequence = 1 AND aggregate_type = ")
                .bind(aggregate_type)
                .push(&format!(" AND aggregate_id {than} "))
                .bind(id)
                .push(&format!(" ORDER BY aggregate_id {order} LIMIT 1"));
            beside.extend(self.database.fetch_optional::<(String,)>(sql).await?);
        }
        Ok(identifiers::shortest_beside(id, beside.iter().map(|(id,)| id)).to_owned())
    }
}
